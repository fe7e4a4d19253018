"""Files of weights that could run code, fill the memory, or be something else."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from hostile.corpus import Hostile, anything

OK = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("import os; os._exit(99)",))


def tensors(header: Any, numbers: bytes = bytes(8), *, length: int | None = None) -> bytes:
    """A safetensors file, whatever its header says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + numbers


def finite(found: Any) -> bool:
    """Tensors that are plain numbers."""
    return all(isinstance(a, np.ndarray) and np.isfinite(a).all() for a in found.values())


def inputs() -> Iterator[Hostile]:
    """All of them."""
    yield from pickles()
    yield from headers()
    yield from entries()
    yield from values()
    yield from misfits()


def pickles() -> Iterator[Hostile]:
    """What runs code when it is opened, by the door that refuses it unopened and by the one that converts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
        archive.writestr("archive/version", "3")
    script = io.BytesIO()
    with zipfile.ZipFile(script, "w") as archive:
        archive.writestr("m/code/__torch__.py", "class M(Module):\n  def forward(self): ops.aten.save('x')\n")
        archive.writestr("m/constants.pkl", pickle.dumps(()))
        archive.writestr("m/data.pkl", pickle.dumps(Evil()))
    objects = io.BytesIO()
    np.save(objects, np.array([Evil()], object), allow_pickle=True)
    kinds = {f"a pickle of protocol {n}": pickle.dumps(Evil(), protocol=n) for n in range(6)}
    kinds |= {
        "a .pth": packed.getvalue(),
        "TorchScript": script.getvalue(),
        "an .npy of objects": objects.getvalue(),
    }
    kinds |= {
        "a legacy .pt": pickle.dumps(0x1950A86A20F9469CFC6C) + pickle.dumps(1001) + pickle.dumps(Evil())
    }
    for what, data in kinds.items():
        yield Hostile(f"{what} named .safetensors", "weights", data)
        yield Hostile(f"{what} to convert", "untrusted_pth", data)
    yield Hostile("gzip named .safetensors", "weights", b"\x1f\x8b\x08" + bytes(99))
    yield Hostile("HDF5 named .safetensors", "weights", b"\x89HDF\r\n\x1a\n" + bytes(99))
    yield Hostile("ONNX named .safetensors", "weights", b"\x08\x07\x12\x07pytorch" + bytes(99))
    yield Hostile("GGUF named .safetensors", "weights", b"GGUF\x03\0\0\0" + bytes(99))


def headers() -> Iterator[Hostile]:
    """Headers that lie about themselves."""
    good = json.dumps({"a": OK}).encode()
    for length in (0, 1, 2**20 + 1, 2**31, 2**53, 2**63, 2**64 - 1, len(good) + 99):
        yield Hostile(f"a header of {length} bytes told", "weights", tensors(good, length=length))
    texts = {
        "no JSON": b"hello world",
        "UTF-16": json.dumps({"a": OK}).encode("utf-16"),
        "not UTF-8": b'{"\xff\xfe": 1}',
        "100,000 deep": b"[" * 100_000,
        "100,000 tables deep": b'{"a":' * 100_000,
        "a list": b"[]",
        "a number": b"12345678",
        "nothing in it": b"{}",
        "metadata alone": b'{"__metadata__": {"a": "b"}}',
        "a number with 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
        "NaN": b'{"a": NaN}',
        "Infinity": b'{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 8]}}',
        "one name twice": b'{"a": %s, "a": %s}' % ((json.dumps(OK).encode(),) * 2),
        "70,000 names, the last twice": b"{"
        + b",".join(b'"%d":1' % n for n in [*range(70_000), 69_999])
        + b"}",
        "9,000 tensors": json.dumps(
            {f"t{n}": OK | {"data_offsets": [8 * n, 8 * n + 8]} for n in range(9_000)}
        ).encode(),
        "blanks for a megabyte": b" " * 1_000_000 + good,
        "something behind it": good + b"x",
        "a byte order mark": b"\xef\xbb\xbf" + good,
    }
    for what, text in texts.items():
        yield Hostile(
            f"a header with {what}", "weights", tensors(text), anything if "blanks" in what else None
        )
    much = {"__metadata__": {f"k{n}": "v" * 100 for n in range(9_000)}, "a": OK}
    yield Hostile("a header with a megabyte of metadata", "weights", tensors(much), finite)
    told = {"__metadata__": {"name": "<script>alert(1)</script>"}, "a": OK}
    yield Hostile("a script in the metadata", "weights", tensors(told), finite)


def entries() -> Iterator[Hostile]:
    """Single tensors that lie about their place, their kind or their shape."""
    for what, change in {
        "a dtype that is none": {"dtype": "F33"},
        "a dtype that is a list": {"dtype": ["F32"]},
        "a dtype of a megabyte": {"dtype": "F" * 900_000},
        "a complex dtype": {"dtype": "C64"},
        "a shape that is a text": {"shape": "2"},
        "a negative shape": {"shape": [-2]},
        "two negative axes": {"shape": [-1, -2]},
        "a shape that overflows": {"shape": [2**32, 2**32]},
        "a shape of 2^63": {"shape": [2**63]},
        "a shape of truth": {"shape": [True, 2]},
        "a shape of floats": {"shape": [2.0]},
        "a shape of 3,000 axes": {"shape": [1] * 2999 + [2]},
        "a shape with nothing": {"shape": [None]},
        "offsets below zero": {"data_offsets": [-8, 0]},
        "offsets the wrong way": {"data_offsets": [8, 0]},
        "offsets past the end": {"data_offsets": [0, 2**40]},
        "a gap": {"data_offsets": [8, 16]},
        "three offsets": {"data_offsets": [0, 8, 16]},
        "no offsets": {"data_offsets": []},
        "offsets that are texts": {"data_offsets": ["0", "8"]},
        "a shape that does not fit": {"shape": [3]},
        "another key": {"evil": 1},
    }.items():
        yield Hostile(what, "weights", tensors({"a": OK | change}))
    for what, name in {
        "no name": "",
        "a name of 10,000 characters": "n" * 10_000,
        "a name with bidi": "a\u202eb",
        "a name with a line break": "a\nb",
        "a name with NUL": "a\0b",
        "half a surrogate": "a\ud800b",
    }.items():
        yield Hostile(f"a tensor with {what}", "weights", tensors({name: OK}))
    yield Hostile("overlapping tensors", "weights", tensors({"a": OK, "b": OK}))
    shifted = {"a": OK, "b": OK | {"data_offsets": [4, 12]}}
    yield Hostile("half-overlapping tensors", "weights", tensors(shifted, bytes(12)))
    yield Hostile("bytes behind the last tensor", "weights", tensors({"a": OK}, bytes(9)))
    yield Hostile("bytes that are missing", "weights", tensors({"a": OK}, bytes(7)))
    yield Hostile("a tensor that is a list", "weights", tensors({"a": []}))
    empty = {"a": {"dtype": "F32", "shape": [0, 2**31], "data_offsets": [0, 0]}}
    yield Hostile("a tensor of nothing", "weights", tensors(empty, b""), anything)
    yield Hostile(
        "a tensor for a scalar",
        "weights",
        tensors({"a": OK | {"shape": [], "data_offsets": [0, 4]}}, bytes(4)),
        finite,
    )


def values() -> Iterator[Hostile]:
    """Numbers that are none."""
    for what, numbers in {
        "NaN": [1, np.nan],
        "infinity": [1, np.inf],
        "minus infinity": [-np.inf, 0],
    }.items():
        for kind, form in (("F32", "<f4"), ("F64", "<f8"), ("F16", "<f2")):
            data = np.array(numbers, form).tobytes()
            entry = {"dtype": kind, "shape": [2], "data_offsets": [0, len(data)]}
            yield Hostile(f"{what} as {kind}", "weights", tensors({"a": entry}, data))
    entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    yield Hostile("NaN as BF16", "weights", tensors({"a": entry}, b"\xc0\x7f\0\0"))
    entry = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
    yield Hostile("more than float32 can hold", "weights", tensors({"a": entry}, struct.pack("<d", 1e300)))


def misfits() -> Iterator[Hostile]:
    """Sound files that are not of the architecture."""
    yield Hostile("weights of something else", "fitting_weights", tensors({"a": OK}))
    names = {f"<b>{n}</b>![x](//e.x)": OK | {"data_offsets": [8 * n, 8 * n + 8]} for n in range(300)}
    yield Hostile("300 names with markup", "fitting_weights", tensors(names, bytes(2400)))
    prefixed = {"module." * 40 + "a": OK}
    yield Hostile("forty prefixes", "fitting_weights", tensors(prefixed))
    yield Hostile("prefixes and nothing else", "fitting_weights", tensors({"module.": OK}))
