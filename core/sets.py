"""Sets of training images that people chose, each kept in a file named after its content.

A reviewed set or somebody's own list takes the place of a detector's flags; its name is a digest, so that results
made from one set are never shown for another.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from core import durable, paths
from core.safeload import plain


def folder() -> Path:
    """Where the sets lie, among the results."""
    return paths.store_root() / "sets"


def digest_of(indices: Iterable[int], salt: str = "") -> str:
    """32 hexadecimal digits that name a set of training rows.

    A blind case has a salt: the digest of a small set could be guessed, and rows of the data tell who the poisons are.
    """
    rows = sorted({int(i) for i in indices})
    return hashlib.sha256((json.dumps(rows) + salt).encode()).hexdigest()[:32]


def keep(indices: Iterable[int], salt: str = "") -> str:
    """Write a set down and return its digest; the same set is one file. Raises ValueError for a negative row."""
    rows = sorted({int(i) for i in indices})
    if rows and rows[0] < 0:
        raise ValueError(f"row {rows[0]}: expected rows of the training set, counted from 0")
    digest = digest_of(rows, salt)
    file = folder() / f"{digest}.json"
    if not file.exists():
        durable.write(file, json.dumps({"rows": rows, "salt": salt}))
    return digest


def read(digest: str) -> Int64[np.ndarray, " f"]:
    """Rows of a set, ascending. Raises FileNotFoundError or ValueError where it is missing or altered."""
    file = folder() / f"{digest}.json"
    if not file.exists():
        raise FileNotFoundError(f"{file}: the set is not here; review the case again or bring the file back")
    try:
        told = json.loads(file.read_text())
        rows, salt = np.array(told["rows"], np.int64).reshape(-1), str(told["salt"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        rows, salt = np.array([-1]), ""
    if digest_of(rows, salt) != digest:
        raise ValueError(f"{file}: was altered since it was written; delete it and make the set again")
    return rows


def is_of(digest: str, salt: str) -> bool:
    """Whether a set was made in the case of this salt: in no other, where its maker may have seen the truth."""
    try:
        return json.loads((folder() / f"{digest}.json").read_text())["salt"] == salt
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


MAX_FILE_BYTES = 16 * 2**20
COLUMN = "index"
"""Name of the column, or of the key, that holds the row of the training set."""


def from_file(data: bytes, name: str, n: int) -> list[int]:
    """Numbers of training images, ascending, from somebody's file; its ending says how to read it.

    `.npy`: whole numbers in one dimension. `.csv`: a column `index`. `.json`: a list of numbers, or of objects with
    an `index`, or such a list below `flags` or `index`. Raises ValueError for anything else, and for numbers that are
    not below `n`; one that is repeated counts once.
    """
    kind = name.rpartition(".")[2].lower()
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(
            f"{len(data):,} bytes: a list has at most {MAX_FILE_BYTES:,}; leave out other columns"
        )
    if kind not in READERS:
        raise ValueError(
            f"a file of kind {kind[:12]!r}: expected .npy, .csv or .json; save the list as one of these"
        )
    rows = sorted(set(READERS[kind](data)))
    if not rows:
        raise ValueError("the file lists no image: expected at least one number; look into the file")
    if wrong := next((r for r in (rows[0], rows[-1]) if not 0 <= r < n), None):
        raise ValueError(
            f"image {wrong}: there are {n:,} training images, numbered from 0 to {n - 1:,}; is the list of another case?"
        )
    return rows


def rows_of(file: Path) -> Int64[np.ndarray, " f"]:
    """Numbers from an .npy file, as they stand in it. Raises ValueError for anything but one row of whole numbers."""
    try:
        with file.open("rb") as opened:
            data = opened.read(4 * MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"{plain(str(file))[:200]}: cannot be read; check the path") from error
    if len(data) > 4 * MAX_FILE_BYTES:
        raise ValueError(
            f"{plain(str(file))[:200]}: expected at most {4 * MAX_FILE_BYTES:,} bytes; is it a list?"
        )
    try:
        return np.array(_from_npy(data), np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{plain(str(file))[:200]}: expected an .npy file of whole numbers ({error})"
        ) from error


def _from_npy(data: bytes) -> list[int]:
    form, stream = np.lib.format, io.BytesIO(data)
    try:
        if (version := form.read_magic(stream)) not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, _, kind = read(stream)
    except Exception as error:  # its header is Python's text, whose reader raises whatever it stumbles over
        raise ValueError("not an .npy file of numbers: save the list with numpy.save") from error
    if len(shape) != 1 or kind.kind not in "iu" or shape[0] < 0:
        raise ValueError(
            f"{plain(str(kind))[:60]} {str(shape)[:60]}: expected one row of whole numbers, the images to remove; "
            "numpy.flatnonzero makes it from a mask"
        )
    if shape[0] * kind.itemsize != len(data) - stream.tell():  # a header may promise more than memory holds
        raise ValueError(
            f"{shape[0]:,} numbers are promised and not there: the file is cut off, save it again"
        )
    return np.frombuffer(data, kind, offset=stream.tell()).tolist()


def _from_csv(data: bytes) -> list[int]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        if COLUMN not in (columns := list(reader.fieldnames or [])):
            raise ValueError(
                f"columns {[plain(c)[:20] for c in columns[:8]]}: expected one named {COLUMN!r}; name it in line 1"
            )
        return [_whole(row[COLUMN]) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"not a CSV file ({plain(str(error))[:80]}): save it as UTF-8 text with commas"
        ) from error


def _from_json(data: bytes) -> list[int]:
    try:
        told: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a JSON file ({str(error)[:80]}): expected a list of numbers") from error
    if isinstance(told, dict):
        told = told.get("flags", told.get(COLUMN))
    if not isinstance(told, list):
        raise ValueError(
            f"JSON without a list: expected [3, 17], or a list below 'flags' or {COLUMN!r}; put it there"
        )
    return [_whole(item.get(COLUMN) if isinstance(item, dict) else item) for item in told]


def _whole(item: Any) -> int:
    if isinstance(item, str) and item.strip().isascii() and item.strip().isdigit() and len(item) < 16:
        return int(item)
    if isinstance(item, int) and not isinstance(item, bool):
        return item
    raise ValueError(
        f"{str(item)[:20]!r}: expected the whole number of a training image; take the others out"
    )


READERS: dict[str, Callable[[bytes], list[int]]] = {"npy": _from_npy, "csv": _from_csv, "json": _from_json}
