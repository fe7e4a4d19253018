"""Every training image's gradient, kept: the next question costs a matrix product instead of a pass.

Rows are in the eigenbasis and not yet divided by the curvature, so damping, strategy and the choice of layers stay
free. One file per training label, bf16 [n P], filled when a question first reaches that label; a label that was
interrupted goes on where it stopped. Products are taken in fp32. A record beside each file has a checksum of every piece,
compared when the file is first used: what was cut off, altered or half deleted since is computed again.
"""

import json
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.artifacts import Dataset
from core.influence import sweep
from core.influence.eigenbasis import Eigenbasis
from core.influence.layers import tracked
from core.influence.pairwise import Gradients, Pixels, Scored, training_gradients
from core.influence.taps import Taps, taps

BYTES = 2
COLUMNS = 8192
"""Numbers of a row that are widened to fp32 at a time: they stay in the cache."""
RESERVE = 2 * 2**30
"""Disk space that is left alone."""
Piece = tuple[int, int]
"""Where some rows end that were stored together, and their checksum."""


class GradientStore:
    """Gradients of a training set in a folder of their own, as many labels as `budget` bytes and the disk hold.

    The folder belongs to one network and one fit of factors; the caller names it after both.
    """

    def __init__(
        self, network: nn.Module, dataset: Dataset, bases: Sequence[Eigenbasis], folder: Path, budget: int
    ) -> None:
        self.network, self.dataset, self.bases = network, dataset, bases
        self.folder, self.budget = folder, budget
        self.parameters = sum(layer.parameters for layer in tracked(network))
        self._sound: dict[int, tuple[int, list[Piece]]] = {}
        """By label, the file that was checked and its pieces that are as they were written."""

    def rows(self, label: int) -> np.ndarray:
        """Training images that carry a label."""
        return np.flatnonzero(self.dataset.train.labels == label)

    def holds(self, label: int) -> bool:
        """Whether all gradients of a label are stored."""
        return self._done(label) == len(self.rows(label))

    def fits(self, label: int) -> bool:
        """Whether the label's gradients are stored or would fit."""
        if self.holds(label):
            return True
        size = len(self.rows(label)) * self.parameters * BYTES
        there = self._path(label).stat().st_size if self._path(label).exists() else 0
        used = sum(file.stat().st_size for file in self.folder.glob("*.bf16")) - there
        return (
            used + size <= self.budget
            and size - there + RESERVE <= shutil.disk_usage(_existing(self.folder)).free
        )

    def score(self, halves: Gradients, label: int) -> Scored:
        """Scores of the training images of a label; `halves` in the eigenbasis. Stores what is not stored yet."""
        rows, flat = self.rows(label), torch.cat([half.flatten(1) for half in halves], 1)  # q P
        if not len(rows):
            return
        stored, done = self._open(label), self._done(label)
        works = [lambda places: _product(flat, stored[places[0] : places[-1] + 1])] * sweep.workers()
        for places, scores in sweep.sweep(sweep.batches(np.arange(done), 64), works, "scores"):
            yield rows[places], scores
        for places in self._fill(label, done):
            yield rows[places], _product(flat, stored[places[0] : places[-1] + 1])

    def _fill(self, label: int, done: int) -> Iterator[np.ndarray]:
        """Compute and store what is missing; yields the places that have become complete."""
        rows, stored, pixels = self.rows(label), self._open(label), Pixels(self.dataset)

        def worker(tap: Taps) -> Callable[[np.ndarray], None]:
            def work(places: np.ndarray) -> None:
                found, start = training_gradients(tap, pixels, self.dataset.train, rows[places]), 0
                for basis, (_, a, g) in zip(self.bases, found, strict=True):
                    end = start + len(basis.outputs) * len(basis.inputs)
                    for part, rotated in basis.pieces(a, g):
                        chosen = places[part]
                        stored[chosen[0] : chosen[-1] + 1, start:end] = rotated.flatten(1).bfloat16().cpu()
                    start = end

            return work

        works = [worker(each) for each in taps(self.network)]
        missing = np.arange(done, len(rows))
        for places, _ in sweep.sweep(sweep.batches(missing), works, "gradients"):
            self._record(label, int(places[-1]) + 1)
            yield places

    def _open(self, label: int) -> Tensor:
        """The label's rows, mapped into memory, bf16 [n P]."""
        shape, path = (len(self.rows(label)), self.parameters), self._path(label)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)  # of a file that is gone
            with path.open("wb") as file:
                file.truncate(shape[0] * shape[1] * BYTES)  # takes no space until written
        mapped = np.memmap(path, np.int16, "r+", shape=shape)
        return torch.from_numpy(mapped).view(torch.bfloat16)

    def _path(self, label: int) -> Path:
        return self.folder / f"{label}.bf16"

    def _done(self, label: int) -> int:
        """How many rows are stored, from the first on."""
        pieces = self._pieces(label)
        return pieces[-1][0] if pieces else 0

    def _pieces(self, label: int) -> list[Piece]:
        """Those that may be used; compared once for as long as the file is the same."""
        path = self._path(label)
        try:
            told, file = json.loads(path.with_suffix(".json").read_text())["pieces"], path.stat()
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            self._sound.pop(label, None)
            return []
        if file.st_size != len(self.rows(label)) * self.parameters * BYTES:
            self._sound[label] = file.st_ino, []
            return []
        if label not in self._sound or self._sound[label][0] != file.st_ino:
            self._sound[label] = file.st_ino, self._compared(label, told)
        return self._sound[label][1]

    def _compared(self, label: int, told: list[Piece]) -> list[Piece]:
        """The pieces up to the first that is not as it was written."""
        stored, sound, start = self._open(label), list[Piece](), 0
        for end, checksum in told if isinstance(told, list) else ():
            if not start < end <= len(stored) or _checksum(stored[start:end]) != checksum:
                break
            sound.append((end, checksum))
            start = end
        return sound

    def _record(self, label: int, done: int) -> None:
        file, stored = self._path(label).stat().st_ino, self._open(label)
        known, before = self._sound.get(label, (file, list[Piece]()))
        before = before if known == file else []
        pieces = [*before, (done, _checksum(stored[before[-1][0] if before else 0 : done]))]
        self._sound[label] = file, pieces
        part = self._path(label).with_suffix(".part")
        part.write_text(json.dumps({"done": done, "pieces": pieces}))
        part.rename(part.with_suffix(".json"))


def _checksum(rows: Tensor) -> int:
    return zlib.crc32(rows.view(torch.int16).numpy().data)


def _product(queries: Tensor, stored: Tensor) -> Tensor:
    """queries [q P] · storedᵀ [P n] in fp32."""
    total = torch.zeros(len(queries), len(stored), device=queries.device)
    for start in range(0, queries.shape[1], COLUMNS):
        columns = slice(start, start + COLUMNS)
        total += queries[:, columns] @ stored[:, columns].to(queries.device).float().T
    return total


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
