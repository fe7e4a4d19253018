"""The door for weights from outside: safetensors files alone, taken apart here before anything is allocated.

Nothing in such a file can run. Header, counts, types, offsets and sizes are checked first, then that every number
is finite. Free of torch: the page process uses it.
"""

import hashlib
import json
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from core import durable, paths
from core.safeload import Refused, clean_name

MAX_HEADER = 2**20
MAX_TENSORS = 4096
MAX_BYTES = 2 * 2**30
MAX_AXES = 8
MAX_NAME = 300
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8", "I64": "<i8"}
"""Kinds of numbers that are read, as NumPy reads their bytes; BF16 is the upper half of a float32."""
PICKLED = {b"PK\x03\x04": "a PyTorch archive", b"\x80": "a pickle", b"\x1f\x8b": "a gzip archive"}
PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.")
"""What wrappers such as DataParallel and torch.compile put before every name."""
CONVERT = "python -m core convert FILE --i-trust-this-file --out weights.safetensors"
EXPORT = "write it again with safetensors"


class WeightsRefused(Refused):
    """A file of weights that is not let in."""


class Entry(NamedTuple):
    """Where a tensor lies in the file, in bytes after the header."""

    name: str
    kind: str
    shape: tuple[int, ...]
    start: int
    end: int


class Header(NamedTuple):
    """What a file says of itself; `begin` is where its numbers begin."""

    entries: tuple[Entry, ...]
    begin: int

    @property
    def parameters(self) -> int:
        """How many numbers there are, whole ones (counters) left out."""
        return sum(math.prod(e.shape) for e in self.entries if e.kind != "I64")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape by name, in the order of the names in the file."""
        return {e.name: e.shape for e in self.entries}


def header(file: Path) -> Header:
    """What the file holds, checked against its size. Raises WeightsRefused; reads at most 1 MiB."""
    if not file.is_file():
        raise WeightsRefused(str(file), "expected a file of weights", "check the path")
    size, name = file.stat().st_size, file.name
    if size > MAX_BYTES:
        raise WeightsRefused(
            f"{name} ({size:,} bytes)", f"expected at most {MAX_BYTES:,}", "save it in half precision"
        )
    with file.open("rb") as opened:
        text = _header_text(opened, name, size)
    entries = tuple(_entry(name, *item) for item in _decoded(name, text).items() if item[0] != "__metadata__")
    if not 0 < len(entries) <= MAX_TENSORS:
        raise WeightsRefused(f"{name}: {len(entries):,} tensors", f"expected 1 to {MAX_TENSORS:,}", EXPORT)
    _check_places(name, entries, size - 8 - len(text))
    return Header(entries, 8 + len(text))


def _header_text(opened: BinaryIO, name: str, size: int) -> bytes:
    first = opened.read(8)
    length = int.from_bytes(first, "little")
    if len(first) == 8 and 2 <= length <= MAX_HEADER and length <= size - 8:
        return opened.read(length)
    for magic, kind in PICKLED.items():
        if first.startswith(magic):
            raise WeightsRefused(
                f"{name} is {kind}",
                "expected a safetensors file, for opening a pickle can run code",
                f"convert a file that you trust on the command line: {CONVERT}",
            )
    raise WeightsRefused(
        f"{name}: header of {length:,} bytes in a file of {size:,}",
        f"expected a safetensors header of 2 to {MAX_HEADER:,} bytes",
        "the file is damaged or no safetensors file; " + EXPORT,
    )


def _decoded(name: str, text: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(text.decode(), object_pairs_hook=_once_each, parse_constant=_no_number)
        if not isinstance(tree, dict):
            raise ValueError("it is no table")
    except (ValueError, RecursionError) as error:
        raise WeightsRefused(f"{name}: {error}"[:300], "expected a header in plain JSON", EXPORT) from error
    return tree


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        (name, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"{clean_name(name)!r} stands there twice")
    return tree


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _entry(file: str, name: str, told: Any) -> Entry:
    what = f"{file}: tensor {clean_name(name)!r}"
    if len(name) > MAX_NAME or not name.isprintable() or not name:
        raise WeightsRefused(what, f"expected a printable name of at most {MAX_NAME} characters", EXPORT)
    if not isinstance(told, dict) or set(told) != {"dtype", "shape", "data_offsets"}:
        raise WeightsRefused(what, "expected dtype, shape and data_offsets, nothing else", EXPORT)
    kind, shape, place = told["dtype"], told["shape"], told["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise WeightsRefused(f"{what} of dtype {str(kind)[:20]}", f"expected one of {list(DTYPES)}", EXPORT)
    if not _counts(shape) or len(shape) > MAX_AXES:
        raise WeightsRefused(
            f"{what} of shape {str(shape)[:60]}", f"expected at most {MAX_AXES} counts", EXPORT
        )
    if not _counts(place) or len(place) != 2:
        raise WeightsRefused(
            f"{what} at {str(place)[:60]}", "expected two places in the file, none below zero", EXPORT
        )
    need = math.prod(shape) * np.dtype(DTYPES[kind]).itemsize
    if place[1] - place[0] != need:
        raise WeightsRefused(
            f"{what} takes {place[1] - place[0]:,} bytes", f"expected {need:,} for {shape} of {kind}", EXPORT
        )
    return Entry(name, kind, tuple(shape), *place)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n <= MAX_BYTES for n in value)


def _check_places(name: str, entries: tuple[Entry, ...], size: int) -> None:
    """Tensors must follow each other without gap or overlap, to the last byte of the file."""
    at = 0
    for entry in sorted(entries, key=lambda e: (e.start, e.end)):
        if entry.start != at:
            wrong = "overlaps the one before it" if entry.start < at else "leaves a gap before it"
            raise WeightsRefused(
                f"{name}: tensor {clean_name(entry.name)!r} at {entry.start:,} {wrong}",
                f"expected it at {at:,}",
                EXPORT,
            )
        at = entry.end
    if at != size:
        raise WeightsRefused(
            f"{name} holds {size:,} bytes of numbers", f"its header says {at:,}", "copy the whole file again"
        )


def read_file(file: Path) -> dict[str, np.ndarray]:
    """Tensors by name, float32 and int64. Raises WeightsRefused, also where a number is not finite."""
    found, told = header(file), {}
    for entry in found.entries:
        flat = np.fromfile(file, DTYPES[entry.kind], math.prod(entry.shape), offset=found.begin + entry.start)
        values = _widened(flat, entry.kind).reshape(entry.shape)
        if not np.isfinite(values).all():
            raise WeightsRefused(
                f"{file.name}: tensor {clean_name(entry.name)!r} holds NaN, infinity or more than float32 can",
                "expected finite numbers",
                "take the weights of an earlier epoch: these diverged",
            )
        told[entry.name] = values
    return told


def _widened(flat: np.ndarray, kind: str) -> np.ndarray:
    if kind == "BF16":
        return (flat.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # becomes infinite, which is refused by name
        return flat if kind in ("I64", "F32") else flat.astype(np.float32)


def plain_names(weights: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The tensors without what wrappers put before every name, and what that was."""
    plain, removed = dict(weights), ""
    while found := next((p for p in PREFIXES if all(n.startswith(p) and n != p for n in plain)), ""):
        plain = {name.removeprefix(found): value for name, value in plain.items()}
        removed += found
    return plain, removed


