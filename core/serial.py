"""One artifact, one folder: arrays as .npy, weights as safetensors, everything else in `values` of meta.json.

Nothing is pickled, so a folder from a stranger cannot run code. Arrays come back read-only; large ones are
memory-mapped, small ones are copied, so that nothing that happens to their file later reaches or ends this process.
"""

import dataclasses
import shutil
import threading
import typing
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from core.integrity import ArtifactDamaged

T = TypeVar("T")
MAPPED = 32 * 2**20
"""Bytes of an array file from which it is mapped."""
_one_header = threading.Lock()
"""NumPy reads an array's header with Python's `ast`, which in 3.11 can fail when two threads use it at once."""


def write(value: Any, folder: Path, prefix: str = "") -> dict[str, Any]:
    """Write the arrays of a dataclass into `folder`; return the fields that fit into JSON.

    A field that is a path names a folder, which is moved into `folder`.
    """
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        item, name = getattr(value, field.name), prefix + field.name
        if isinstance(item, np.ndarray):
            _save(folder / f"{name}.npy", item)
        elif dataclasses.is_dataclass(item):
            plain[field.name] = write(item, folder, f"{name}.")
        elif isinstance(item, Path):
            shutil.move(item, folder / name)
        elif isinstance(item, dict):
            arrays = {key: np.ascontiguousarray(array) for key, array in item.items()}
            save_file(arrays, folder / f"{name}.safetensors")
        else:
            plain[field.name] = item
    return plain


def size(value: Any, disk: int | None = None) -> int:
    """Bytes that writing a dataclass takes, its plain fields aside, and folders that lie on this disk already."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, Path):
        if value.stat().st_dev == disk:
            return 0
        return sum(file.stat().st_size for file in value.rglob("*") if file.is_file())
    if isinstance(value, dict):
        return sum(size(item, disk) for item in value.values())
    if dataclasses.is_dataclass(value):
        return sum(size(getattr(value, field.name), disk) for field in dataclasses.fields(value))
    return 0


def read_checked(kind: type[T], folder: Path, plain: dict[str, Any]) -> T:
    """The same as `read` for a folder whose digests are right. Raises ArtifactDamaged where it is another's all the same."""
    try:
        return read(kind, folder, plain)
    except FileNotFoundError:
        raise  # another process has just set it aside
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, SafetensorError) as error:
        words = f"{folder}: cannot be read as {kind.__name__} ({str(error)[:120]}); another version wrote it"
        raise ArtifactDamaged(words, folder) from error


def read(kind: type[T], folder: Path, plain: dict[str, Any], prefix: str = "") -> T:
    """Rebuild a dataclass of type `kind` from its folder and its plain fields."""
    hints = typing.get_type_hints(kind)
    fields = {
        field.name: _field(hints[field.name], folder, prefix + field.name, plain.get(field.name))
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
    }
    return kind(**fields)


def _field(hint: Any, folder: Path, name: str, plain: Any) -> Any:
    if (folder / f"{name}.npy").exists():
        return _array(folder / f"{name}.npy")
    if dataclasses.is_dataclass(hint):
        return read(hint, folder, plain, f"{name}.")  # type: ignore[type-var]
    if hint is Path:
        return folder / name
    if (folder / f"{name}.safetensors").exists():
        weights = load_file(folder / f"{name}.safetensors")
        for array in weights.values():
            array.flags.writeable = False
        return weights
    return tuple(plain) if isinstance(plain, list) else plain


class _Stream:
    """A file that NumPy does not write to by itself: its own way loses the reason of an error."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def _save(file: Path, array: np.ndarray) -> None:
    with file.open("wb") as opened:
        np.save(_Stream(opened), array, allow_pickle=False)  # type: ignore[arg-type]


def _array(file: Path) -> np.ndarray:
    mapped = file.stat().st_size >= MAPPED
    with _one_header:
        array = np.load(file, mmap_mode="r" if mapped else None, allow_pickle=False)
    array.flags.writeable = False
    return array
