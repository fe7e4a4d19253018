"""Progress of long work: who is listening, how far we are, and whether to stop.

A stage wraps its loops in `track`; whoever runs the stage (command line, job worker, test) listens by
installing a sink with `reporting`. Without a listener nothing happens. A sink stops the work by raising
`Cancelled`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Cancelled(Exception):
    """The user asked this work to stop. Whatever was finished before is kept."""


class Sink(Protocol):
    """Receives progress. `total` is None where the amount of work is not known."""

    def stage(self, name: str) -> None:
        """A stage of the pipeline begins, for example `train`."""

    def update(self, phase: str, done: int, total: int | None) -> None:
        """`done` of `total` steps of a phase within the stage are complete. May raise Cancelled."""


class Silence:
    """Listens to nothing: the default."""

    def stage(self, name: str) -> None: ...

    def update(self, phase: str, done: int, total: int | None) -> None: ...


_SILENCE = Silence()
_sink: ContextVar[Sink] = ContextVar("progress_sink", default=_SILENCE)


@contextmanager
def reporting(sink: Sink) -> Iterator[None]:
    """Send the progress of everything inside the block to `sink`."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


def stage(name: str) -> None:
    """Tell the listener that a stage of the pipeline begins."""
    _sink.get().stage(name)


def update(phase: str, done: int, total: int | None = None) -> None:
    """Tell the listener how far a phase is; raises Cancelled when it asks to stop."""
    _sink.get().update(phase, done, total)


def track(items: Iterable[T], phase: str, total: int | None = None) -> Iterator[T]:
    """Yield `items`, reporting after each. `total` is taken from `len` where there is one."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    update(phase, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        update(phase, done, total)
