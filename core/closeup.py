"""One training image under the magnifying glass: what makes it unlike its label, and which flagged ones are like it.

NumPy only, so that the dashboard can call it. Nothing here knows who the poisons are. Images are uint8 [n c h w].
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, Int16, Int64, UInt8

from core.artifacts import Dataset, InfluenceScores
from core.detectors.contrast import Contrast, Group

CHUNK = 1024
"""Images that are held as floats at a time."""
MOST_COMPARED = 2000
"""Images among which the nearest are looked for, at most."""


def class_means(
    images: UInt8[np.ndarray, "n c h w"], labels: Int64[np.ndarray, " n"], n_classes: int
) -> Float32[np.ndarray, "k c h w"]:
    """The mean image of every label, in 0 to 255; NaN for a label that no image carries."""
    totals = np.zeros((n_classes, images[0].size))
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK].reshape(-1, images[0].size).astype(np.float32)
        carries = labels[start : start + CHUNK] == np.arange(n_classes)[:, None]
        totals += carries.astype(np.float32) @ part  # [k c·h·w]
    counts = np.bincount(labels, minlength=n_classes).astype(np.float64)
    counts[counts == 0] = np.nan
    return (totals / counts[:, None]).reshape(n_classes, *images.shape[1:]).astype(np.float32)


def residual(
    image: UInt8[np.ndarray, "c h w"], mean: Float32[np.ndarray, "c h w"]
) -> Int16[np.ndarray, "c h w"]:
    """What an image has beyond the mean image of its label, in 1/255."""
    return np.rint(image - mean).astype(np.int16)


@dataclass(frozen=True)
class Neighbours:
    """The images that are nearest to one, nearest first."""

    rows: Int64[np.ndarray, " m"]
    distances: Float64[np.ndarray, " m"]
    """Root mean square difference of a pixel's channels, in 1/255."""
    compared: int
    """How many images were looked at."""


def neighbours(
    images: UInt8[np.ndarray, "n c h w"], row: int, among: Int64[np.ndarray, " f"], most: int = 6
) -> Neighbours:
    """The images nearest to `row`, by pixels, among the first `MOST_COMPARED` of those given; never itself."""
    others = among[among != row][:MOST_COMPARED]
    size = images[0].size
    own = images[row].reshape(-1).astype(np.float32)
    squares = np.zeros(len(others))
    for start in range(0, len(others), CHUNK):
        apart = images[others[start : start + CHUNK]].reshape(-1, size).astype(np.float32)
        apart -= own
        squares[start : start + CHUNK] = np.einsum("ij,ij->i", apart, apart) / size
    nearest = np.argsort(squares, kind="stable")[:most]
    return Neighbours(others[nearest], np.sqrt(squares[nearest]), len(others))


@dataclass(frozen=True)
class Calibrated:
    """The groups that the contrast compares, and the cut-off of each."""

    groups: tuple[Group, ...]
    levels: tuple[float, ...]

    @cached_property
    def compared(self) -> frozenset[int]:
        """The training images that are compared at all: those with a label that was observed."""
        return frozenset(int(i) for group in self.groups for i in group.rows)


def calibrated(rule: Contrast, scores: InfluenceScores, training_set: Dataset) -> Calibrated:
    """What the contrast compares, made once for all images. Raises ValueError where there are too few controls."""
    groups = rule.groups(scores, training_set)
    return Calibrated(tuple(groups), tuple(rule.levels(groups)))


@dataclass(frozen=True)
class Support:
    """How much one training image supports the picked test images, and each control: all that the contrast looks at."""

    picked: Float64[np.ndarray, " q"]
    controls: Float64[np.ndarray, " m"]
    contrast: float
    """(mean of picked − mean of controls) / standard deviation of controls."""
    level: float
    """The contrast that has to be exceeded."""
    cut_off: float
    """The mean support of the picked images above which the image is flagged."""


def support(found: Calibrated, margin: float, row: int) -> Support | None:
    """The evidence about one training image; None where its label was not observed, so that nothing is compared."""
    for group, level in zip(found.groups, found.levels, strict=True):
        place = np.flatnonzero(group.rows == row)
        if not len(place):
            continue
        picked, controls = group.picked[:, place[0]], group.controls[:, place[0]]
        needed = level + margin
        cut_off = controls.mean() + needed * controls.std(ddof=1)
        return Support(picked, controls, float(group.statistic[place[0]]), needed, float(cut_off))
    return None


def place(suspicion: Float32[np.ndarray, " n"], row: int) -> int:
    """Where an image stands in an order, counted from 1; images that tie share the first place."""
    return 1 + int((suspicion > suspicion[row]).sum())