def folder() -> Path:
    """Where kept weights lie, among the results."""
    return paths.store_root() / "weights"


def file_of(digest: str) -> Path:
    """Where the weights of this name lie."""
    return folder() / f"{digest}.safetensors"


def keep_weights(data: bytes | Path) -> str:
    """Take weights in and return their digest. Raises WeightsRefused for anything but a sound safetensors file."""
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder(), suffix=".part", delete=False) as part:
        copy = Path(part.name)
    try:
        if isinstance(data, bytes):
            copy.write_bytes(data)
        else:
            header(data)  # before a byte of it is copied
            shutil.copyfile(data, copy)
        read_file(copy)
        digest = _digest(copy)
        durable.put(copy, file_of(digest))
    except WeightsRefused as error:
        name = "the uploaded file" if isinstance(data, bytes) else data.name
        raise WeightsRefused(error.value.replace(copy.name, name), error.need, error.remedy) from error
    finally:
        copy.unlink(missing_ok=True)
    return digest


def read(digest: str) -> dict[str, np.ndarray]:
    """Kept weights. Raises FileNotFoundError or ValueError where they are missing or altered."""
    file = file_of(digest)
    if not file.exists():
        raise FileNotFoundError(f"{file}: the weights are not here; bring them again")
    if _digest(file) != digest:
        raise ValueError(f"{file}: was altered since it was kept; delete it and bring the weights again")
    return read_file(file)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:32]
