"""Parting images into training and test set, and the channel statistics of the training set."""

import math

import numpy as np
from jaxtyping import Int64, UInt8

from core.artifacts import Split
from core.randomness import numpy_stream

SMALLEST_STD = 1 / 255
"""Stands in for the deviation of a channel that never varies, so that dividing by it is harmless."""


def stratified(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Training and test set: `share` of each class, drawn by `seed`, becomes test images; order is kept.

    Every class needs at least 2 images and keeps at least one in each part.
    """
    rng = numpy_stream(seed, "test_split")
    is_test = np.zeros(len(split), bool)
    for label, count in enumerate(test_counts(np.bincount(split.labels), share)):
        rows = np.flatnonzero(split.labels == label)
        is_test[rng.choice(rows, count, replace=False)] = True
    parts = [Split(split.images[mask], split.labels[mask]) for mask in (~is_test, is_test)]
    return parts[0], parts[1]


def test_counts(sizes: Int64[np.ndarray, " k"], share: float) -> Int64[np.ndarray, " k"]:
    """Test images per class: `share` of all, rounded up, spread over classes by largest remainder."""
    exact = sizes * share
    counts = np.floor(exact).astype(np.int64)
    short = math.ceil(sizes.sum() * share) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:short]] += 1
    return np.clip(counts, 1, sizes - 1)


def statistics(images: UInt8[np.ndarray, "n c h w"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels in [0, 1], rounded to 5 digits."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for counts in _histograms(images):
        share = counts / counts.sum()
        mean = float(share @ values)
        means.append(round(mean, 5))
        deviations.append(round(max(math.sqrt(share @ (values - mean) ** 2), SMALLEST_STD), 5))
    return tuple(means), tuple(deviations)


def _histograms(images: UInt8[np.ndarray, "n c h w"]) -> Int64[np.ndarray, "c 256"]:
    """How often each value occurs in each channel; exact, whatever the number of images."""
    counts = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(images), 1024):  # bincount widens its input to 8 bytes a pixel
        for c in range(images.shape[1]):
            counts[c] += np.bincount(images[start : start + 1024, c].ravel(), minlength=256)
    return counts
