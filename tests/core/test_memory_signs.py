"""Which errors count as memory that ran out, and which are somebody's mistake."""

import contextlib
import resource
from collections.abc import Iterator

import psutil
import pytest

from core import memory

UNNOTICED = "<built-in method run> returned NULL without setting an exception"


@contextlib.contextmanager
def only(megabytes: int) -> Iterator[None]:
    most = psutil.Process().memory_info().vms + megabytes * 2**20
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_what_a_library_overlooked_counts_as_memory_only_where_little_is_left():
    assert not memory.ran_out(SystemError(UNNOTICED))
    with only(200):
        assert memory.ran_out(SystemError(UNNOTICED))
        assert not memory.ran_out(SystemError("bad argument to internal function"))


def test_it_says_what_to_lower():
    with (
        only(200),
        pytest.raises(memory.OutOfMemory, match=r"Lower training\.batch_size"),
        memory.explained("train"),
    ):
        raise SystemError(UNNOTICED)
    with pytest.raises(SystemError), memory.explained("train"):
        raise SystemError(UNNOTICED)
