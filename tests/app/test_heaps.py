"""Do large buffers of the page's process lie apart, so that they are given back when they are freed?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import ctypes, sys
sys.path.insert(0, "tests/reliability")
from launched import Account
from app import heaps
print(*heaps.tidy())
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Account
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.free(libc.malloc(2**22))  # after this glibc by itself keeps all buffers up to that size among the small ones
before = libc.mallinfo2().hblkhd
large = libc.malloc(2**20)
print(libc.mallinfo2().hblkhd - before >= 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has these options")
@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, ["MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_", "True"]),
        ({"MALLOC_ARENA_MAX": "4"}, ["MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_", "True"]),
        ({"MALLOC_MMAP_THRESHOLD_": "33554432"}, ["MALLOC_ARENA_MAX MALLOC_TRIM_THRESHOLD_", "False"]),
    ],
)
def test_large_buffers_lie_apart_unless_whoever_starts_the_server_chose_otherwise(chosen, told):
    free = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    surroundings = free | chosen | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == told
