"""Which training images a reviewer looks at, and in which order.

The queue holds what the rule flags and the nearest that it does not, so that misses can be rescued. Random images of
the same labels that nobody flags are a control: who calls many of them poison says poison by habit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from core.artifacts import Detection
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.export import Rule
from core.randomness import numpy_stream

ORDERS = {
    "uncertain": "least certain first",
    "suspect": "most suspect first",
    "disputed": "where reviewers differ",
    "others": "not flagged, as a control",
}
MOST = 1000
LEAST_MISSED, MOST_MISSED, MISSED_SHARE = 12, 100, 0.25
CONTROLS = 60
REFERENCES = 24


@dataclass(frozen=True)
class Evidence:
    """What the rule makes of every training image."""

    flagged: Bool[np.ndarray, " n"]
    margin: Float32[np.ndarray, " n"]
    """How far above the cut-off; flagged means above zero."""
    confidence: Float64[np.ndarray, " n"]
    """Share of resamples that flag the image."""
    labels: Int64[np.ndarray, " n"]


@dataclass(frozen=True)
class Queue:
    """Images in the order of looking, and what they are."""

    images: Int64[np.ndarray, " m"]
    flagged: int
    missed: int
    """Of the nearest that are not flagged."""
    controls: int
    left_out: int
    """Images beyond the most that one queue holds."""


def evidence(found: Detection, rule: Rule, *, confidence: np.ndarray, labels: np.ndarray) -> Evidence:
    """The evidence of a rule that people move by hand."""
    if isinstance(rule, DeltaInfluence):
        cut_off = -rule.threshold
    else:
        cut_off = rule.margin if isinstance(rule, Contrast) else rule.threshold
    return Evidence(found.flagged, found.suspicion - np.float32(cut_off), confidence, labels)


def queue(seen: Evidence, order: str, *, disputed: list[int] | None = None, label: int = -1) -> Queue:
    """The images to look at in an order; only those with a label where one is given.

    uncertain: confidence nearest one half, then nearest the cut-off. Raises ValueError for an unknown order.
    """
    if order not in ORDERS:
        raise ValueError(f"order={order!r}: choose from {list(ORDERS)}")
    if order == "disputed":
        images = np.array(disputed or [], np.int64)
    elif order == "others":
        images = controls(seen)
    else:
        images = np.concatenate([np.flatnonzero(seen.flagged), just_missed(seen)])
        doubt = np.abs(seen.confidence[images] - 0.5).round(3)
        near = np.abs(seen.margin[images])
        keys = (images, near, doubt) if order == "uncertain" else (images, -seen.margin[images])
        images = images[np.lexsort(keys)]
    if label >= 0:
        images = images[seen.labels[images] == label]
    shown = images[:MOST]
    flagged, control = int(seen.flagged[shown].sum()), len(shown) if order == "others" else 0
    return Queue(shown, flagged, len(shown) - flagged - control, control, len(images) - len(shown))


def just_missed(seen: Evidence) -> Int64[np.ndarray, " m"]:
    """The nearest images below the cut-off, a quarter as many as are flagged, 12 to 100; none where none is flagged.

    Images that the rule could never flag, which share the lowest value, are not among them.
    """
    wanted = int(np.clip(MISSED_SHARE * seen.flagged.sum(), LEAST_MISSED, MOST_MISSED))
    below = np.flatnonzero(~seen.flagged & (seen.margin > seen.margin.min(initial=np.inf)))
    near = below[np.argsort(-seen.margin[below], kind="stable")]
    return near[:wanted] if seen.flagged.any() else near[:0]


def controls(seen: Evidence) -> Int64[np.ndarray, " m"]:
    """Random images that carry a flagged label and are far from flagged; the same ones for every reviewer."""
    carried = np.isin(seen.labels, np.unique(seen.labels[seen.flagged]))
    far = carried & ~seen.flagged
    far[just_missed(seen)] = False
    return _shuffled(far)[:CONTROLS]


def references(seen: Evidence, label: int) -> Int64[np.ndarray, " m"]:
    """Random images of a label to compare with: the less suspect half of those that are not flagged."""
    of_label = np.flatnonzero((seen.labels == label) & ~seen.flagged)
    if not len(of_label):
        return of_label
    far = np.zeros(len(seen.labels), bool)
    far[of_label[seen.margin[of_label] <= np.median(seen.margin[of_label])]] = True
    return _shuffled(far)[:REFERENCES]


def _shuffled(chosen: Bool[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    """Places of the chosen ones in an order that another cut-off does not change."""
    order = numpy_stream(0, "review").permutation(len(chosen))
    return order[chosen[order]]
