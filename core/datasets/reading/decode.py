"""Many encoded images to one array, large ones in parallel, with a record of those that could not be read."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from core import progress
from core.artifacts import Split
from core.datasets import MAX_ROWS
from core.safeload import ImageRefused, read_image

MAX_BYTES = 8 * 2**30
"""Decoded images of one split, at most."""
CHUNK = 512
SLICE = 32
"""Images that a thread decodes before it asks for more."""
TINY = 8192
"""Encoded bytes below which threads are slower than none: opening an image holds the interpreter's lock."""
NAMED = 5
"""Unreadable images that a note names."""


@dataclass(frozen=True)
class Decoded:
    """Square images, with zeros in the rows of those that were refused, and why each was refused."""

    images: UInt8[np.ndarray, "n 3 s s"]
    refused: dict[int, str]


def decode(items: Iterable[bytes | Path | None], n: int, size: int, *, phase: str = "read") -> Decoded:
    """Decode `n` images to size x size pixels; None stands for an image that is not there.

    Raises ValueError where the result would exceed 2 million images or 8 GiB.
    """
    images = _room_for(n, size)
    refused: dict[int, str] = {}
    done = 0
    progress.update(phase, 0, n)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for chunk in _chunks(iter(items), CHUNK):
            starts = range(0, len(chunk), SLICE)
            tasks = [(images[done + s :], chunk[s : s + SLICE], done + s, size) for s in starts]
            run = map if _all_tiny(chunk) else pool.map
            for part in run(_fill, tasks):
                refused |= part
            done += len(chunk)
            progress.update(phase, done, n)
    return Decoded(images, refused)


def _room_for(n: int, size: int) -> UInt8[np.ndarray, "n 3 s s"]:
    if n > MAX_ROWS:
        raise ValueError(f"images={n:,}: expected at most {MAX_ROWS:,}; use fewer files")
    if (need := n * 3 * size * size) > MAX_BYTES:
        raise ValueError(
            f"images={n:,}: at {size} x {size} pixels they take {need / 2**30:.0f} GiB, expected at most "
            f"{MAX_BYTES >> 30} GiB; use fewer images or a smaller size"
        )
    return np.zeros((n, 3, size, size), np.uint8)


def _chunks(items: Iterator[bytes | Path | None], length: int) -> Iterator[list[bytes | Path | None]]:
    while chunk := list(islice(items, length)):
        yield chunk


def _all_tiny(chunk: list[bytes | Path | None]) -> bool:
    return all(item is None or (isinstance(item, bytes) and len(item) < TINY) for item in chunk)


def _fill(task: tuple[np.ndarray, list[bytes | Path | None], int, int]) -> dict[int, str]:
    """Decode a few images into the first rows of `out`; the refusals by row of the whole."""
    out, items, first, size = task
    refused = {}
    for i, item in enumerate(items):
        try:
            if item is None:
                raise ImageRefused("image", "expected bytes, found none", "add or remove it")
            out[i] = read_image(item, size)
        except ImageRefused as refusal:
            refused[first + i] = refusal.need
    return refused


@dataclass(frozen=True)
class Labelled:
    """Decoded images with their labels and class names."""

    decoded: Decoded
    labels: Int64[np.ndarray, " n"]
    class_names: tuple[str, ...]
    rows: list[str]
    """What to call each image in a message, such as its path."""
    notes: tuple[str, ...] = ()
    """What else there is to say about where they come from."""


def keep_readable(found: Labelled, *, at_least: int) -> tuple[Split, tuple[str, ...]]:
    """The images that could be read, and the notes with one on the others.

    Raises ValueError where more than half of a class is unreadable, or fewer than `at_least` images are left.
    """
    refused = found.decoded.refused
    k = len(found.class_names)
    total = np.bincount(found.labels, minlength=k)
    lost = Counter(int(found.labels[row]) for row in refused)
    for label, name in enumerate(found.class_names):
        if 2 * lost[label] > total[label] or total[label] - lost[label] < at_least:
            raise ValueError(_unfit_class(found, name, label, int(total[label])))
    if not refused:
        return Split(found.decoded.images, found.labels), found.notes
    kept = np.setdiff1d(np.arange(len(found.labels)), list(refused))
    split = Split(found.decoded.images[kept], found.labels[kept])
    return split, (_note(found, sorted(refused)), *found.notes)


def _unfit_class(found: Labelled, name: str, label: int, total: int) -> str:
    bad = [row for row in found.decoded.refused if found.labels[row] == label]
    examples = f" ({_named(found, bad)})" if bad else ""
    return (
        f"class '{name}': {total - len(bad)} of {total} images can be read{examples}, expected at least 2 "
        "and no fewer than half; replace the unreadable ones, or remove the class"
    )


def _note(found: Labelled, rows: list[int]) -> str:
    return (
        f"{len(rows)} of {len(found.rows)} images could not be read and were left out: {_named(found, rows)}"
    )


def _named(found: Labelled, rows: list[int]) -> str:
    texts = [f"{found.rows[row]}: {found.decoded.refused[row]}" for row in rows[:NAMED]]
    return "; ".join(texts + [f"and {len(rows) - NAMED} more"] * (len(rows) > NAMED))
