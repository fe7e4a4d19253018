"""Writes that last: a file or a folder appears whole under its name or not at all, also after a power cut.

Whatever stands in the way (a full disk, a folder that is read-only or gone, no locks) becomes one error that says where,
why and what to do.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
LOCKLESS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}
MACHINE = hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:6]
"""Names this machine among those that share a disk."""
ELSEWHERE_SECONDS = 86400.0
MARGIN = 2**20
"""Bytes that are asked for where nobody knows how many there are to write."""
NO_SUCH_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}
"""What some file systems answer to the wish that a folder be written out; there is nothing more to do then."""
ELSEWHERE = "choose another folder with --store or INFLUENCE_STORE"


class CannotWrite(OSError):
    """Something could not be kept. The text says where, why and what to do."""


@contextmanager
def explained(place: Path, need: int = 0) -> Iterator[None]:
    """Turn whatever stops a write of `need` bytes at `place` into CannotWrite."""
    try:
        yield
    except CannotWrite:
        raise
    except Exception as error:
        if (number := _number(error)) is None:
            raise
        raise CannotWrite(_words(number, place, need)) from error


@contextmanager
def explained_within(place: Path) -> Iterator[None]:
    """Turn what a disk says to work that writes on the way, below `place` or beside it, into CannotWrite."""
    try:
        yield
    except CannotWrite:
        raise
    except Exception as error:
        number = _number(error)
        if number is None or not (number in FULL or number == errno.EROFS or str(place) in str(error)):
            raise
        raise CannotWrite(_words(number, place, MARGIN)) from error


def check_room(place: Path, need: int) -> None:
    """Raise CannotWrite before the first byte where the disk has no room for `need`."""
    if need > _free(place):
        raise CannotWrite(_words(errno.ENOSPC, place, need))


def beside(path: Path) -> Path:
    """A name of this writer's own in the same folder, so that a rename puts it in place."""
    return path.with_name(f"{path.name}.{MACHINE}-{os.getpid()}-{secrets.token_hex(3)}.part")


def has_writer(part: Path) -> bool:
    """Whether somebody may still be writing a file or folder named by `beside`; elsewhere for a day nobody knows."""
    machine, _, process = part.name.removesuffix(".part").rpartition(".")[2].partition("-")
    number = process.partition("-")[0]
    if not number.isdigit() or number == str(os.getpid()):
        return False
    if machine == MACHINE:
        return Path("/proc", number).exists()
    with suppress(OSError):
        return time.time() - part.stat().st_mtime < ELSEWHERE_SECONDS
    return False


def write(path: Path, data: bytes | str) -> None:
    """Write a file in place of what was there. Raises CannotWrite, and then what was there still is."""
    content, part = data.encode() if isinstance(data, str) else data, beside(path)
    with explained(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        sync(path.parent)


def put(part: Path, final: Path) -> None:
    """Give a finished file or folder its name on the same disk; whoever finds it there finds all of it."""
    sync_tree(part) if part.is_dir() else sync(part)
    final.parent.mkdir(parents=True, exist_ok=True)
    part.rename(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Return once the disk has a file's content, or a folder's list of names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SUCH_SYNC:
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Return once the disk has a folder and everything in it."""
    for here, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(here, name))
        sync(Path(here))


def _number(error: Exception) -> int | None:
    """The system's number of an error; libraries that write by themselves hide it in their text."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = str(error)
    if found := re.search(r"os error (\d+)", told):  # safetensors
        return int(found[1])
    numpys = "requested and" in told or "problem writing element" in told
    return errno.ENOSPC if isinstance(error, OSError) and numpys else None


def _words(number: int, place: Path, need: int) -> str:
    why = os.strerror(number)
    if number in FULL:
        wanted = f"{need / 1e6:,.1f} MB are to be written, {_free(place) / 1e6:,.1f} MB are free"
        remedy = f"make room (Settings shows what may go), or {ELSEWHERE}"
        return f"{place}: {why}: {wanted}; {remedy}. Finished results are kept, the same again goes on from there"
    if number in FORBIDDEN:
        return f"{place}: {why}: this user may only read there; change its permissions, or {ELSEWHERE}"
    if number in LOCKLESS:
        return f"{place}: {why}: this file system has no locks, which keep two processes apart; {ELSEWHERE} on a local disk"
    if number == errno.ENOENT:
        return f"{place}: its folder was deleted while it was in use; start again, it is made anew"
    if number == errno.ENAMETOOLONG:
        return f"{place}: {why}: {ELSEWHERE}, with a shorter path"
    return f"{place}: {why}; see that the disk is sound and connected, or {ELSEWHERE}"


def disk_of(place: Path) -> int:
    """The number of the disk that a path lies on, or would."""
    return _there(place).stat().st_dev


def _free(place: Path) -> int:
    return shutil.disk_usage(_there(place)).free


def _there(place: Path) -> Path:
    """The path, or the folder above it that is there."""
    return next(p for p in (place.absolute(), *place.absolute().parents) if _exists(p))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, or a folder that may not be looked into
        return False
