"""Whether influence fits into this machine, and which setting makes it fit where it does not."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import torch

from core import device, memory
from core.influence.forecast import (
    LIBRARIES,
    Layer,
    factor_bytes,
    gradient_bytes,
    query_bytes,
    score_bytes,
    worker_bytes,
)
from core.influence.scores import MEMORY_SHARE
from core.influence.sweep import workers

LONG = 3600
"""Seconds of fitting from which fewer images are offered."""


@dataclass(frozen=True)
class Room:
    """What is free, in bytes: `memory` is the GPU's where that is used."""

    memory: float
    disk: float
    workers: int = 1
    on_gpu: bool = False


def room(folder: Path) -> Room:
    """What is free now; `folder` is where results go, whether it exists or not."""
    on_gpu = device.current().type == "cuda"
    free = torch.cuda.mem_get_info()[0] if on_gpu else memory.free()
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return Room(free, shutil.disk_usage(there).free, workers(), on_gpu)


@dataclass(frozen=True)
class Asked:
    """What is asked about a network with these layers, and of how many images."""

    layers: Sequence[Layer]
    class_sizes: Sequence[int]
    """Training images by label."""
    image_bytes: float
    """All training images."""
    picks: int
    per_pick: int
    """Queries of one picked test image: itself and its copies."""
    controls: int
    fitted: int
    """Training images that the factors are fitted on."""

    @property
    def images(self) -> int:
        """n."""
        return sum(self.class_sizes)

    @property
    def queries(self) -> int:
        """q, equal ones not yet taken together."""
        return self.picks * self.per_pick + self.controls

    def factor_memory(self, r: Room) -> float:
        """Peak bytes of fitting: every worker has sums of its own beside its scratch."""
        each = worker_bytes(self.layers, r.on_gpu) + factor_bytes(self.layers)
        return LIBRARIES + self.image_bytes + factor_bytes(self.layers) + r.workers * each

    def score_memory(self, r: Room) -> float:
        """Peak bytes of scoring, query gradients in as many passes as they are cut into."""
        gradients = query_bytes(self.layers, ceil(self.queries / self.score_passes(r)))
        return gradients + self._score_base(r, self.queries)

    def score_passes(self, r: Room) -> int:
        """Passes over the training set: one unless the query gradients are too large for the free memory."""
        size = max(1, int(r.memory * MEMORY_SHARE / query_bytes(self.layers, 1)))
        return ceil(self.queries / min(size, self.queries))

    def _score_base(self, r: Room, queries: int) -> float:
        scratch = r.workers * worker_bytes(self.layers, r.on_gpu) + factor_bytes(self.layers)
        return LIBRARIES + self.image_bytes + scratch + score_bytes(queries, self.images)

    def scores_refused(self, r: Room) -> str:
        """Why the scores do not fit and what does; empty where they fit."""
        need = self.score_memory(r)
        if need <= r.memory:
            return ""
        fits = self._most(lambda fewer: fewer.score_memory(r) <= r.memory)
        remedy = f"queries.count={fits} fits" if fits else "lower model.width or dataset.train_limit"
        return (
            f"queries.count={self.picks}: {self.queries} queries on {self.images:,} images need {size(need)} of memory, "
            f"{size(r.memory)} are free; {remedy}"
        )

    def _most(self, fits: Callable[["Asked"], bool]) -> int:
        """The largest number of test images, below the one asked for, that fits; 0 where none does."""
        return next((n for n in range(self.picks - 1, 0, -1) if fits(replace(self, picks=n))), 0)

    def factors_refused(self, r: Room) -> str:
        """Why fitting does not fit and what does; empty where it fits."""
        need = self.factor_memory(r)
        if need <= r.memory:
            return ""
        one = self.factor_memory(Room(r.memory, r.disk, 0, r.on_gpu))
        fits = int((r.memory - one) / max(1.0, (need - one) / r.workers))
        remedy = f"OMP_NUM_THREADS={fits} fits" if fits > 0 else "lower model.width"
        return (
            f"{r.workers} workers: fitting needs {size(need)} of memory, {size(r.memory)} are free; {remedy}"
        )

    def fitting_advice(self, seconds: float) -> str:
        """A setting that shortens a long fit; empty where it is short.

        Half of the images moved flags as much as another draw of labels does (overlap 0.67 to 0.82 against 0.70 to
        0.83); a quarter moved them more (0.59 to 0.69). One poisoned CIFAR-10 victim, ResNet-9 of width 16.
        """
        if seconds < LONG:
            return ""
        half = max(1, self.fitted // 2)
        return (
            f"factors.max_examples={self.fitted}: fitting takes {seconds / 3600:.1f} h; factors.max_examples={half} takes "
            "half as long and moves flags about as much as another factors.seed"
        )

    def scoring_advice(self, r: Room) -> str:
        """What makes one pass enough; empty where it is."""
        if (passes := self.score_passes(r)) == 1:
            return ""
        fits = self._most(lambda fewer: fewer.score_passes(r) == 1)
        remedy = f"; queries.count={fits} takes one" if fits else ""
        need = size(query_bytes(self.layers, self.queries))
        return f"queries.count={self.picks}: query gradients of {need} are cut into {passes} passes{remedy}"

    def keeping_advice(self, r: Room, budget: float) -> str:
        """How much of the gradients can be kept for further questions; empty where all of it can."""
        need, there = gradient_bytes(self.layers, self.images), min(budget, r.disk)
        if need <= there:
            return ""
        sizes = gradient_bytes(self.layers, 1) * np.sort(np.array(self.class_sizes))
        kept = int((sizes.cumsum() <= there).sum())
        rest = f"those of {kept} of {len(sizes)} labels are" if kept else "no label's are"
        return (
            f"further images: gradients of {size(need)} would answer at once, {size(there)} of disk may be used; "
            f"{rest} kept, the others cost a pass"
        )


def disk_refused(need: float, r: Room) -> str:
    """Why results do not fit on the disk; empty where they do."""
    if need <= r.disk:
        return ""
    return f"results need {size(need)} of disk, {size(r.disk)} are free; make room, or choose another folder with --store"


def size(n: float) -> str:
    """Bytes in words: `340 MB`, `9.9 GB`."""
    return f"{n / 1e6:.0f} MB" if n < 1e9 else f"{n / 1e9:.1f} GB"
