"""Folders of images, a folder per class: which files there are, without opening any."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from core.datasets.reading.decode import Labelled, decode
from core.safeload import SUFFIXES, clean_name

DEEPEST = 64
"""Folders in folders below a class."""


@dataclass(frozen=True)
class ImageTree:
    """Image files by class, in the order of their paths."""

    root: Path
    files: list[Path]
    labels: Int64[np.ndarray, " n"]
    ignored: list[Path]
    """Files that are no PNG, JPEG or WebP by their name, or lie beside the class folders."""


def class_folders(root: Path) -> list[str]:
    """Names of the folders in `root`, sorted; hidden ones (`.cache`, `__MACOSX`) are left out."""
    visible = [path for path in root.iterdir() if not path.name.startswith((".", "__"))]
    return sorted(path.name for path in visible if not _is_link(path, root) and path.is_dir())


def find_images(root: Path, classes: list[str]) -> ImageTree:
    """The image files below each class folder. Raises ValueError where a link leads out of `root`."""
    files: list[Path] = []
    labels: list[int] = []
    ignored = sorted(path for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
    for label, name in enumerate(classes):
        found = _files_below(root / name, root) if (root / name).is_dir() else []
        images = [file for file in found if file.suffix.lower() in SUFFIXES]
        ignored += [file for file in found if file.suffix.lower() not in SUFFIXES]
        files += images
        labels += [label] * len(images)
    return ImageTree(root, files, np.array(labels, np.int64), ignored)


def read_tree(tree: ImageTree, classes: list[str], size: int, *, phase: str) -> Labelled:
    """Decode the images of a tree."""
    decoded = decode(tree.files, len(tree.files), size, phase=phase)
    rows = [clean_name(str(file.relative_to(tree.root))) for file in tree.files]
    return Labelled(decoded, tree.labels, tuple(map(clean_name, classes)), rows, _ignored(tree))


def _ignored(tree: ImageTree) -> tuple[str, ...]:
    if not tree.ignored:
        return ()
    first = clean_name(str(tree.ignored[0].relative_to(tree.root)))
    kinds = f"not {', '.join(SUFFIXES)} in a class folder"
    return (f"{len(tree.ignored)} files were not read, as they are {kinds}; first {first}",)


def _is_link(path: Path, root: Path) -> bool:
    """True for a link to a file inside `root`; ValueError for any other link."""
    if not path.is_symlink():
        return False
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (RuntimeError, OSError):  # it leads to itself
        inside = False
    if not inside:
        raise ValueError(f"{path}: is a link that leads out of {root}; replace it by what it points to")
    if path.is_dir():
        raise ValueError(f"{path}: is a link to a folder; replace it by what it points to")
    return True


def _files_below(folder: Path, root: Path) -> list[Path]:
    """Files before those of folders in it, both in the order of their names."""
    files: list[Path] = []
    folders: list[Path] = []
    with os.scandir(folder) as entries:  # tells what each entry is without another look at the disk
        for entry in sorted(entries, key=lambda e: e.name):
            linked = entry.is_symlink() and _is_link(Path(entry.path), root)
            if entry.name.startswith("."):
                continue
            if linked or entry.is_file(follow_symlinks=False):
                files.append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
    if folders and len(folder.parts) - len(root.parts) >= DEEPEST:
        raise ValueError(f"{root}: has folders more than {DEEPEST} deep; put the images further up")
    return files + [file for inner in folders for file in _files_below(inner, root)]


def names_within(trees: list[ImageTree], top: Path) -> dict[str, Path]:
    """Every image by its path within `top`."""
    skipped = len(os.fspath(top)) + 1  # much quicker than relative_to for many files
    return {os.fspath(file)[skipped:]: file for tree in trees for file in tree.files}


def digest(trees: list[ImageTree], root: Path, *, times: bool) -> str:
    """16 hexadecimal digits from the names and sizes of images, with `times` also from when they changed."""
    sha = hashlib.sha256()
    for file in (file for tree in trees for file in tree.files):
        state = file.stat()
        parts = [os.fsencode(file.relative_to(root)), str(state.st_size).encode()]
        sha.update(b"\0".join([*parts, str(state.st_mtime_ns).encode()] if times else parts) + b"\0\0")
    return sha.hexdigest()[:16]
