"""CIFAR-10, from parquet files or from the original archive."""

from pathlib import Path
from typing import ClassVar

from core.artifacts import Dataset, Split
from core.datasets import DataMissing, DatasetPlugin
from core.datasets.reading import batches
from core.datasets.reading.download import Archive
from core.datasets.reading.published import absent, fetch_or_explain, present, read_published_table, sizes

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TABLES = ("cifar10-train.parquet", "cifar10-test.parquet")
FOLDER = "cifar-10-batches-py"
BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


class Cifar10(DatasetPlugin):
    """CIFAR-10 (A. Krizhevsky, 2009): 50,000 training and 10,000 test images of 32x32 pixels in 10 classes.

    Read from `cifar10-train.parquet` and `cifar10-test.parquet` where the data folder has them, else from the
    folder `cifar-10-batches-py` of the original archive, which is downloaded where neither is there.
    """

    name: ClassVar[str] = "cifar10"
    title: ClassVar[str] = "CIFAR-10"
    archive: ClassVar[Archive] = Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", FOLDER
    )

    def read(self) -> Dataset:
        """All images, to be standardised by the statistics of the original training set."""
        kind, files = self._files()
        train, test = _from_tables(files) if kind == "parquet" else _from_batches(files)
        return Dataset(train, test, CLASSES, (0.49147, 0.48226, 0.44677), (0.24703, 0.24349, 0.26159))

    def fingerprint(self) -> str:
        """Which source is read, and the sizes of its files in bytes."""
        kind, files = self._files()
        return f"{kind}:{sizes(files)}"

    def files(self) -> dict[str, Path]:
        """The files of the source that is read."""
        return {file.name: file for file in self._files()[1]}

    def known_classes(self) -> tuple[str, ...]:
        """The class names, without reading the images."""
        return CLASSES

    def missing(self) -> str | None:
        """None when either source is complete."""
        if present(*TABLES) or present(*_batch_names()):
            return None
        return absent(self.title, [" and ".join(TABLES), f"the folder {FOLDER}"], self.archive)

    def download(self) -> None:
        """Fetch the original archive (170 MB)."""
        fetch_or_explain(self.archive, self.missing() or self.title)

    def _files(self) -> tuple[str, list[Path]]:
        if files := present(*TABLES):
            return "parquet", files
        if files := present(*_batch_names()):
            return "torchvision", files
        raise DataMissing(self.missing())


def _batch_names() -> list[str]:
    return [f"{FOLDER}/{name}" for name in BATCHES]


def _from_tables(files: list[Path]) -> tuple[Split, Split]:
    train, test = files
    return (
        read_published_table(train, 32, classes=len(CLASSES), phase="training images"),
        read_published_table(test, 32, classes=len(CLASSES), phase="test images"),
    )


def _from_batches(files: list[Path]) -> tuple[Split, Split]:
    return batches.read_batches(files[:-1], "labels"), batches.read_batches(files[-1:], "labels")
