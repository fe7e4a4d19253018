"""One pass over many images, a batch at a time, on every core.

On the CPU each core takes batches of its own, with one thread each: small batches stay in the cache and nobody
waits for anybody, which is faster than several threads sharing every operation. A GPU gets one worker.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from typing import TypeVar

import numpy as np
import torch

from core import device, memory, progress

R = TypeVar("R")
T = TypeVar("T")
Rows = np.ndarray
CPU_BATCH, GPU_BATCH = 32, 256  # measured: small batches win on the CPU
LARGE_GPU = 20 * 2**30
"""Free bytes from which a GPU takes its full batch; with less, a quarter of it."""


def batches(rows: np.ndarray, size: int | None = None) -> list[Rows]:
    """Rows in consecutive pieces."""
    size = size or batch_size()
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def batch_size() -> int:
    """Images per step; results do not depend on it but for rounding."""
    if device.current().type == "cpu":
        return CPU_BATCH
    return GPU_BATCH if torch.cuda.mem_get_info()[0] > LARGE_GPU else GPU_BATCH // 4


def workers() -> int:
    """How many batches are worked on at a time."""
    return torch.get_num_threads() if device.current().type == "cpu" else 1


def sweep(
    pieces: Sequence[Rows], works: Sequence[Callable[[Rows], R]], phase: str
) -> Iterator[tuple[Rows, R]]:
    """Each piece with its result, in order. Piece j is given to works[j mod len(works)], never two at a time.

    Reports images done under `phase`; stops when the listener says so. Where memory does not hold a piece, smaller ones
    come in its place.
    """
    total, done = sum(map(len, pieces)), 0
    held = memory.Pieces(total + 1, "images")
    progress.update(phase, 0, total)
    for _, parts in _in_order(pieces, [_divided(w, held) for w in works]):
        for piece, result in parts:
            yield piece, result
            done += len(piece)
            progress.update(phase, done, total)


Parts = list[tuple[Rows, R]]


def _divided(work: Callable[[Rows], R], held: memory.Pieces) -> Callable[[Rows], Parts[R]]:
    return lambda piece: list(held.each(len(piece), lambda some: (piece[some], work(piece[some]))))


def each(items: Sequence[T], work: Callable[[T], R], phase: str) -> list[R]:
    """The result of `work` for every item, several at a time, in order."""
    found = _in_order(items, [work] * workers())
    return [result for _, result in progress.track(found, phase, len(items))]


def _in_order(pieces: Sequence[T], works: Sequence[Callable[[T], R]]) -> Iterator[tuple[T, R]]:
    if len(works) == 1:
        with torch.no_grad():
            yield from ((piece, works[0](piece)) for piece in pieces)
        return
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ExitStack() as stack, one_thread_each():
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in works]
        try:
            for j, piece in enumerate(pieces):
                run = copy_context().run  # the device is chosen in the context
                future = pools[j % len(works)].submit(run, _without_graph, works[j % len(works)], piece)
                waiting.append((piece, future))
                if len(waiting) > 2 * len(works):
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _without_graph(work: Callable[[T], R], piece: T) -> R:
    with torch.no_grad():  # a thread starts with gradients on
        return work(piece)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Operations inside the block use one thread; how many it was before is restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
