"""Keeps the memory of a server with many threads together, for glibc would let it grow by the day.

Streamlit runs every page in a thread of its own, and glibc gives threads heaps of their own, which hold on to what was
freed; and once a large buffer was freed it puts all later ones of that size among the small ones, where they leave holes.
So: two heaps for all threads, and large buffers apart, given back when they are freed. Measured with and without by
tests/benchmarks/heaps.py.
"""

import ctypes
import os

OPTIONS = {
    "MALLOC_ARENA_MAX": (-8, 2),
    "MALLOC_MMAP_THRESHOLD_": (-3, 2**20),
    "MALLOC_TRIM_THRESHOLD_": (-1, 2**26),
}
"""Heaps for all threads together, bytes from which a buffer lies apart, and bytes that a heap may keep at its end.

By the environment variable with which whoever starts the server may choose otherwise; the option's number is that of
glibc's malloc.h. A smaller threshold leaves fewer holes and costs processor time, for a buffer apart is a system call.
"""


def tidy() -> list[str]:
    """Set the options for everything that is allocated from now on; the names of those that were, as other C libraries
    have none."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    asked = {name: option for name, option in OPTIONS.items() if not os.environ.get(name)}
    return [name for name, (number, value) in asked.items() if set_option and set_option(number, value)]
