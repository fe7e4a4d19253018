"""What is noted while an engine works: seconds of each phase, images that went through the network, memory."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from core import device

NAMES = {
    "Fitting covariance matrices": "covariance",
    "Performing Eigendecomposition": "eigenvectors",
    "Fitting Lambda matrices": "eigenvalues",
    "Computing pairwise scores (query gradient)": "query gradients",
    "Computing pairwise scores (training gradient)": "scores",
}
"""kronfluence's bars, by our names of the phases."""
PATIENCE = 0.2
"""Seconds between two reports of progress to the process that waits."""


class Stopwatch:
    """Listens to the engine's progress and tells when each phase began; passes it on as lines of JSON."""

    def __init__(self) -> None:
        self.began = device.clock()
        self.marks: list[tuple[str, float]] = []
        self.ticks: dict[str, list[tuple[int, float]]] = {}
        """Steps done and when, by phase."""
        self._told = 0.0

    def stage(self, name: str) -> None: ...

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Note the time when it is another phase than before, and when each of its steps is done."""
        name = NAMES.get(phase, phase)
        if not self.marks or self.marks[-1][0] != name:
            self.marks.append((name, device.clock()))
        now = time.perf_counter()
        self.ticks.setdefault(name, []).append((done, now))
        if now - self._told > PATIENCE or done == total:
            self._told = now
            tell(phase=name, done=done, total=total)

    def seconds(self) -> dict[str, float]:
        """Seconds of each phase, until the next one began; `start` before the first; `all`."""
        end = device.clock()
        times = [("start", self.began), *self.marks, ("end", end)]
        found: dict[str, float] = {}
        for (name, begun), (_, ended) in pairwise(times):
            found[name] = found.get(name, 0.0) + ended - begun
        return found | {"all": end - self.began}


def tell(**fields: Any) -> None:
    """One line to the process that started this one."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


@contextmanager
def counting(channels: int) -> Iterator[Callable[[], int]]:
    """Count the images that enter a network inside the block, by what its first convolution sees.

    The first convolution is the one that takes as many channels as an image has.
    """
    seen: list[int] = []

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if isinstance(module, nn.Conv2d) and module.in_channels == channels:
            seen.append(len(inputs[0]))

    handle = register_module_forward_pre_hook(note)
    try:
        yield lambda: sum(seen)
    finally:
        handle.remove()


def peak_memory() -> int:
    """Most bytes that this process held so far: on the GPU where that is used, else in memory (VmHWM)."""
    return torch.cuda.max_memory_allocated() if device.current().type == "cuda" else _status("VmHWM")


def memory() -> int:
    """Bytes that this process holds now."""
    return torch.cuda.memory_allocated() if device.current().type == "cuda" else _status("VmRSS")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
