"""What flagged images have in common: their mean beside the mean of others with the same labels, and a test of it.

NumPy only, so that the dashboard can call it. A trigger at a fixed place survives averaging, the content does not. Sets
drawn at random with the same size and labels say how large a difference chance alone makes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from core import attack_view
from core.randomness import numpy_stream

DRAWS = 200
MOST = 2000
"""Flagged images that are compared at most, and others."""
CHUNK = 500
LEAST = 3
"""Flagged images below which a mean says nothing."""
RARE = 0.01
"""A difference that fewer random sets reach counts as shared."""
AGREED = 0.5
"""Deviations of the others that a pixel has to differ by, to count as differing."""
FLOOR = 2.0
"""The same in 1/255, for pixels that hardly vary."""
SMALLEST = 1e-9

Images = UInt8[np.ndarray, "n c h w"]
Labels = Int64[np.ndarray, " n"]
Mask = Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Chance:
    """A largest difference, and how many sets drawn at random reach it."""

    largest: float
    reached: int
    draws: int

    @property
    def rare(self) -> bool:
        """Whether chance alone hardly explains it."""
        return self.reached < RARE * self.draws


@dataclass(frozen=True)
class Composite:
    """Flagged images against others with the same labels, in the same shares."""

    flagged: int
    others: int
    left_out: int
    """Flagged images that were not compared: all of their label are flagged, or there were too many."""
    mean_flagged: Float32[np.ndarray, "c h w"]
    mean_others: Float32[np.ndarray, "c h w"]
    agreement: Float32[np.ndarray, "h w"]
    """Share of the flagged images that differ from the others' mean to the same side."""
    usual: Float32[np.ndarray, "h w"]
    """The same for the others."""
    spectrum: Float32[np.ndarray, "h w"]
    """Difference of the mean log spectra."""
    pixels: Chance
    """Of the largest difference of the means at any pixel, in 1/255."""
    frequencies: Chance
    """Of the largest difference of the mean log spectra."""

    @property
    def deviation(self) -> Float32[np.ndarray, "c h w"]:
        """Mean of the flagged minus mean of the others."""
        return self.mean_flagged - self.mean_others


def composite(images: Images, labels: Labels, flagged: Mask, *, seed: int = 0) -> Composite:
    """What the flagged images share. Raises ValueError where there is nothing to compare."""
    chosen, others = _compared(labels, flagged, seed)
    rows = np.concatenate([chosen, others])
    marked, given = np.arange(len(rows)) < len(chosen), labels[rows]
    draws = np.stack([weights(marked, given), *_random_weights(marked, given, seed)])
    means = np.zeros((2, images[0].size))
    pixels, spectra = np.zeros((len(draws), images[0].size)), np.zeros((len(draws), *images.shape[2:]))
    for start in range(0, len(rows), CHUNK):
        some = images[rows[start : start + CHUNK]]
        w, flat = draws[:, start : start + CHUNK], some.reshape(len(some), -1).astype(np.float32)
        means += np.stack([np.maximum(w[0], 0), np.maximum(-w[0], 0)]) @ flat
        pixels += w @ flat
        spectra += np.tensordot(w, attack_view.log_spectra(some), 1)
    shape = images.shape[1:]
    middle = _label_means(images, rows, given, ~marked)
    return Composite(
        flagged=len(chosen),
        others=len(others),
        left_out=int(flagged.sum()) - len(chosen),
        mean_flagged=means[0].reshape(shape).astype(np.float32),
        mean_others=means[1].reshape(shape).astype(np.float32),
        agreement=_agreement(images, rows[marked], given[marked], middle),
        usual=_agreement(images, rows[~marked], given[~marked], middle),
        spectrum=spectra[0].astype(np.float32),
        pixels=_chance(pixels),
        frequencies=_chance(spectra.reshape(len(draws), -1)),
    )


