"""The door to the ground truth: who the poisons are, for those who may know it.

In an experiment of ours the truth is known, because we played the attacker; it lies in a result of its own,
`choose_poisons/<key>`. In an investigation of somebody's own model nobody knows it. Pages, exports and grades ask
here, and get None where nothing is known.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from core import metrics
from core.artifacts import Detection, Poisoning
from core.pipeline import Plan


@dataclass(frozen=True)
class Truth:
    """Which training images are poisons, and what the attack was after."""

    poisoned: Bool[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    """Labels that the training images carry."""
    poisoning: Poisoning

    @property
    def target_classes(self) -> tuple[int, ...]:
        """Labels that the poisons carry."""
        return self.poisoning.target_classes

    def __len__(self) -> int:
        """How many poisons there are."""
        return int(self.poisoned.sum())

    def grade(self, found: Detection) -> dict[str, float | int | None]:
        """Flags and order of a detector against the truth, over all images and inside the target label."""
        return metrics.grade_detection(found, self.poisoned, self.labels, self.target_classes)


def known(p: Plan) -> bool:
    """Whether anybody knows who the poisons of this experiment are."""
    return p.experiment.attack.known


def of(p: Plan) -> Truth | None:
    """The truth of a plan; None where nobody knows it."""
    return required(p) if known(p) else None


def required(p: Plan) -> Truth:
    """The truth of a plan. Raises ValueError where nobody knows it."""
    if not known(p):
        raise ValueError(f"{p.experiment.title}: nobody knows who the poisons are, so nothing can be graded")
    poisoned, poisoning = p.poisoned.value, p.poisoning.value
    mask = metrics.mask_of(poisoning.indices, len(poisoned.train), "poison_indices")
    return Truth(mask, poisoned.train.labels, poisoning)
