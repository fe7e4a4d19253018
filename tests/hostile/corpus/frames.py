"""What somebody could say who sits where the engine was."""

import io
import struct
from collections.abc import Iterator

import numpy as np

from hostile.corpus import Hostile, anything
from hostile.corpus.notes import DEEP


def frames() -> Iterator[Hostile]:
    """What somebody could say who sits where the engine was."""
    told = b'{"event": "done", "arrays": %s}'
    array = io.BytesIO()
    np.save(array, np.arange(3))
    form = (
        b"\x93NUMPY\1\0"
        + struct.pack("<H", 70)
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
    )
    kinds = {
        "another mark": b"EVIL" + bytes(12),
        "a header of 4 GB told": struct.pack(">4sIQ", b"ICE1", 2**32 - 1, 0),
        "arrays of 2^60 told": struct.pack(">4sIQ", b"ICE1", 2, 2**60) + b"{}",
        "half a frame": b"ICE1\0\0",
        "infinitely many arrays": framed(told % b"Infinity"),
        "a billion arrays": framed(told % b"1000000000"),
        "an array of objects": framed(told % b"1", b"\x93NUMPY\1\0\x10\0{'descr': '|O'} "),
        "an array of 2^50 numbers": framed(told % b"1", (form % b"1125899906842624").ljust(80)),
        "an array of 10^9 numbers": framed(told % b"1", (form % b"1000000000").ljust(80)),
        "an array whose header never ends": framed(told % b"1", b"\x93NUMPY\1\0\x0b\0{'descr': '"),
    } | {f"a header of {what}": framed(data) for what, data in DEEP.items()}
    for what, data in kinds.items():
        yield Hostile(f"a frame with {what}", "frame", data)
    yield Hostile("an honest frame", "frame", framed(told % b"1", array.getvalue()), anything)


def framed(header: bytes, arrays: bytes = b"") -> bytes:
    """A frame with this header and these bytes behind it."""
    return struct.pack(">4sIQ", b"ICE1", len(header), len(arrays)) + header + arrays
