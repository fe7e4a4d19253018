"""Parquet tables of encoded images and labels, as Hugging Face's `datasets` writes them.

An image is a struct with a binary field `bytes` (and perhaps a `path`), or a plain binary column; a label is
a whole number or a text. Images are streamed, so that memory holds the decoded pixels and little else.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.datasets.reading.cells import check_size, of_array, of_column
from core.datasets.reading.decode import Decoded, decode
from core.safeload import plain

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH = 512
"""Rows in memory at a time."""
LONGEST_LABEL = 1000
"""Characters of a label, or of a path that names a class."""


@dataclass(frozen=True)
class ImageTable:
    """The columns of one file; `labels` are int64 or text, `paths` is empty where the file has none."""

    file: Path
    decoded: Decoded
    labels: np.ndarray
    paths: list[str]
    declared_names: list[str]
    """Class names from Hugging Face's metadata."""


def read_image_table(
    file: Path, size: int, *, image: str = "image", label: str = "label", phase: str = "read"
) -> ImageTable:
    """Decode the images of a file, size x size pixels. Raises ValueError where it is not such a table."""
    with _open(file) as table:
        schema = table.schema_arrow
        check_size(table, file.stat().st_size)
        _check_columns(file, schema, image, label)
    kind = schema.field(image).type
    inside = {field.name for field in kind} if str(kind).startswith("struct") else set()
    repeated = [
        label,
        *(f"{image}.{name}" for name in inside & {"bytes", "path"}),
        *([] if inside else [image]),
    ]
    with _open(file, read_dictionary=repeated) as table:
        labels = _labels(file, table, label)
        paths = _paths(table, image) if "path" in inside else []
        decoded = decode(_images(table, image, bool(inside)), len(labels), size, phase=phase)
    return ImageTable(file, decoded, labels, paths, _declared(schema, label))


@contextmanager
def _open(file: Path, **options: Any) -> "Iterator[pq.ParquetFile]":
    """The opened file; what pyarrow finds damaged while it is read becomes a ValueError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, **options) as table:
            yield table
    except (pa.ArrowException, OSError) as error:
        told = plain(str(error))[:200]
        raise ValueError(f"{file}: cannot be read as a parquet file ({told}); replace it") from error


def _check_columns(file: Path, schema: "pa.Schema", image: str, label: str) -> None:
    import pyarrow.types as t

    for column in (image, label):
        if schema.names.count(column) != 1:
            named = [plain(name)[:40] for name in schema.names[:20]]
            raise ValueError(f"{file}: expected one column '{column}' among {named}; name another column")
    kind = schema.field(image).type
    inner = {field.name: field.type for field in kind}.get("bytes") if t.is_struct(kind) else kind
    if inner is None or not (t.is_binary(inner) or t.is_large_binary(inner)):
        raise ValueError(
            f"{file}: column '{image}' is {plain(str(kind))[:200]}, expected binary or struct<bytes: binary, ...>"
        )
    kind = schema.field(label).type
    value = kind.value_type if t.is_dictionary(kind) else kind
    if not (t.is_integer(value) or t.is_string(value) or t.is_large_string(value)):
        raise ValueError(
            f"{file}: column '{label}' is {plain(str(kind))[:200]}, expected whole numbers or text"
        )


def _labels(file: Path, table: "pq.ParquetFile", label: str) -> np.ndarray:
    values = list(of_column(table.read(columns=[label]).column(0), None, _label))
    if bad := [row for row, value in enumerate(values) if _is_absent(value)]:
        raise ValueError(f"{file}: {len(bad)} rows have no label, first {bad[:5]}; label or remove them")
    return np.array(values, np.int64 if values and isinstance(values[0], int) else np.str_)


def _label(value: int | str) -> int | str:
    """The label, when it is one."""
    if isinstance(value, str) and len(value) > LONGEST_LABEL:
        raise ValueError(
            f"a label of {len(value):,} characters: expected at most {LONGEST_LABEL}; shorten it"
        )
    if isinstance(value, int) and value >= 2**63:
        raise ValueError(f"label {value}: expected at most {2**63 - 1}; number the classes from 0")
    return value


def _is_absent(label: int | str | None) -> bool:
    """Hugging Face marks unlabelled images with -1."""
    return label < 0 if isinstance(label, int) else not label


def _paths(table: "pq.ParquetFile", image: str) -> list[str]:
    column = table.read(columns=[f"{image}.path"]).column(0)
    return [path or "" for path in of_column(column, "path", lambda path: str(path)[:LONGEST_LABEL])]


def _images(table: "pq.ParquetFile", image: str, is_struct: bool) -> Iterator[bytes | None]:
    column = f"{image}.bytes" if is_struct else image
    for batch in table.iter_batches(BATCH, columns=[column]):
        values = batch.column(0)
        yield from of_array(values.field(0) if is_struct else values)


def _declared(schema: "pa.Schema", label: str) -> list[str]:
    """Names of Hugging Face's ClassLabel; empty where the metadata are absent or of another shape."""
    try:
        text = (schema.metadata or {})[b"huggingface"]
        names = json.loads(text)["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
