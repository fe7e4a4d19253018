"""Where the engine of a results folder is found: a file that only its owner can read, and two locks.

`engine.lock` is held by the living engine, so that there is one; `starting.lock` by whoever starts one, so that
two dashboards do not start two.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from core import locks
from core.engine import wire


@dataclass(frozen=True)
class Address:
    """Port on 127.0.0.1, the token, and the process that listens."""

    port: int
    token: str
    pid: int
    version: int = wire.VERSION


def _file(root: Path) -> Path:
    return Path(root).resolve() / "engine" / "address.json"


def folder(root: Path) -> Path:
    """The folder of the engine, for its owner alone."""
    place = _file(root).parent
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    return place


def publish(root: Path, address: Address) -> None:
    """Write the address down, whole or not at all; nobody else may ever read it."""
    part = folder(root) / f"address.{address.pid}.part"
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(address), file)
    part.rename(_file(root))


def published(root: Path) -> Address | None:
    """The address on file, or None where there is none that makes sense to this version."""
    try:
        address = Address(**json.loads(_file(root).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return address if address.version == wire.VERSION else None


def withdraw(root: Path, address: Address) -> None:
    """Remove the address, unless another engine has written its own."""
    if published(root) == address:
        _file(root).unlink(missing_ok=True)


@contextmanager
def locked(root: Path, name: str, patience: float) -> Iterator[bool]:
    """Hold a lock within the block; yields False when it was not to be had for `patience` seconds."""
    descriptor = os.open(folder(root) / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield locks.taken(descriptor, time.monotonic() + patience)
    finally:
        os.close(descriptor)
