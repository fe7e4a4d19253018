"""A folder of the user's own images, one folder per class."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from core.artifacts import Dataset
from core.datasets import DataMissing, located
from core.datasets.reading.decode import Labelled
from core.datasets.reading.own import OwnImages
from core.datasets.reading.trees import class_folders, digest, find_images, names_within, read_tree
from core.safeload import SUFFIXES, PathText, clean_name

TEST_FOLDERS = ("test", "val", "valid")


class Folder(OwnImages):
    """PNG, JPEG and WebP images in one folder per class; the folder's name is the class's name.

    Either the class folders lie in `path` itself, and a random share of each class becomes the test set, or
    `path` has a folder `train` with the class folders and a folder `test` (or `val`, `valid`) with the same
    ones. Images may be of any size: the largest centred square is scaled. Images that cannot be read are left
    out and counted in the notes. Links that lead out of the folder are refused.
    """

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "My images: a folder per class"

    path: PathText = Field(
        default="images",
        min_length=1,
        max_length=4096,
        description="Folder with a folder per class; a relative path starts at the data folder.",
    )

    def read(self) -> Dataset:
        """All readable images. Raises ValueError where a class has fewer than 2, or more unreadable ones."""
        root, test_root = self._roots()
        classes = class_folders(root)
        if test_root:
            _same_classes(test_root, classes)
        train = self._read(root, classes, "training images")
        return self.assemble(train, self._read(test_root, classes, "test images") if test_root else None)

    def fingerprint(self) -> str:
        """A digest of the names, sizes and times of change of all images."""
        found = [find_images(root, class_folders(root)) for root in self._roots() if root]
        return f"folder:{digest(found, self._top(), times=True)}"

    def files(self) -> dict[str, Path]:
        """Every image by its path within the folder."""
        top = self._top()
        trees = [find_images(root, class_folders(root)) for root in self._roots() if root]
        return names_within(trees, top)

    def known_classes(self) -> tuple[str, ...]:
        """The names of the class folders, where the folder is there."""
        return () if self.missing() else tuple(map(clean_name, class_folders(self._roots()[0])))

    def missing(self) -> str | None:
        """None when the folder is there and has folders in it."""
        folder = located(self.path)
        if folder.is_dir() and any(path.is_dir() for path in folder.iterdir()):
            return None
        return (
            f"{folder}: expected a folder with a folder of images ({', '.join(SUFFIXES)}) per class; put it "
            "there or name another path. Relative paths start at the data folder, which INFLUENCE_DATA sets"
        )

    def _read(self, root: Path, classes: list[str], phase: str) -> Labelled:
        return read_tree(find_images(root, classes), classes, self.size, phase=phase)

    def _top(self) -> Path:
        if message := self.missing():
            raise DataMissing(message)
        return located(self.path).resolve()

    def _roots(self) -> tuple[Path, Path | None]:
        """The folders with the class folders of the training and the test set; None: to be split off."""
        top = self._top()
        names = class_folders(top)
        if "train" not in names or not class_folders(top / "train"):
            return top, None
        return top / "train", next((top / name for name in TEST_FOLDERS if name in names), None)


def _same_classes(test_root: Path, classes: list[str]) -> None:
    if unknown := sorted(set(class_folders(test_root)) - set(classes)):
        names = [clean_name(name) for name in unknown[:5]]
        raise ValueError(f"{test_root}: classes {names} have no training folder; add or remove them")
