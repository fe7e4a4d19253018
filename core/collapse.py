"""Influence collapse in numbers: how often, and how clearly, a training image loses influence.

NumPy only, so that the dashboard can call it on every movement of the threshold. `delta` is the change of
influence, float32 [t n]: t transformed queries, n training images. An image is flagged when at least
t − tolerance of its changes are below the threshold (Delta-Influence, arXiv 2411.13731).

Sorting each column once makes every threshold exact and instant: image i is flagged exactly when its
(t − tolerance)-th smallest change is below the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

Delta = Float32[np.ndarray, "t n"]


def sorted_changes(delta: Delta) -> Delta:
    """Each image's changes in ascending order."""
    return np.sort(delta, axis=0)


def order_statistic(ordered: Delta, tolerance: int) -> Float32[np.ndarray, " n"]:
    """The change that decides about each image: it is flagged exactly when this is below the threshold.

    `ordered` comes from `sorted_changes`. Raises ValueError for a tolerance that leaves nothing to count.
    """
    check_tolerance(tolerance, len(ordered))
    return ordered[len(ordered) - 1 - tolerance]


def over_all(deltas: Sequence[Delta], tolerance: int) -> Float32[np.ndarray, " n"]:
    """The change that decides about each image when every one of several test images has to flag it."""
    return np.max([order_statistic(sorted_changes(delta), tolerance) for delta in deltas], axis=0)


def pooled(deltas: Sequence[Delta], tolerance: int) -> Float32[np.ndarray, " n"]:
    """The change that decides when those of m test images are counted together and m times the tolerance may fail."""
    for delta in deltas:
        check_tolerance(tolerance, len(delta))
    return order_statistic(sorted_changes(np.concatenate(deltas)), tolerance * len(deltas))


def check_tolerance(tolerance: int, n_transforms: int) -> None:
    """Raise ValueError unless at least one change has to be below the threshold."""
    if not 0 <= tolerance < n_transforms:
        raise ValueError(f"tolerance={tolerance}: expected 0 to {n_transforms - 1} of {n_transforms} changes")


def votes(delta: Delta, threshold: float) -> Int64[np.ndarray, " n"]:
    """How many of each image's changes are below the threshold."""
    return (delta < threshold).sum(axis=0)


def flagged(delta: Delta, threshold: float, tolerance: int) -> Bool[np.ndarray, " n"]:
    """The count rule, directly: at least t − tolerance changes below the threshold."""
    check_tolerance(tolerance, len(delta))
    return votes(delta, threshold) >= len(delta) - tolerance


def relative(
    original: Float32[np.ndarray, " n"], copies: Float32[np.ndarray, "t n"], tolerance: int
) -> Float32[np.ndarray, " n"]:
    """(s − m) / (|s| + |m|) in [−1, 1]: s the original's score, m the (tolerance + 1)-th largest of the copies'.

    Does not depend on the scale of an image's scores. Zero where both are zero.
    """
    check_tolerance(tolerance, len(copies))
    kept = np.partition(copies, len(copies) - 1 - tolerance, axis=0)[len(copies) - 1 - tolerance]
    return relative_to_each(original, kept[None])[0]


def relative_to_each(original: Float32[np.ndarray, " n"], copies: Delta) -> Delta:
    """(s − c) / (|s| + |c|) for the score c on each copy by itself; zero where both are zero."""
    size = np.abs(original) + np.abs(copies)
    return np.divide(original - copies, size, out=np.zeros_like(size), where=size > 0)


def least_that_flags(statistic: Float32[np.ndarray, " n"]) -> float:
    """The lowest threshold that flags any image at all: the next number above the lowest statistic."""
    return float(np.nextafter(statistic.min(), np.float32(np.inf)))


def surface(
    ordered: Delta, thresholds: Float32[np.ndarray, " h"], max_tolerance: int = 10
) -> Int64[np.ndarray, "k h"]:
    """Number of flagged images for every tolerance (row, from 0) and threshold (column)."""
    tolerances = range(min(max_tolerance, len(ordered) - 1) + 1)
    rows = [np.searchsorted(np.sort(order_statistic(ordered, k)), thresholds) for k in tolerances]
    return np.array(rows, np.int64)


def graded_surface(
    counts: Int64[np.ndarray, "k h"], hits: Int64[np.ndarray, "k h"], poisons: int
) -> dict[str, Float64[np.ndarray, "k h"]]:
    """True positive rate, precision and F1 of every setting; NaN where there is nothing to divide by.

    `hits` is the surface of the poisons alone.
    """
    figures = {
        "true_positive_rate": (hits, np.full(counts.shape, poisons)),
        "precision": (hits, counts),
        "f1": (2 * hits, counts + poisons),
    }
    none = np.full(counts.shape, np.nan)
    return {
        name: np.divide(part, whole, out=none.copy(), where=whole > 0)
        for name, (part, whole) in figures.items()
    }


def threshold_grid(ordered: Delta, size: int = 81) -> Float32[np.ndarray, " h"]:
    """Thresholds worth trying: zero, and steps on either side that grow from the typical change to the largest."""
    scale = typical_change(ordered)
    reach = max(float(np.abs(ordered).max()), scale * 10)
    half = np.geomspace(scale / 100, reach, size // 2)
    return np.concatenate([-half[::-1], [0.0], half]).astype(np.float32)


def typical_change(delta: Float32[np.ndarray, "..."]) -> float:
    """Median size of a change; a yardstick for drawing heavy-tailed changes."""
    return float(np.median(np.abs(delta))) or 1e-6


def compressed(changes: np.ndarray | np.floating, yardstick: float) -> np.ndarray | np.floating:
    """Changes squeezed into (−1, 1) with their sign kept: x / (|x| + yardstick). For drawing only."""
    return changes / (np.abs(changes) + yardstick)


def lost_by_transform(
    delta: Delta, chosen: Bool[np.ndarray, " n"], threshold: float, names: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    """Share of changes below the threshold by kind of transformation: among chosen images, among the others."""
    below, kinds = delta < threshold, np.array(names)
    return {
        str(kind): (_share(below[kinds == kind][:, chosen]), _share(below[kinds == kind][:, ~chosen]))
        for kind in np.unique(kinds)
    }


@dataclass(frozen=True)
class LeftOut:
    """What leaving a kind of transformation out does to the flags."""

    come: int
    """Images that are flagged only then."""
    go: int
    """Images that are flagged only now."""
    similarity: float
    """Jaccard similarity of both sets; 1 where both are empty."""


def each_left_out(
    below: Bool[np.ndarray, "t n"], names: tuple[str, ...], tolerance: int
) -> dict[str, LeftOut | None]:
    """Effect of leaving out each kind by itself; None where too few copies would be left for the tolerance.

    `below` tells which changes count. An image is flagged while at most `tolerance` of its changes fail, so failures
    by kind give every set exactly.
    """
    kinds, fails = np.array(names), ~below
    failing = fails.sum(axis=0)
    now, found = failing <= tolerance, {}
    for kind in dict.fromkeys(names):
        mine = kinds == kind
        if (~mine).sum() <= tolerance:
            found[kind] = None
            continue
        then = failing - fails[mine].sum(axis=0) <= tolerance
        both, either = int((now & then).sum()), int((now | then).sum())
        found[kind] = LeftOut(
            come=int((then & ~now).sum()),
            go=int((now & ~then).sum()),
            similarity=both / either if either else 1.0,
        )
    return found


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if mask.size else 0.0
