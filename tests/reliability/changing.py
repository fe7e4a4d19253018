"""Ways in which the files behind a case change, and where each must be told."""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

Change = Callable[[Path], None]


def add(folder: Path) -> None:
    """One more image."""
    shutil.copy(folder / "a/000.png", folder / "a/new.png")


def remove(folder: Path) -> None:
    """One image less."""
    (folder / "b/003.png").unlink()


def edit(folder: Path) -> None:
    """Other pixels; size and time of change as before, as a program that hides its traces leaves them."""
    file = folder / "b/003.png"
    state, content = file.stat(), bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def rename(folder: Path) -> None:
    """A class of another name."""
    (folder / "b").rename(folder / "z")


def swap(folder: Path) -> None:
    """Two images of two classes changed places: a wrong label each."""
    one, other, away = folder / "a/001.png", folder / "b/001.png", folder / "away"
    one.rename(away)
    other.rename(one)
    away.rename(other)


def touch(folder: Path) -> None:
    """A time of change alone, which is no change."""
    for file in folder.rglob("*.png"):
        os.utime(file)


FOLDER: dict[str, Change] = {f.__name__: f for f in (add, remove, edit, rename, swap)}
"""Real changes of a folder."""


def table(file: Path, flipped: int = -1) -> None:
    """A parquet table of the small images; the label of row `flipped` is another one."""
    draw, rows = np.random.default_rng(3), []
    for row in range(24):
        buffer = io.BytesIO()
        Image.fromarray(draw.integers(0, 256, (32, 32, 3), np.uint8)).save(buffer, "PNG", compress_level=0)
        rows.append({"image": buffer.getvalue(), "label": int((row >= 12) ^ (row == flipped))})
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, compression="none", use_dictionary=False)


def batches(folder: Path, shift: int = 0) -> None:
    """CIFAR-10 in its "python version", twenty images a batch, of other pixels but the same size with a `shift`."""
    import pickle

    place = folder / "cifar-10-batches-py"
    place.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(7)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        data = (draw.integers(0, 100, (20, 3072)) + shift).astype(np.uint8)
        told = {b"data": data, b"labels": [i % 10 for i in range(20)]}
        (place / name).write_bytes(pickle.dumps(told, protocol=2))
