"""Keeps what the close looks at training images need, made once: mean images, contrasts, and what flagged images share."""

import hashlib
from collections import OrderedDict
from typing import Any

import numpy as np

from app import results
from core import attack_view, closeup
from core import composite as composites
from core.artifacts import Detection
from core.cases import Case
from core.closeup import Calibrated, Neighbours
from core.composite import Composite
from core.detectors.contrast import Contrast

_means: OrderedDict[str, np.ndarray] = OrderedDict()
_parts: OrderedDict[tuple[str, ...], Calibrated] = OrderedDict()
_composites: OrderedDict[tuple[str, str], Composite | str] = OrderedDict()


def label_mean(case: Case, i: int) -> np.ndarray:
    """The mean image of the label that a training image carries."""

    def make() -> np.ndarray:
        data = case.plan.poisoned.value
        return closeup.class_means(data.train.images, data.train.labels, len(data.class_names))

    label = case.plan.poisoned.value.train.labels[i]
    return results.remembered(_means, case.plan.poisoned.key, make)[label]


def residual(case: Case, i: int) -> tuple[np.ndarray, int]:
    """What a training image has beyond the mean of its label, drawn on grey, and how far it is amplified."""
    change = closeup.residual(case.plan.poisoned.value.train.images[i], label_mean(case, i))
    factor = attack_view.fitting_factor(int(np.abs(change).max()))
    return attack_view.amplified(change, factor), factor


def contrasted(case: Case, rule: Contrast) -> Calibrated:
    """What the contrast compares; the margin does not matter. Raises ValueError where there are too few controls."""
    rule = rule.model_copy(update={"margin": 0.0})
    scores, data = case.plan.scores, case.plan.poisoned.value

    def make() -> Calibrated:
        return closeup.calibrated(rule, scores.value, data)

    return results.remembered(_parts, (scores.key, rule.model_dump_json()), make)


def nearest(case: Case, found: Detection, i: int) -> Neighbours:
    """The flagged images that look most like a training image."""
    flagged = np.flatnonzero(found.flagged)
    order = flagged[np.argsort(-found.suspicion[flagged], kind="stable")]
    return closeup.neighbours(case.plan.poisoned.value.train.images, i, order)


def composite(case: Case, flagged: np.ndarray) -> Composite | str:
    """What the flagged images share, or in words why it cannot be told."""
    train = case.plan.poisoned.value.train

    def make() -> Any:
        try:
            return composites.composite(train.images, np.asarray(train.labels), flagged)
        except ValueError as error:
            return str(error)

    digest = hashlib.sha256(np.packbits(flagged).tobytes()).hexdigest()
    return results.remembered(_composites, (case.plan.poisoned.key, digest), make)
