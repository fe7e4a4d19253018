"""Puts a result into its folder: written beside it, sealed, on the disk for good, and only then under its name."""

import os
import platform
import shutil
import time
from importlib import metadata
from itertools import count
from json import dumps
from pathlib import Path
from typing import Any

from core import device, durable, integrity, serial

PACKAGES = ("torch", "torchvision", "kronfluence", "numpy", "scikit-learn")
MARGIN = 2**20
"""Bytes beside the arrays: the record, and what the job table needs to say how it ended."""
_numbers = count()


def put(value: Any, final: Path, about: dict[str, Any]) -> None:
    """Write a result and its record, which begins with `about`; the caller holds the lock of its key.

    Raises CannotWrite, and then leaves nothing behind.
    """
    clear_parts(final)
    need, part = serial.size(value, durable.disk_of(final)) + MARGIN, durable.beside(final)
    with durable.explained(final, need):
        durable.check_room(final, need)
        try:
            part.mkdir(parents=True)
            _write(value, part, about)
            _put_in_place(part, final)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        durable.sync(final.parent)
        durable.sync(final.parent.parent)


def _put_in_place(part: Path, final: Path) -> None:
    if (final / integrity.RECORD).exists():  # another process made it: the lock file was deleted under us
        return
    if final.exists():  # without its record, for example after an incomplete copy of a store
        set_aside(final)
    try:
        part.rename(final)
    except OSError:  # another one was quicker by less than a moment
        if not (final / integrity.RECORD).exists():
            raise


def set_aside(folder: Path) -> Path:
    """Take a folder out of the way, for whoever wants to look what happened to it; returns where it is now."""
    away = folder.with_name(f"{folder.name}.damaged-{time.time_ns()}-{os.getpid()}-{next(_numbers)}")
    with durable.explained(folder):
        return folder.rename(away)


def clear_parts(final: Path) -> None:
    """Delete what writers of this result left that were ended while they wrote; the caller holds the lock of its key."""
    for part in parts_of(final):
        if not durable.has_writer(part):  # of another machine, where a network disk's locks do not reach it
            shutil.rmtree(part, ignore_errors=True)


def parts_of(final: Path) -> list[Path]:
    """Folders of a result that is being written, or was when its writer ended."""
    return [*final.parent.glob(f"{final.name}.part"), *final.parent.glob(f"{final.name}.*.part")]


def _write(value: Any, part: Path, about: dict[str, Any]) -> None:
    values = serial.write(value, part)
    meta = {
        "format": integrity.FORMAT,
        **about,
        "values": values,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "hardware": device.describe(),
        "versions": {"python": platform.python_version()} | {p: metadata.version(p) for p in PACKAGES},
        "files": integrity.digests(part),
    }
    (part / integrity.RECORD).write_text(dumps(integrity.sealed(meta), indent=1))
    durable.sync_tree(part)
