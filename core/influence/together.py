"""Several lanes at work on the tasks of one pass: threads of this process, or processes that they talk to.

Results come in the order of the tasks, however the lanes share them; whoever takes them in counts on that. Only this
side reports progress and hears that it shall stop.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import torch

from core import progress

Tick = Callable[[int], None]
"""Told how many images are done; raises Cancelled when the lane shall stop."""
Lane = Callable[[Any, Tick], Any]
"""Does one task at a time."""


def in_order(tasks: Sequence[Any], lanes: Sequence[Lane], count: Tick) -> Iterator[Any]:
    """The result of each task, in order. `count` hears of images done, here, and may raise to stop all lanes.

    There are never more results in memory, made or in the making, than lanes.
    """
    if len(lanes) == 1:
        with torch.no_grad():
            yield from (lanes[0](task, count) for task in tasks)
        return
    crew = _Crew(lanes)
    try:
        yield from crew.results(tasks, count)
    finally:
        crew.dismiss()


class _Crew:
    """Threads, one for each lane at work, and what they tell."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.free, self.size = deque(lanes), len(lanes)
        self.told: SimpleQueue[tuple[str, int, Any]] = SimpleQueue()
        self.stopping, self.threads = Event(), list[Thread]()

    def results(self, tasks: Sequence[Any], count: Tick) -> Iterator[Any]:
        """As `in_order`."""
        found: dict[int, Any] = {}
        given = taken = 0
        while taken < len(tasks):
            while self.free and given < min(len(tasks), taken + self.size):
                self._start(given, tasks[given])
                given += 1
            what, number, value = self.told.get()
            if what == "images":
                count(value)
            elif what == "failed":
                raise value
            else:
                found[number] = value
            while taken in found:
                yield found.pop(taken)
                taken += 1

    def dismiss(self) -> None:
        """Stop what is still at work and wait for it."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _start(self, number: int, task: Any) -> None:
        lane, context = self.free.popleft(), copy_context()  # the device is chosen in the context
        thread = Thread(target=context.run, args=(self._do, lane, number, task), daemon=True)
        self.threads = [each for each in self.threads if each.is_alive()] + [thread]
        thread.start()

    def _do(self, lane: Lane, number: int, task: Any) -> None:
        try:
            with torch.no_grad():
                result = lane(task, self._tick)
        except BaseException as error:  # whatever it is, the other side raises it
            self.told.put(("failed", number, error))
        else:
            self.free.append(lane)
            self.told.put(("done", number, result))

    def _tick(self, images: int) -> None:
        if self.stopping.is_set():
            raise progress.Cancelled
        self.told.put(("images", 0, images))
