"""Cells of a parquet column, every different value once: what a file repeats a million times takes no room here."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from core.datasets import MAX_ROWS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAX_RATIO, SLACK = 4, 128 * 2**20
"""Bytes that a file may expand to: images hardly shrink when they are packed."""


def check_size(table: "pq.ParquetFile", packed: int) -> None:
    """Raise ValueError for a file that says that it would expand to far more than its images could."""
    about = table.metadata
    if about.num_rows > MAX_ROWS:
        raise ValueError(f"{about.num_rows:,} rows: expected at most {MAX_ROWS:,}; use fewer")
    whole = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if whole > SLACK + MAX_RATIO * packed:
        raise ValueError(
            f"{packed:,} bytes that unpack to {whole:,}: images do not shrink like that; replace it"
        )


def of_column(column: "pa.ChunkedArray", inner: str | None, read: Callable[[Any], Any]) -> Iterator[Any]:
    """What `read` makes of every cell, or of its field `inner`; None where there is nothing."""
    for chunk in column.chunks:
        yield from of_array(chunk.field(0) if inner else chunk, read)


def of_array(values: "pa.Array", read: Callable[[Any], Any] = lambda value: value) -> Iterator[Any]:
    """The same of an array; cells with one value are one object."""
    if not hasattr(values, "dictionary"):
        yield from (None if value is None else read(value) for value in values.to_pylist())
        return
    places = values.indices.to_pylist()
    known = {place: read(values.dictionary[place].as_py()) for place in set(places) - {None}}
    yield from (known.get(place) for place in places)