def weights(marked: Mask, labels: Labels) -> Float32[np.ndarray, " n"]:
    """What each image counts in the difference of means: 1/n if marked, else minus its label's share of the others."""
    total = np.zeros(len(marked), np.float32)
    for label in np.unique(labels):
        own = labels == label
        share = (own & marked).sum() / marked.sum()
        total[own & marked] = 1 / marked.sum()
        total[own & ~marked] = -share / (own & ~marked).sum()
    return total


def _compared(labels: Labels, flagged: Mask, seed: int) -> tuple[Labels, Labels]:
    """Rows of flagged images and of others with their labels; a sample where there are very many."""
    shared = np.intersect1d(labels[flagged], labels[~flagged])
    inside, stream = np.isin(labels, shared), numpy_stream(seed, "composite sample")
    chosen, others = np.flatnonzero(inside & flagged), np.flatnonzero(inside & ~flagged)
    if len(chosen) < LEAST or len(others) < LEAST:
        raise ValueError(
            f"{len(chosen)} flagged images and {len(others)} others with the same labels: expected at least {LEAST} "
            "of each; choose another cut-off"
        )
    chosen, others = (np.sort(stream.permutation(rows)[:MOST]) for rows in (chosen, others))
    both = np.intersect1d(labels[chosen], labels[others])  # a sample may miss a rare label
    return chosen[np.isin(labels[chosen], both)], others[np.isin(labels[others], both)]


def _random_weights(marked: Mask, labels: Labels, seed: int) -> Float32[np.ndarray, "draws n"]:
    """The weights of sets drawn at random, of the same size in every label."""
    own, stream = weights(marked, labels), numpy_stream(seed, "composite draws")
    drawn = np.zeros((DRAWS, len(own)), np.float32)
    for label in np.unique(labels):
        at = np.flatnonzero(labels == label)
        drawn[:, at] = stream.permuted(np.broadcast_to(own[at], (DRAWS, len(at))), axis=1)
    return drawn


def _chance(differences: np.ndarray) -> Chance:
    """The first row's largest difference among those of the others."""
    largest = np.abs(differences).max(axis=1)
    reached = largest[1:] >= largest[0] - SMALLEST
    return Chance(float(largest[0]), int(reached.sum()), len(largest) - 1)


def _label_means(
    images: Images, rows: Labels, labels: Labels, used: Mask
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By label, the mean image of those used and how far a pixel has to be from it to count as different."""
    found = {}
    for label in np.unique(labels):
        some = images[rows[used & (labels == label)]]
        least = np.maximum(AGREED * some.std(axis=0, dtype=np.float32), FLOOR)
        found[int(label)] = some.mean(axis=0, dtype=np.float32), least
    return found


def _agreement(
    images: Images, rows: Labels, labels: Labels, middle: dict[int, tuple[np.ndarray, np.ndarray]]
) -> Float32[np.ndarray, "h w"]:
    """Share of images that differ from the mean of their label to the side to which most do; the strongest channel."""
    sides = np.zeros((2, *images.shape[1:]))
    for start in range(0, len(rows), CHUNK):
        some, given = images[rows[start : start + CHUNK]], labels[start : start + CHUNK]
        for label in np.unique(given):
            mean, least = middle[int(label)]
            apart = some[given == label] - mean
            sides += np.stack([(apart > least).sum(0), (apart < -least).sum(0)])
    return (sides.max(axis=(0, 1)) / len(rows)).astype(np.float32)


def drawn(
    change: Float32[np.ndarray, "c h w"], factor: float | None = None, *, logarithmic: bool = False
) -> tuple[UInt8[np.ndarray, "c h w"], float]:
    """A difference around middle grey, and what it was amplified by; without a factor as far as nothing is cut off.

    Logarithmic: the strongest difference stays as strong, and faint ones are raised so that they show beside it.
    """
    largest = float(np.abs(change).max()) or 1.0
    used = (attack_view.GREY - 1) / largest if factor is None else factor
    if logarithmic:
        change = np.sign(change) * np.log1p(np.abs(change)) * (largest / np.log1p(largest))
    return attack_view.amplified(np.rint(change * used).astype(np.int32), 1), used
