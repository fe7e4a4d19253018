"""Locks between processes: the kernel keeps them, and frees them when their holder ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core import durable

PAUSE = 0.02
LONGEST_PAUSE = 0.5


def lock_file(root: Path, key: str) -> Path:
    """The lock of a result: whoever holds it may write it."""
    return root / "locks" / key


def in_use_file(root: Path) -> Path:
    """The lock that all who compute share, and that housekeeping wants alone."""
    return root / "locks" / "in-use"


def taken(descriptor: int, deadline: float, *, shared: bool = False) -> bool:
    """Lock an open file for this process alone; False when another had it until `deadline`, in monotonic seconds.

    `shared`: for this process and others that share it.
    """
    while not _tried(descriptor, shared):
        if time.monotonic() >= deadline:
            return False
        time.sleep(PAUSE)
    return True


@contextmanager
def holding(path: Path, waiting: Callable[[], None], *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a file within the block; made where it is missing. `waiting` is called while others have it.

    Raises CannotWrite where there can be no lock.
    """
    with durable.explained(path):
        descriptor = _held(path, waiting, shared)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Hold the lock of a file within the block unless somebody has it: then it yields False."""
    with durable.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            mine = _tried(descriptor, shared=False)
        except BaseException:
            os.close(descriptor)
            raise
    try:
        yield mine
    finally:
        os.close(descriptor)


def _held(path: Path, waiting: Callable[[], None], shared: bool) -> int:
    pause = PAUSE
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not _tried(descriptor, shared):
                waiting()
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # somebody deleted the file meanwhile: others lock the one that is there now


def _tried(descriptor: int, shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    mine = os.fstat(descriptor)
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
