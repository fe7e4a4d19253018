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

from core.datasets.reading.decode import Decoded, decode

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH = 512
"""Rows in memory at a time."""


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
        _check_columns(file, schema, image, label)
        labels = _labels(file, table, label)
        is_struct = str(schema.field(image).type).startswith("struct")
        has_paths = is_struct and "path" in [field.name for field in schema.field(image).type]
        paths = _column(table, image, "path") if has_paths else []
        decoded = decode(_images(table, image, is_struct), len(labels), size, phase=phase)
    return ImageTable(file, decoded, labels, [path or "" for path in paths], _declared(schema, label))


@contextmanager
def _open(file: Path) -> "Iterator[pq.ParquetFile]":
    """The opened file; what pyarrow finds damaged while it is read becomes a ValueError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            yield table
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file}: cannot be read as a parquet file ({error}); replace it") from error


def _check_columns(file: Path, schema: "pa.Schema", image: str, label: str) -> None:
    import pyarrow.types as t

    for column in (image, label):
        if schema.names.count(column) != 1:
            raise ValueError(
                f"{file}: expected one column '{column}' among {schema.names[:20]}; name another column"
            )
    kind = schema.field(image).type
    inner = {field.name: field.type for field in kind}.get("bytes") if t.is_struct(kind) else kind
    if inner is None or not (t.is_binary(inner) or t.is_large_binary(inner)):
        raise ValueError(f"{file}: column '{image}' is {kind}, expected binary or struct<bytes: binary, ...>")
    kind = schema.field(label).type
    if not (t.is_integer(kind) or t.is_string(kind) or t.is_large_string(kind) or t.is_dictionary(kind)):
        raise ValueError(f"{file}: column '{label}' is {kind}, expected whole numbers or text")


def _labels(file: Path, table: "pq.ParquetFile", label: str) -> np.ndarray:
    values = _column(table, label)
    if bad := [row for row, value in enumerate(values) if _is_absent(value)]:
        raise ValueError(f"{file}: {len(bad)} rows have no label, first {bad[:5]}; label or remove them")
    return np.array(values, np.int64 if values and isinstance(values[0], int) else np.str_)


def _is_absent(label: int | str | None) -> bool:
    """Hugging Face marks unlabelled images with -1."""
    return label < 0 if isinstance(label, int) else not label


def _column(table: "pq.ParquetFile", column: str, inner: str | None = None) -> list[Any]:
    values = table.read(columns=[f"{column}.{inner}" if inner else column]).column(0).combine_chunks()
    return (values.field(0) if inner else values).to_pylist()


def _images(table: "pq.ParquetFile", image: str, is_struct: bool) -> Iterator[bytes | None]:
    column = f"{image}.bytes" if is_struct else image
    for batch in table.iter_batches(BATCH, columns=[column]):
        values = batch.column(0)
        yield from (values.field(0) if is_struct else values).to_pylist()


def _declared(schema: "pa.Schema", label: str) -> list[str]:
    """Names of Hugging Face's ClassLabel; empty where the metadata are absent or of another shape."""
    try:
        text = (schema.metadata or {})[b"huggingface"]
        names = json.loads(text)["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
