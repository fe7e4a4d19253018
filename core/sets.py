"""Sets of training images that people chose, each kept in a file named after its content.

A reviewed set or somebody's own list takes the place of a detector's flags; its name is a digest, so that results
made from one set are never shown for another.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from core import paths


def folder() -> Path:
    """Where the sets lie, among the results."""
    return paths.store_root() / "sets"


def digest_of(indices: Iterable[int]) -> str:
    """32 hexadecimal digits that name a set of training rows."""
    rows = sorted({int(i) for i in indices})
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def keep(indices: Iterable[int]) -> str:
    """Write a set down and return its digest; the same set is one file. Raises ValueError for a negative row."""
    rows = sorted({int(i) for i in indices})
    if rows and rows[0] < 0:
        raise ValueError(f"row {rows[0]}: expected rows of the training set, counted from 0")
    digest = digest_of(rows)
    file = folder() / f"{digest}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(rows))
        part.rename(file)
    return digest


def read(digest: str) -> Int64[np.ndarray, " f"]:
    """Rows of a set, ascending. Raises FileNotFoundError or ValueError where it is missing or altered."""
    file = folder() / f"{digest}.json"
    if not file.exists():
        raise FileNotFoundError(f"{file}: the set is not here; review the case again or bring the file back")
    try:
        rows = np.array(json.loads(file.read_text()), np.int64).reshape(-1)
    except (ValueError, TypeError, OverflowError):
        rows = np.array([-1])
    if digest_of(rows) != digest:
        raise ValueError(f"{file}: was altered since it was written; delete it and make the set again")
    return rows
