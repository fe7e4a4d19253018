"""CIFAR's "python version": pickled batches, read without running anything that a pickle asks for.

Unpickling a file from a stranger can execute any program. These files only need arrays, texts, numbers, lists
and tables; arrays are rebuilt here from their raw bytes, and every other request ends the reading.
"""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from core.artifacts import Split
from core.progress import track
from core.safeload import plain

MAX_BYTES = 512 * 2**20


class _Recorded:
    """Stands where a pickle builds a NumPy object, and only remembers what it was built with."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


def _latin1(text: str, *_: Any) -> bytes:
    """How Python 3 writes bytes into pickles that Python 2 can read."""
    return text.encode("latin1")


_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _Recorded,
    ("numpy._core.multiarray", "_reconstruct"): _Recorded,
    ("numpy", "ndarray"): _Recorded,
    ("numpy", "dtype"): _Recorded,
    ("_codecs", "encode"): _latin1,
}


class _Unpickler(pickle._Unpickler):
    """Python's own unpickler, not the one in C, which makes room for as many objects as a file says there are."""

    dispatch: ClassVar[dict[int, Any]] = {
        code: act
        for code, act in pickle._Unpickler.dispatch.items()
        if code
        not in {ord(c) for c in ("d", "\x8f", "\x90", "\x91")}  # DICT and sets: keys that nobody looks at
    }

    def find_class(self, module: str, name: str) -> Any:
        """One of the few things that these files need."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"asks for {plain(module)[:40]}.{plain(name)[:40]}")
        return _ADMITTED[module, name]

    def load_setitem(self) -> None:
        """A key and its value; keys are texts, for a tuple of tuples can take for ever to look at."""
        _check_keys(self.stack[-2:-1])  # type: ignore[attr-defined]
        super().load_setitem()  # type: ignore[misc]

    def load_setitems(self) -> None:
        """Several of them."""
        _check_keys(self.stack[::2])  # type: ignore[attr-defined]
        super().load_setitems()  # type: ignore[misc]

    dispatch |= {ord("s"): load_setitem, ord("u"): load_setitems}


def _check_keys(keys: list[Any]) -> None:
    if not all(isinstance(key, str | bytes) for key in keys):
        raise pickle.UnpicklingError("a key that is no text")


def read_table(file: Path) -> dict[str, Any]:
    """The table pickled in `file`. Raises ValueError where it holds anything but data."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes")
        table = _Unpickler(BytesIO(file.read_bytes()), encoding="bytes").load()
        return {_text(key): value for key, value in table.items()}
    except OSError:
        raise
    except Exception as error:  # malformed pickles raise whatever they stumble over
        told = plain(str(error))[:100]
        raise ValueError(f"{file}: expected a CIFAR batch ({told}); put the original file back") from error


def read_batches(files: list[Path], label_key: str) -> Split:
    """Images [n 3 32 32] and labels of the batches, in order. Raises ValueError for a damaged batch."""
    tables = [(file, read_table(file)) for file in track(files, "read")]
    images = [_images(file, table.get("data")) for file, table in tables]
    pairs = zip(tables, images, strict=True)
    labels = [_labels(file, table.get(label_key), len(x)) for (file, table), x in pairs]
    return Split(np.concatenate(images), np.concatenate(labels))


def read_names(file: Path, key: str) -> list[str]:
    """The class names listed under `key` of a meta file."""
    names = read_table(file).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise ValueError(f"{file}: expected a list of names under '{key}'; put the original file back")
    return [_text(name) for name in names]


def _images(file: Path, recorded: Any) -> UInt8[np.ndarray, "n 3 32 32"]:
    try:
        _, shape, dtype, fortran_order, raw = recorded.state
        kind, (n, width) = dtype.arguments[0], shape
        if kind not in ("u1", b"u1") or type(n) is not int or width != 3 * 32 * 32 or fortran_order:
            raise ValueError("another kind of array")
        flat = np.frombuffer(raw if isinstance(raw, bytes) else _latin1(raw), np.uint8)
        return flat.reshape(n, 3, 32, 32)  # each row is red, green, blue plane
    except (AttributeError, TypeError, ValueError, IndexError, UnicodeError) as error:
        raise ValueError(
            f"{file}: expected 'data' as uint8 [n 3072] ({error}); put the original file back"
        ) from error


def _labels(file: Path, values: Any, n: int) -> np.ndarray:
    if not isinstance(values, list) or len(values) != n or not all(type(v) is int for v in values):
        raise ValueError(f"{file}: expected a list of {n} numbers as labels; put the original file back")
    return np.array(values, np.int64)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
