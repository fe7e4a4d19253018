"""CIFAR-100, from the original archive."""

from pathlib import Path
from typing import ClassVar

from core.artifacts import Dataset
from core.datasets import DataMissing, DatasetPlugin
from core.datasets.reading.batches import read_batches, read_names
from core.datasets.reading.download import Archive
from core.datasets.reading.published import absent, fetch_or_explain, present, sizes
from core.safeload import clean_name

FOLDER = "cifar-100-python"
FILES = tuple(f"{FOLDER}/{name}" for name in ("train", "test", "meta"))


class Cifar100(DatasetPlugin):
    """CIFAR-100 (A. Krizhevsky, 2009): 50,000 training and 10,000 test images of 32x32 pixels in 100 classes.

    Read from the folder `cifar-100-python` of the original archive, which is downloaded where absent.
    """

    name: ClassVar[str] = "cifar100"
    title: ClassVar[str] = "CIFAR-100"
    archive: ClassVar[Archive] = Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", FOLDER
    )

    def read(self) -> Dataset:
        """All images with their fine labels, to be standardised by the statistics of their training set."""
        train, test, meta = self._files()
        return Dataset(
            read_batches([train], "fine_labels"),
            read_batches([test], "fine_labels"),
            tuple(clean_name(name.replace("_", " ")) for name in read_names(meta, "fine_label_names")),
            mean=(0.50716, 0.48669, 0.44120),
            std=(0.26733, 0.25644, 0.27615),
        )

    def fingerprint(self) -> str:
        """The sizes of the files in bytes."""
        return f"torchvision:{sizes(self._files())}"

    def files(self) -> dict[str, Path]:
        """The files of the archive."""
        return {file.name: file for file in self._files()}

    def missing(self) -> str | None:
        """None when the folder is complete."""
        return None if present(*FILES) else absent(self.title, [f"the folder {FOLDER}"], self.archive)

    def download(self) -> None:
        """Fetch the original archive (169 MB)."""
        fetch_or_explain(self.archive, self.missing() or self.title)

    def _files(self) -> list[Path]:
        if files := present(*FILES):
            return files
        raise DataMissing(self.missing())
