"""Keeps the memory of a server with many threads together.

Streamlit runs every page in a thread of its own, and glibc gives threads heaps of their own, which hold on to what was
freed. Two heaps for all of them: tests/benchmarks/heaps.py measures what that saves.
"""

import ctypes
import os

HEAPS = 2
"""For all threads together."""
M_ARENA_MAX = -8
"""The option's number in glibc's malloc.h."""


def few() -> bool:
    """Have all later threads share a few heaps.

    False where whoever started the server chose otherwise by MALLOC_ARENA_MAX, or the C library has no such option.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(not os.environ.get("MALLOC_ARENA_MAX") and option and option(M_ARENA_MAX, HEAPS))
