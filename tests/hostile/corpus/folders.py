"""Folders of images with links, devices, and names that lead elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from hostile.corpus import Hostile
from hostile.corpus.images import encoded
from hostile.corpus.parquet import is_data


def tree(folder: Path, *classes: str | bytes) -> Path:
    """Four sound images in a folder for each class."""
    top = folder / "tree"
    for name in classes or ("a", "b"):
        place = os.path.join(os.fsencode(top), os.fsencode(name))
        os.makedirs(place)
        for i in range(4):
            with open(os.path.join(place, b"%d.png" % i), "wb") as file:
                file.write(encoded(Image.new("RGB", (8, 8), (60 * i, 0, 0))))
    return top


def inputs() -> Iterator[Hostile]:
    """All of them."""
    yield Hostile("an honest folder", "folder_of_images", tree, is_data)
    for what, names in {
        "markup": ("<script>alert(1)<", "![x](..e.x)"),
        "bytes that are no text": (b"\xff\xfe", b"\xff\xfeb"),
        "bidi": ("a\u202eb", "c"),
        "escapes": ("\x1b[31mred", "c"),
        "line breaks": ("a\nb", "c"),
        "a formula": ("=1+1", "@x"),
        "250 characters": ("a" * 250, "b" * 250),
        "a train folder that is a class": ("train", "b"),
    }.items():
        yield Hostile(
            f"class folders with {what}", "folder_of_images", lambda f, n=names: tree(f, *n), is_data
        )
    for what, names in {
        "one name in two normal forms": ("caf\u00e9", "cafe\u0301"),
        "names that differ by what is invisible": ("cat", "cat\u200b"),
        "names that show nothing": ("\u200b", "\u3164"),
        "names that begin alike for 100 characters": ("a" * 100 + "b", "a" * 100 + "c"),
    }.items():
        yield Hostile(f"class folders with {what}", "folder_of_images", lambda f, n=names: tree(f, *n))
    for change in (_link_out, _link_to_folder, _folder_link_out, _image_link_up, _dangling, _loop):
        yield Hostile(f"a folder with {change.__doc__}", "folder_of_images", lambda f, c=change: c(tree(f)))
    for change in (_pipe, _other_files, _deep, _folder_as_image, _hidden, _broken_few):
        yield Hostile(
            f"a folder with {change.__doc__}", "folder_of_images", lambda f, c=change: c(tree(f)), is_data
        )
    yield Hostile("a folder with nothing in its classes", "folder_of_images", _empty)
    yield Hostile("a folder with one image a class", "folder_of_images", _single)
    yield Hostile("a folder of bombs", "folder_of_images", _bombs)


def _link_out(top: Path) -> Path:
    """a link to the machine's users"""
    (top / "a" / "x.png").symlink_to("/etc/passwd")
    return top


def _link_to_folder(top: Path) -> Path:
    """a link to another class"""
    (top / "a" / "b").symlink_to(top / "b")
    return top


def _folder_link_out(top: Path) -> Path:
    """a class that is a link out"""
    (top / "c").symlink_to("/etc")
    return top


def _image_link_up(top: Path) -> Path:
    """a link to the folder above"""
    (top / "a" / "x").symlink_to("../../..")
    return top


def _dangling(top: Path) -> Path:
    """a link to nowhere outside"""
    (top / "a" / "x.png").symlink_to("/nowhere/at/all.png")
    return top


def _loop(top: Path) -> Path:
    """a link that is its own end"""
    (top / "a" / "x.png").symlink_to("x.png")
    return top


def _pipe(top: Path) -> Path:
    """a pipe that nobody writes to"""
    os.mkfifo(top / "a" / "x.png")
    return top


def _other_files(top: Path) -> Path:
    """files of other kinds"""
    for name in ("x.svg", "x.py", "x.pkl", ".png", "..png", "Thumbs.db"):
        (top / "a" / name).write_bytes(b"evil")
    return top


def _deep(top: Path) -> Path:
    """a thousand folders in each other"""
    place = os.open(top / "a", os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    return top


def _folder_as_image(top: Path) -> Path:
    """a folder that is called an image"""
    (top / "a" / "x.png").mkdir()
    return top


def _hidden(top: Path) -> Path:
    """hidden folders"""
    (top / ".git").mkdir()
    (top / "__MACOSX").mkdir()
    return top


def _broken_few(top: Path) -> Path:
    """one image that is HTML"""
    (top / "a" / "x.png").write_bytes(b"<script>alert(1)</script>")
    return top


def _empty(folder: Path) -> Path:
    for name in ("a", "b"):
        (folder / "tree" / name).mkdir(parents=True)
    return folder / "tree"


def _single(folder: Path) -> Path:
    top = tree(folder)
    for name in ("1", "2", "3"):
        (top / "a" / f"{name}.png").unlink()
    return top


def _bombs(folder: Path) -> Any:
    from hostile.corpus.images import png

    top = tree(folder)
    for i in range(64):
        (top / "a" / f"bomb{i}.png").write_bytes(png(60_000, 60_000))
    return top
