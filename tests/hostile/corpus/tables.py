"""Lists of images in .npy, .csv and .json, and CIFAR's pickled batches."""

import io
import json
import pickle
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from hostile.corpus import Hostile, anything
from hostile.corpus.weights import Evil
from hostile.doors import N


def rows(found: Any) -> bool:
    """Ascending numbers of images of the case."""
    return all(type(i) is int and 0 <= i < N for i in found) and list(found) == sorted(set(found))


def npy(header: bytes, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """An .npy file, whatever its header says."""
    form = "<H" if version == b"\1\0" else "<I"
    return b"\x93NUMPY" + version + struct.pack(form, len(header)) + header + data


def saved(values: Any, **options: Any) -> bytes:
    """An honest .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values, **options)
    return buffer.getvalue()


def inputs() -> Iterator[Hostile]:
    """All of them."""
    for what, data in headers().items():
        yield Hostile(f".npy with {what}", "own_list", ("a.npy", data))
        yield Hostile(f".npy with {what} to grade", "grade", data)
    yield from texts()
    yield from batches()


def headers() -> dict[str, bytes]:
    """Arrays that are no rows of whole numbers."""
    told = b"{'descr': '<i8', 'fortran_order': False, 'shape': (%s), }"
    packed = io.BytesIO()
    np.savez(packed, a=np.arange(3))
    return {
        "objects": saved(np.array([Evil()], object), allow_pickle=True),
        "floats": saved(np.arange(3.0)),
        "truth values": saved(np.ones(3, bool)),
        "a table": saved(np.ones((3, 3), int)),
        "a single number": saved(np.int64(3)),
        "complex numbers": saved(np.ones(2, complex)),
        "records": saved(np.zeros(2, [("a", "i8")])),
        "times": saved(np.array(["2020-01-01"], "M8[D]")),
        "texts": saved(np.array(["3"])),
        "2^60 numbers told": npy(told % b"1152921504606846976,", bytes(80)),
        "a negative shape": npy(told % b"-1,", bytes(80)),
        "a shape of truth": npy(told % b"True,", bytes(80)),
        "a shape of texts": npy(told % b"'9',", bytes(80)),
        "a header that is code": npy(b"__import__('os')._exit(99)"),
        "a header 5,000 deep": npy(b"(" * 5_000),
        "a header of 60,000 characters": npy(b" " * 60_000),
        "a header that never ends": npy(b"{'descr': '"),
        "a header of another language": npy(b"{'descr': '<i8', 'fortran_order': False, 'shape': (3L"),
        "a header with NUL": npy(b"{'descr': '\0'}"),
        "a descriptor that loops": npy(
            b"{'descr': [('a', [('b', '<i8', -1)])], 'fortran_order': 1, 'shape': (1,)}"
        ),
        "a descriptor of 2^40 bytes": npy(
            b"{'descr': '|V1099511627776', 'fortran_order': False, 'shape': (1,)}"
        ),
        "version 9": npy(told % b"1,", bytes(8), b"\x09\x09"),
        "version 3": npy(told % b"1,", bytes(8), b"\3\0"),
        "a header of 4 GB told": b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(99),
        "a pickle": pickle.dumps(Evil()),
        "a zip": packed.getvalue(),
        "nothing": b"",
        "a signature alone": b"\x93NUMPY",
        "a number missing": saved(np.arange(9))[:-3],
        "numbers too many": saved(np.arange(9)) + b"evil",
    }


def texts() -> Iterator[Hostile]:
    """Lists as text."""
    lists: dict[str, tuple[str, bytes, Any]] = {
        "a formula": ("a.csv", b'index\n=HYPERLINK("http://e.x")', None),
        "a million columns": ("a.csv", b"index" + b",x" * 1_000_000 + b"\n3", rows),
        "NUL bytes": ("a.csv", b"index\n\0\n", None),
        "a cell of 200 KB": ("a.csv", b"index\n" + b"1" * 200_000, None),
        "UTF-16": ("a.csv", "index\n3".encode("utf-16"), None),
        "Latin-1": ("a.csv", b"index,caf\xe9\n3,x", None),
        "a byte order mark": ("a.csv", b"\xef\xbb\xbfindex\n3\n", rows),
        "full-width digits": ("a.csv", "index\n\uff13".encode(), None),
        "superscripts": ("a.csv", "index\n\u00b3".encode(), None),
        "a quote that never ends": ("a.csv", b'index\n"3', anything),
        "a column twice": ("a.csv", b"index,index\n3,4", rows),
        "a short line": ("a.csv", b"x,index\n3\n", None),
        "floats": ("a.csv", b"index\n3.0", None),
        "an exponent": ("a.csv", b"index\n1e2", None),
        "a sign": ("a.csv", b"index\n-1", None),
        "escape sequences": ("a.csv", b"\x1b[31m,\x07\n3", None),
        "columns with bidi": ("a.csv", "a\u202e,b\n3".encode(), None),
        "JSON 100,000 deep": ("a.json", b"[" * 100_000, None),
        "tables 100,000 deep": ("a.json", b'{"flags":' * 100_000, None),
        "a number of 5,000 digits": ("a.json", b"[" + b"9" * 5000 + b"]", None),
        "a number of 400 digits": ("a.json", b"[" + b"9" * 400 + b"]", None),
        "NaN": ("a.json", b"[NaN]", None),
        "infinity": ("a.json", b"[Infinity]", None),
        "truth": ("a.json", b"[true]", None),
        "a float": ("a.json", b"[3.0]", None),
        "lists of lists": ("a.json", b"[[3]]", None),
        "a text": ("a.json", b'"3"', None),
        "a text with an escape": ("a.json", b'["\\u001b[31m"]', None),
        "half a surrogate": ("a.json", b'["\\ud800"]', None),
        "an unknown ending": ("a.pkl", pickle.dumps(Evil()), None),
        "an ending with markup": ("a.<script>\x1b\u202e", b"[]", None),
        "no name": ("", b"[]", None),
        "17 MB": ("a.json", b"[" + b"1," * 8_500_000 + b"1]", None),
        "a million numbers": ("a.json", b"[" + b"1," * 1_000_000 + b"1]", rows),
        "a key of its own": ("a.json", b'{"__proto__": [3], "constructor": [3]}', None),
    }
    for what, (name, data, good) in lists.items():
        yield Hostile(f"a list with {what}", "own_list", (name, data), good)


def batches() -> Iterator[Hostile]:
    """Pickles where CIFAR's are expected."""
    shared = b"(lp0\n" + b"".join(b"(lp%d\ng%d\nag%d\na" % (i, i - 1, i - 1) for i in range(1, 60))
    keys = b"".join(b"h%ch%c\x86q%c0" % (i, i, i + 1) for i in range(60))
    kinds = {
        "a command": pickle.dumps(Evil()),
        "os.system": b"cos\nsystem\n(S'exit 99'\ntR.",
        "a memo of 2^31 places": b"\x80\x02]r\xff\xff\xff\x7f.",
        "a memo of 10^12 places": b"(lp1000000000000\n.",
        "2^62 bytes told": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x3f.",
        "a frame of 2^62": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x3f.",
        "a number of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f.",
        "100,000 lists deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "lists of lists 60 times doubled": shared + b".",
        "keys 60 times doubled": b"\x80\x02})q\x000" + keys + b"h<K\1s.",
        "an extension": b"\x80\x02\x82\x01.",
        "a persistent name": b"Pevil\n.",
        "a class made anew": b"\x80\x02cnumpy\nndarray\n)\x81.",
        "numpy's own loader": b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
        "getattr": b"cbuiltins\ngetattr\n(S'a'\nS'b'\ntR.",
        "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.tofile\x93.",
        "no table": pickle.dumps([1, 2]),
        "a table without images": pickle.dumps({b"labels": [1]}),
        "images that are a list": pickle.dumps({b"data": [1], b"labels": [1]}),
        "wrong counts": pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}),
        "images of floats": pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}),
        "images of objects": pickle.dumps({b"data": np.array([[Evil()]], object), b"labels": [1]}),
        "labels that are texts": pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": ["1"]}),
        "nothing": b"",
        "JSON": json.dumps({"data": 1}).encode(),
    }
    for what, data in kinds.items():
        yield Hostile(f"a batch with {what}", "batch", data)
