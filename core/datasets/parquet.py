"""The user's own images in parquet files, as Hugging Face's `datasets` writes them."""

import re
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from core.artifacts import Dataset
from core.datasets import DataMissing, located
from core.datasets.reading.decode import Labelled
from core.datasets.reading.own import OwnImages
from core.datasets.reading.tables import ImageTable, read_image_table
from core.safeload import PathText, clean_name


class Parquet(OwnImages):
    """Encoded PNG, JPEG or WebP images with a label, a row each.

    The image column is binary or struct<bytes, path>; labels are whole numbers or text. Class names come from
    Hugging Face's metadata, else from the text labels, else from the beginning of `path` where it tells the
    classes apart (`cat/0577.jpg`, `cat_12.png`), else they are the numbers. Images that cannot be read are
    left out, and the notes say which rows they are.
    """

    name: ClassVar[str] = "parquet"
    title: ClassVar[str] = "My images: parquet files"

    path: PathText = Field(
        default="images.parquet",
        min_length=1,
        max_length=4096,
        description="Parquet file with the training images; a relative path starts at the data folder.",
    )
    test_path: PathText = Field(
        default="",
        max_length=4096,
        description="Parquet file with the test images. Empty: a share of each class.",
    )
    image_column: str = Field(
        default="image", min_length=1, max_length=200, description="Column with the images."
    )
    label_column: str = Field(
        default="label", min_length=1, max_length=200, description="Column with the labels."
    )

    def read(self) -> Dataset:
        """All readable images. Raises ValueError for wrong columns, and where a class has fewer than 2."""
        files = self._files()
        table = self._table(files[0], "training images")
        values = np.unique(table.labels)
        names = _class_names(table, values)
        test = self._table(files[1], "test images") if self.test_path else None
        return self.assemble(_labelled(table, values, names), test and _labelled(test, values, names))

    def fingerprint(self) -> str:
        """The sizes of the files in bytes, and when they were changed."""
        states = [file.stat() for file in self._files()]
        return "parquet:" + ",".join(f"{state.st_size}@{state.st_mtime_ns}" for state in states)

    def files(self) -> dict[str, Path]:
        """The table of training images and that of test images, where there is one."""
        return dict(zip(("training images", "test images"), self._files(), strict=False))

    def missing(self) -> str | None:
        """None when the files are there."""
        absent = [str(file) for file in self._paths() if not file.is_file()]
        if not absent:
            return None
        return (
            f"{' and '.join(absent)}: expected a parquet file with a column '{self.image_column}' of encoded "
            f"images and a column '{self.label_column}'; put it there or name another path. Relative paths "
            "start at the data folder, which INFLUENCE_DATA sets"
        )

    def _paths(self) -> list[Path]:
        names = [name for name in (self.path, self.test_path) if name]
        return [located(name) for name in names]

    def _files(self) -> list[Path]:
        if message := self.missing():
            raise DataMissing(message)
        return self._paths()

    def _table(self, file: Path, phase: str) -> ImageTable:
        return read_image_table(
            file, self.size, image=self.image_column, label=self.label_column, phase=phase
        )


def _labelled(table: ImageTable, values: np.ndarray, names: tuple[str, ...]) -> Labelled:
    """Rows of the table with labels 0 to k - 1; ValueError where a label is not among the training set's."""
    if unknown := np.setdiff1d(table.labels, values).tolist():
        raise ValueError(f"{table.file}: labels {unknown[:5]} have no training image; add or remove them")
    rows = [f"row {row}" for row in range(len(table.labels))]
    return Labelled(table.decoded, np.searchsorted(values, table.labels).astype(np.int64), names, rows)


def _class_names(table: ImageTable, values: np.ndarray) -> tuple[str, ...]:
    """A name for each value of the label column; see the class for where it is taken from."""
    if values.dtype.kind == "U":
        names = values.tolist()
    elif len(values) and values[-1] < len(table.declared_names):
        names = [table.declared_names[value] for value in values]
    else:
        names = _path_names(table, values) or [str(value) for value in values]
    return tuple(map(clean_name, names))


def _path_names(table: ImageTable, values: np.ndarray) -> list[str] | None:
    """The beginnings of the paths, where each class has exactly one and no two classes share it."""
    if not table.paths:
        return None
    beginnings = np.array([_beginning(path) for path in table.paths])
    found = [np.unique(beginnings[table.labels == value]).tolist() for value in values]
    names = [names[0] for names in found]
    distinct = all(len(names) == 1 for names in found) and len(set(names)) == len(names)
    return names if distinct and all(names) else None


def _beginning(path: str) -> str:
    """`chain saw` of `chain_saw/n03000684_2797.JPEG`, `cat` of `cat_12.png`."""
    folder, slash, _ = path.partition("/")
    return folder.replace("_", " ") if slash else re.split(r"[\d_\-.]", path)[0]
