"""What an attack looks like from its own side: which labels moved, which pixels changed, at which frequencies.

Compares clean images with altered ones; both the poisons and the triggered test images can be looked at. NumPy
only, so that the dashboard can call it. It reads the truth, hence nothing of it may reach a detector.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16, Int64, UInt8

from core.artifacts import Dataset, Poisoning

CHUNK = 64
"""Images compared at a time, so that large images are never all in memory."""
MOST = 128
"""Images that a mean spectrum is taken over, at most."""
FACTORS = (1, 2, 4, 8, 16, 32, 64)
"""Amplifications of a difference."""
GREY = 128
"""How a pixel without any change is drawn."""


@dataclass(frozen=True)
class Pair:
    """The same images before and after: `before` holds them at `rows`, with their own classes and the labels given."""

    before: UInt8[np.ndarray, "n c h w"]
    rows: Int64[np.ndarray, " p"]
    after: UInt8[np.ndarray, "p c h w"]
    classes: Int64[np.ndarray, " p"]
    labels: Int64[np.ndarray, " p"]

    def __len__(self) -> int:
        return len(self.rows)

    def change(self, start: int, stop: int) -> Int16[np.ndarray, "m c h w"]:
        """Signed change of the pixels of images `start` to `stop`, in 1/255."""
        rows = self.rows[start:stop]
        return self.after[start:stop].astype(np.int16) - self.before[rows].astype(np.int16)

    def chunks(self, most: int | None = None) -> Iterator[tuple[int, int]]:
        """Start and end of every chunk of the first `most` images."""
        end = len(self) if most is None else min(most, len(self))
        yield from ((start, min(start + CHUNK, end)) for start in range(0, end, CHUNK))


def poisons(dataset: Dataset, poisoning: Poisoning) -> Pair:
    """The poisoned training images, with their own classes and the labels that they carry now."""
    rows, train = np.array(poisoning.indices), dataset.train
    return Pair(train.images, rows, poisoning.images, train.labels[rows], poisoning.labels)


def targets(dataset: Dataset, poisoning: Poisoning) -> Pair:
    """The test images that the attack is about, with their own classes and what they shall be read as."""
    rows, shown = np.array(poisoning.triggered_rows), poisoning.triggered
    return Pair(dataset.test.images, rows, shown.images, shown.labels, poisoning.wanted)


@dataclass(frozen=True)
class Alteration:
    """What was done to a set of images, in counts."""

    n: int
    repainted: int
    """Images of which any pixel changed."""
    relabelled: int
    moves: tuple[tuple[int, int, int], ...]
    """(own class, label, how many), most frequent first; unmoved labels included."""
    largest: int
    """Largest change of any pixel, in 1/255."""
    pixels: int
    """Median number of changed pixels (positions, not channels) of a repainted image."""
    size: int
    """Pixels of an image."""

    @property
    def factor(self) -> int:
        """The largest amplification that shows every change without cutting it off."""
        return fitting_factor(self.largest)


def fitting_factor(largest: int) -> int:
    """The largest amplification under which a change of this size is not cut off."""
    return max([f for f in FACTORS if f * largest < GREY], default=1)


def alteration(pair: Pair) -> Alteration:
    """Counts of what changed between the images before and after."""
    changed, largest = [np.zeros(0, np.int64)], 0
    for start, stop in pair.chunks():
        size = np.abs(pair.change(start, stop)).max(axis=1)  # [m h w], the strongest channel
        largest = max(largest, int(size.max(initial=0)))
        changed.append((size > 0).sum(axis=(1, 2)))
    counts = np.concatenate(changed)
    repainted = counts[counts > 0]
    moves = Counter(zip(pair.classes.tolist(), pair.labels.tolist(), strict=True))
    return Alteration(
        n=len(pair),
        repainted=len(repainted),
        relabelled=int((pair.classes != pair.labels).sum()),
        moves=tuple((own, label, n) for (own, label), n in moves.most_common()),
        largest=largest,
        pixels=int(np.median(repainted)) if len(repainted) else 0,
        size=int(np.prod(pair.after.shape[2:])),
    )


@dataclass(frozen=True)
class Differences:
    """Amplified differences as pictures, each made when it is asked for: grey is no change, brighter is more."""

    pair: Pair
    factor: int

    def __len__(self) -> int:
        return len(self.pair)

    def __getitem__(self, position: int) -> UInt8[np.ndarray, "c h w"]:
        return amplified(self.pair.change(position, position + 1)[0], self.factor)


def amplified(change: Int16[np.ndarray, "..."], factor: int) -> UInt8[np.ndarray, "..."]:
    """`factor` × the change around middle grey; what leaves the range of a picture is cut off."""
    return np.clip(GREY + factor * change.astype(np.int32), 0, 255).astype(np.uint8)


def largest_change(pair: Pair, position: int) -> int:
    """Largest change of a pixel of one image, in 1/255."""
    return int(np.abs(pair.change(position, position + 1)).max())


@dataclass(frozen=True)
class Spectra:
    """Mean log spectra of the same images before and after, and of the change alone."""

    before: Float32[np.ndarray, "h w"]
    after: Float32[np.ndarray, "h w"]
    change: Float32[np.ndarray, "h w"]
    n: int
    """Images that they are means of."""

    @property
    def most(self) -> float:
        """The largest value, so that all three can be drawn on one scale."""
        return float(max(part.max() for part in (self.before, self.after, self.change)))


def spectra(pair: Pair, most: int = MOST) -> Spectra:
    """Spectra of the first `most` images. Raises ValueError when there is none."""
    n = min(most, len(pair))
    if not n:
        raise ValueError("spectra of 0 images: expected at least 1")
    total = np.zeros((3, *pair.after.shape[2:]), np.float64)
    for start, stop in pair.chunks(n):
        before = pair.before[pair.rows[start:stop]]
        for part, images in enumerate((before, pair.after[start:stop], pair.change(start, stop))):
            total[part] += log_spectrum(images) * (stop - start)
    before, after, change = (total / n).astype(np.float32)
    return Spectra(before, after, change, n)


def log_spectrum(images: Float32[np.ndarray, "n c h w"] | np.ndarray) -> Float32[np.ndarray, "h w"]:
    """Mean over the images of their log spectra."""
    return log_spectra(images).mean(axis=0)


def log_spectra(images: Float32[np.ndarray, "n c h w"] | np.ndarray) -> Float32[np.ndarray, "n h w"]:
    """Mean over channels of log10(1 + |a|), a the orthonormal 2-D DCT-II of values in 0 to 255.

    Row and column 0 are the lowest frequencies. The cosine transform is the one in which triggers leave traces
    that natural images lack (Zeng et al. 2021, arXiv 2104.03413); unlike Fourier's it sees no edge at the borders.
    """
    height, width = images.shape[2:]
    amplitudes = cosines(height) @ images.astype(np.float32) @ cosines(width).T  # [n c h w]
    return np.log10(1 + np.abs(amplitudes)).mean(axis=1)


def cosines(n: int) -> Float32[np.ndarray, "n n"]:
    """The orthonormal DCT-II as a matrix: one cosine a row, the slowest first."""
    frequency, place = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.cos(np.pi * (place + 0.5) * frequency / n) * np.sqrt(2 / n)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
