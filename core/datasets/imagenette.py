"""Imagenette, from parquet files of 64x64 pixels or from the published folder `imagenette2-160`."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from core import paths
from core.artifacts import Dataset, Split
from core.datasets import DataMissing, DatasetPlugin
from core.datasets.reading import trees
from core.datasets.reading.decode import keep_readable
from core.datasets.reading.download import Archive
from core.datasets.reading.published import absent, fetch_or_explain, present, read_published_table, sizes

WORDNET = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
TRAIN_COUNTS = (963, 955, 993, 858, 941, 956, 961, 931, 951, 960)
TEST_COUNTS = (387, 395, 357, 386, 409, 394, 389, 419, 399, 390)
TABLES = ("imagenette64-train.parquet", "imagenette64-val.parquet")
FOLDER = "imagenette2-160"


class Imagenette(DatasetPlugin):
    """Imagenette, second split (J. Howard, fast.ai, 2019): 9,469 training, 3,925 test photos, 10 classes.

    At 64 pixels, read from `imagenette64-train.parquet` and `imagenette64-val.parquet` where the data folder
    has them, else from the folder `imagenette2-160` of the published archive, scaled down; at 160 pixels from
    that folder, centre-cropped as in Delta-Influence (arXiv 2411.13731). The archive is downloaded where
    neither is there.
    """

    name: ClassVar[str] = "imagenette"
    title: ClassVar[str] = "Imagenette"
    archive: ClassVar[Archive] = Archive(
        "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
        "e793b78cc4c9e9a4ccc0c1155377a412",
        FOLDER,
    )

    size: Literal[64, 160] = Field(default=64, description="Width and height of the images in pixels.")

    def read(self) -> Dataset:
        """All images; standardised by the statistics of ImageNet, as in Delta-Influence."""
        files = self._tables()
        train, test = _from_tables(files) if files else _from_folder(self._folder(), self.size)
        _check_counts("training", train, TRAIN_COUNTS)
        _check_counts("test", test, TEST_COUNTS)
        return Dataset(train, test, tuple(WORDNET.values()), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

    def fingerprint(self) -> str:
        """Which source is read, and the sizes of its files."""
        if files := self._tables():
            return f"parquet:{sizes(files)}"
        root = self._folder()
        found = [trees.find_images(root / part, list(WORDNET)) for part in ("train", "val")]
        return f"torchvision:{trees.digest(found, root, times=False)}"

    def files(self) -> dict[str, Path]:
        """The files of the source that is read."""
        if tables := self._tables():
            return {file.name: file for file in tables}
        root = self._folder()
        found = [trees.find_images(root / part, list(WORDNET)) for part in ("train", "val")]
        return trees.names_within(found, root)

    def known_classes(self) -> tuple[str, ...]:
        """The class names, without reading the images."""
        return tuple(WORDNET.values())

    def missing(self) -> str | None:
        """None when a source for the chosen size is there."""
        folder = paths.data_root() / FOLDER
        if self._tables() or all((folder / part).is_dir() for part in ("train", "val")):
            return None
        tables = [" and ".join(TABLES)] if self.size == 64 else []
        return absent(f"{self.title} at {self.size} pixels", [*tables, f"the folder {FOLDER}"], self.archive)

    def download(self) -> None:
        """Fetch the published archive (99 MB)."""
        fetch_or_explain(self.archive, self.missing() or self.title)

    def _tables(self) -> list[Path] | None:
        return present(*TABLES) if self.size == 64 else None

    def _folder(self) -> Path:
        if message := self.missing():
            raise DataMissing(message)
        return paths.data_root() / FOLDER


def _from_tables(files: list[Path]) -> tuple[Split, Split]:
    train, test = files
    return (
        read_published_table(train, 64, classes=len(WORDNET), phase="training images"),
        read_published_table(test, 64, classes=len(WORDNET), phase="test images"),
    )


def _from_folder(root: Path, size: int) -> tuple[Split, Split]:
    return (
        _read_part(root / "train", size, phase="training images"),
        _read_part(root / "val", size, phase="test images"),
    )


def _read_part(root: Path, size: int, *, phase: str) -> Split:
    classes = list(WORDNET)
    found = trees.read_tree(trees.find_images(root, classes), classes, size, phase=phase)
    return keep_readable(found, at_least=1)[0]  # an image left out shows in the counts


def _check_counts(part: str, split: Split, published: tuple[int, ...]) -> None:
    counts = tuple(np.bincount(split.labels, minlength=len(published)).tolist())
    if counts != published:
        raise ValueError(
            f"Imagenette {part} images per class={counts}: expected {published}; "
            "put the complete files back, or read them as a dataset of your own (folder, parquet)"
        )
