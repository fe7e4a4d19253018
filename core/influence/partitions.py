"""A pass over the training set that adds up, cut into partitions whose sums are added in a fixed order.

Which images a partition has does not depend on who computes it: one process or several, one thread or several, give
the same sums to the last bit. Whatever has been added is kept now and then, so that a killed fit goes on from there.
"""

import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core import device, memory, partial, progress
from core.influence import sweep, team, together
from core.influence.together import Tick

WHOLE = 2048
"""Up to so many images there is one partition for each thread, so that a small case keeps all of them busy."""
SIZE = 512
GPU_PARTS = 16
"""A GPU adds fewer, larger ones: its sums are quickly made and slow to move."""


class Adder(Protocol):
    """One lane's sums."""

    def begin(self) -> None:
        """Start from nothing."""

    def __call__(self, places: np.ndarray) -> None:
        """Take in one batch."""

    def tensors(self) -> list[Tensor]:
        """What has been summed."""
        ...


class Pass(team.Parcel, Protocol):
    """A pass that adds up, here or in another process."""

    def adders(self) -> Sequence[Adder]:
        """One for each lane of this process."""
        ...


def cut(n: int) -> list[np.ndarray]:
    """Places of each partition."""
    if n <= WHOLE:
        batches, lanes = sweep.batches(np.arange(n)), sweep.workers()
        return [np.concatenate(batches[lane::lanes]) for lane in range(min(lanes, len(batches)))]
    if device.current().type == "cpu":
        return sweep.batches(np.arange(n), SIZE)
    batch = sweep.GPU_BATCH
    return sweep.batches(np.arange(n), batch * max(1, -(-n // (GPU_PARTS * batch))))


@dataclass
class Lane:
    """Adds up one partition after the other, a batch at a time."""

    adder: Adder
    size: int
    done: int = 0
    """Images of the current partition that the adder has taken in."""

    def __call__(self, places: np.ndarray, tick: Tick) -> list[Tensor]:
        """The sums of a partition; where memory does not hold a batch it starts again with half as many."""

        def once(size: int) -> list[Tensor]:
            self.size = size
            if not self.done:
                self.adder.begin()
            for piece in sweep.batches(places[self.done :], size):
                self.adder(piece)
                self.done += len(piece)
                tick(len(piece))
            return self.adder.tensors()

        def again(size: int) -> list[Tensor]:
            self.done = self.done if size == self.size else 0
            return once(size)

        found = memory.anew(self.size, again, "images")
        self.done = 0
        return found


class Total:
    """The sums of the first partitions, and where a single lane is within the next one."""

    def __init__(self, parts: Sequence[np.ndarray], phase: str) -> None:
        self.parts, self.phase, self.sums = parts, phase, list[Tensor]()
        self.added = self.images = 0
        shape = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16]
        self.work = partial.work(phase, partitions=shape, batch=sweep.batch_size())

    def add(self, sums: list[Tensor]) -> None:
        """Take in the next partition."""
        for total, more in zip(self.sums, sums, strict=True) if self.sums else ():
            total += more.to(total.device)
        self.sums = self.sums or sums
        self.added += 1
        self.work.offer(lambda: self._state(None), last=self.added == len(self.parts))

    def count(self, lane: Lane | None) -> Tick:
        """What a pass calls as images are done; the state of a single lane is kept with the sums."""
        total = sum(map(len, self.parts))

        def tick(images: int) -> None:
            self.images += images
            progress.update(self.phase, min(self.images, total), total)
            if lane is not None:
                self.work.offer(lambda: self._state(lane))

        return tick

    def restore(self, lane: Lane | None) -> None:
        """Take up what was kept of this pass, if anything."""
        if (state := self.work.latest()) is None:
            return
        place = device.current()
        names = sorted(state.arrays)
        tensors = {name: torch.from_numpy(state.arrays[name]).to(place) for name in names}
        self.sums = [tensors[name] for name in names if name.startswith("sum")]
        self.added = state.plain["added"]
        self.images = sum(map(len, self.parts[: self.added]))
        if lane is not None and (inside := state.plain["inside"]):
            lane.adder.begin()
            opened = [tensors[name] for name in names if name.startswith("open")]
            for tensor, kept in zip(lane.adder.tensors(), opened, strict=True):
                tensor.copy_(kept)
            lane.done, self.images = inside, self.images + inside

    def _state(self, lane: Lane | None) -> partial.State:
        inside = lane.done if lane is not None else 0
        named = {"sum": self.sums, "open": lane.adder.tensors() if lane is not None and inside else []}
        arrays = {f"{k}{n:05d}": t.cpu().numpy() for k, ts in named.items() for n, t in enumerate(ts)}
        words = f"{self.phase}, image {self.images:,} of {sum(map(len, self.parts)):,}"
        return partial.State(arrays, {"added": self.added, "inside": inside}, words)


def add_up(work: Pass, n: int, phase: str) -> list[Tensor]:
    """What all images add up to. Raises Cancelled when the listener says so."""
    parts = cut(n)
    with team.lanes(work, len(parts) if n > WHOLE else 1) as others:
        mine = [] if others else [Lane(a, sweep.batch_size()) for a in work.adders()[: len(parts)]]
        single = mine[0] if len(mine) == 1 else None
        total = Total(parts, phase)
        total.restore(single)
        tick = total.count(single)
        tick(0)
        with sweep.one_thread_each() if len(mine) > 1 else nullcontext():
            for sums in together.in_order(parts[total.added :], mine or others, tick):
                total.add(sums)
    return total.sums
