"""One artifact, one folder: arrays as .npy, weights as safetensors, everything else in `values` of meta.json.

Nothing is pickled, so a folder from a stranger cannot run code. Arrays come back memory-mapped and read-only.
"""

import dataclasses
import shutil
import typing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors.numpy import load_file, save_file

T = TypeVar("T")


def write(value: Any, folder: Path, prefix: str = "") -> dict[str, Any]:
    """Write the arrays of a dataclass into `folder`; return the fields that fit into JSON.

    A field that is a path names a folder, which is moved into `folder`.
    """
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        item, name = getattr(value, field.name), prefix + field.name
        if isinstance(item, np.ndarray):
            np.save(folder / f"{name}.npy", item, allow_pickle=False)
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
        return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
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
