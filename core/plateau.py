"""Plateaus: settings around which the flagged set hardly changes. NumPy only, and no truth.

Sets are nested: a higher threshold or more tolerance only adds images. So the Jaccard similarity of the sets of two
neighbouring settings is the ratio of their counts, and the counts alone show where plateaus are. A plateau tells that the
exact choice does not matter there. It does not tell that the flags are right.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from core import collapse

ALIKE = 0.95
"""Jaccard similarity that neighbouring settings have to exceed."""
LEAST = 20
"""Images, at least: among fewer a single one is a change of 5 %, so that gaps between extreme ones look like plateaus."""
MOST = 0.2
"""Share of all images, at most: beyond it, nothing is singled out."""

Counts = Int64[np.ndarray, "k h"]
PerImage = Float32[np.ndarray, " n"]


@dataclass(frozen=True)
class Plateau:
    """The largest region of settings whose flagged set hardly changes from one setting to the next."""

    cells: Bool[np.ndarray, "k h"]
    tolerance: int
    """Row of the centre: the cell from which the others are nearest."""
    column: int
    """Column of the centre."""
    fewest: int
    most: int
    """Number of flagged images inside, from and to."""


@dataclass(frozen=True)
class Stretch:
    """A plateau along one axis, from the lowest threshold to the highest."""

    low: float
    high: float
    fewest: int
    most: int


@dataclass(frozen=True)
class Line:
    """What the cut-off of a rule is compared with, once for every image: below it an image is flagged."""

    statistic: PerImage
    """Ascending. Negated where a rule flags what is above its cut-off."""
    plateau: Stretch | None


@dataclass(frozen=True)
class Surface:
    """What every threshold (column) and tolerance (row, from 0) flags."""

    thresholds: Float32[np.ndarray, " h"]
    counts: Counts
    instability: Float64[np.ndarray, "k h"]
    plateau: Plateau | None


def surface(ordered: collapse.Delta) -> Surface:
    """The surface of sorted changes, with its plateau."""
    thresholds = collapse.threshold_grid(ordered)
    counts = collapse.surface(ordered, thresholds)
    return Surface(thresholds, counts, instability(counts), plateau(counts, most_of(ordered.shape[1])))


def most_of(n: int) -> int:
    """How many of `n` images a plateau may flag."""
    return int(MOST * n)


def plateau(counts: Counts, most: int) -> Plateau | None:
    """The largest plateau that flags at most so many images; None where no two neighbours are alike."""
    regions = _regions(counts, (counts >= LEAST) & (counts <= most))
    names, sizes = np.unique(regions[regions >= 0], return_counts=True)
    if not sizes.size or sizes.max() < 2:
        return None
    cells = regions == names[sizes.argmax()]
    rows, columns = np.nonzero(cells)
    steps = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
    centre = steps.sum(axis=1).argmin()
    inside = counts[cells]
    return Plateau(cells, int(rows[centre]), int(columns[centre]), int(inside.min()), int(inside.max()))


def along(statistic: PerImage, thresholds: Float32[np.ndarray, " h"], most: int) -> Stretch | None:
    """The longest plateau over ascending thresholds. `statistic` is sorted: an image below the threshold is flagged."""
    counts = np.searchsorted(statistic, thresholds)[None].astype(np.int64)
    found = plateau(counts, most)
    if found is None:
        return None
    inside = np.flatnonzero(found.cells[0])
    return Stretch(float(thresholds[inside[0]]), float(thresholds[inside[-1]]), found.fewest, found.most)


def of_changes(suspicion: PerImage) -> Line:
    """The line of Delta-Influence at one tolerance: steps grow from threshold zero."""
    statistic = np.sort(-suspicion)
    most = most_of(len(statistic))
    return Line(statistic, along(statistic, collapse.threshold_grid(statistic[None]), most))


def of_contrast(suspicion: PerImage) -> Line:
    """The line of the contrast: steps grow from the calibrated cut-off, where the margin is zero.

    Only images of the observed labels can be flagged; the others share the lowest suspicion. A plateau flags half of
    those that can be flagged at most: a label whose images are all flagged is none either.
    """
    statistic = np.sort(-suspicion)
    able = int((statistic < statistic[-1]).sum()) or len(statistic)
    most = min(most_of(len(statistic)), able // 2)
    return Line(statistic, along(statistic, collapse.threshold_grid(statistic[None]), most))


def of_collapse(suspicion: PerImage) -> Line:
    """The line of the relative collapse: equal steps over all that it can be."""
    statistic = np.sort(-suspicion)
    steps = np.linspace(-1, 1, 81, dtype=np.float32)
    return Line(statistic, along(statistic, steps, most_of(len(statistic))))


def instability(counts: Counts) -> Float64[np.ndarray, "k h"]:
    """How much of the set changes with one step, at most: 0 for a plateau, 1 where a neighbour flags nothing of it."""
    unlike = np.zeros(counts.shape)
    for axis in (0, 1):
        one, next_one = _neighbours(counts, axis)
        change = 1 - _similarity(one, next_one)
        for side in _neighbours(unlike, axis):
            np.maximum(side, change, out=side)
    return unlike


def _regions(counts: Counts, usable: Bool[np.ndarray, "k h"]) -> Counts:
    """A name for every cell, the same for cells that alike neighbours connect; −1 for the others."""
    names = np.arange(counts.size).reshape(counts.shape)
    alike = [
        np.logical_and(*_neighbours(usable, axis)) & (_similarity(*_neighbours(counts, axis)) > ALIKE)
        for axis in (0, 1)
    ]
    before = np.full_like(names, -1)
    while not np.array_equal(before, names):
        before = names.copy()
        for axis in (0, 1):
            least = np.minimum(*_neighbours(names, axis))
            for side in _neighbours(names, axis):
                np.minimum(side, least, out=side, where=alike[axis])
    return np.where(usable, names, -1)


def _neighbours(cells: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of all cells but the last and all but the first, along an axis."""
    turned = cells.swapaxes(0, axis)
    return turned[:-1].swapaxes(0, axis), turned[1:].swapaxes(0, axis)


def _similarity(one: np.ndarray, other: np.ndarray) -> Float64[np.ndarray, "k h"]:
    """Jaccard similarity of nested sets by their sizes; 1 where both are empty."""
    larger = np.maximum(one, other)
    return np.divide(np.minimum(one, other), larger, out=np.ones(larger.shape), where=larger > 0)
