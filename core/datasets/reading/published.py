"""What the published datasets have in common: known files in the data folder, perhaps an archive to fetch."""

from pathlib import Path

from core import paths
from core.artifacts import Split
from core.datasets import DataMissing
from core.datasets.reading.download import Archive, fetch
from core.datasets.reading.tables import read_image_table


def present(*names: str) -> list[Path] | None:
    """These files of the data folder, or None where one is not there."""
    files = [paths.data_root() / name for name in names]
    return files if all(file.is_file() for file in files) else None


def sizes(files: list[Path]) -> str:
    """The sizes of files in bytes, for fingerprints: `15390444,3079670`."""
    return ",".join(str(file.stat().st_size) for file in files)


def absent(title: str, choices: list[str], archive: Archive) -> str:
    """The message that says what to put where."""
    return (
        f"{title}: no files in {paths.data_root()}; put {', or '.join(choices)} there. They come from "
        f"{archive.url}. The environment variable INFLUENCE_DATA names another folder"
    )


def fetch_or_explain(archive: Archive, message: str) -> None:
    """Download an archive into the data folder; where that fails, DataMissing with `message` and why."""
    try:
        fetch(archive, paths.data_root())
    except DataMissing as failure:
        raise DataMissing(f"{message}. {failure}") from failure


def read_published_table(file: Path, size: int, *, classes: int, phase: str) -> Split:
    """All rows of a parquet file whose labels are 0 to classes - 1; ValueError where one cannot be read."""
    table = read_image_table(file, size, phase=phase)
    if table.decoded.refused:
        row, reason = next(iter(table.decoded.refused.items()))
        raise ValueError(
            f"{file}: {len(table.decoded.refused)} images cannot be read, first row {row}: {reason}; "
            "put the original file back"
        )
    if table.labels.dtype != "int64" or not 0 <= table.labels.max(initial=0) < classes:
        raise ValueError(f"{file}: expected labels from 0 to {classes - 1}; put the original file back")
    return Split(table.decoded.images, table.labels)
