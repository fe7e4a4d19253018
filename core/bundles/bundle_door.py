"""The door for archives: unpacks a zip file that may be hostile into a fresh folder, or refuses it whole.

Nothing that an archive says about itself is trusted: names must be those of our layout, sizes are counted while bytes
arrive. Nothing is read from it before the checks that it concerns, and nothing outside the folder is written.
"""

import hashlib
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from core import progress
from core.bundles.bundle_layout import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_RATIO,
    MAX_TEXT,
    SLACK,
    BundleRefused,
    check_name,
    is_text,
)

CHUNK = 2**20
END = struct.Struct("<4s4H2LH")
"""End of central directory."""
MAX_DIRECTORY = MAX_ENTRIES * 256
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    UnicodeError,
    EOFError,
    struct.error,
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
)


def unpack(archive: Path, folder: Path) -> dict[str, str]:
    """Write every file into `folder`, which must be empty; returns the sha256 of each by name.

    Raises BundleRefused; what was written until then is the caller's to remove.
    """
    size = _check_ends(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check_entries(entries, size)
            return _write_all(opened, entries, folder, size)
    except BundleRefused:
        raise
    except DAMAGED as error:
        raise BundleRefused(f"the archive is damaged ({str(error)[:120]}); copy it again") from error


def _check_ends(archive: Path) -> int:
    """Its size; what can be told from its two ends, before a library counts its entries."""
    if not archive.is_file():
        raise BundleRefused(f"{archive.name}: expected a file; check the path")
    size = archive.stat().st_size
    if not END.size < size <= MAX_BYTES:
        raise BundleRefused(f"{size:,} bytes: a bundle has between {END.size} and {MAX_BYTES:,}")
    with archive.open("rb") as handle:
        first = handle.read(4)
        handle.seek(-END.size, 2)
        mark, disk, first_disk, here, entries, length, start, comment = END.unpack(handle.read(END.size))
    if first != b"PK\x03\x04" or mark != b"PK\x05\x06" or comment or start + length + END.size != size:
        raise BundleRefused("not a zip file as our bundles are: something stands before, after or between")
    if disk or first_disk or here != entries or entries > MAX_ENTRIES or length > MAX_DIRECTORY:
        raise BundleRefused(f"{entries} entries in {length} bytes: a bundle has at most {MAX_ENTRIES}")
    return size


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise BundleRefused(f"{len(entries)} entries: a bundle has at most {MAX_ENTRIES}")
    seen: set[str] = set()
    for entry in entries:
        if entry.orig_filename != entry.filename or entry.filename.casefold() in seen:
            raise BundleRefused(f"{entry.filename[:80]!r}: named twice, or differently in two places")
        seen.add(entry.filename.casefold())
        check_name(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.is_dir():
            raise BundleRefused(f"{entry.filename}: expected a plain file, no link, folder or device")
        if entry.flag_bits & 0x2041 or entry.compress_type not in METHODS:  # encrypted in any way
            raise BundleRefused(f"{entry.filename}: encrypted, or packed in a way that bundles are not")
    if sum(entry.compress_size for entry in entries) > size:
        raise BundleRefused(
            "entries share their bytes, or are not there: the archive is damaged; copy it again"
        )
    if (total := sum(entry.file_size for entry in entries)) > MAX_BYTES:
        raise BundleRefused(f"{total:,} bytes inside: a bundle has at most {MAX_BYTES:,}")


def _write_all(
    opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path, size: int
) -> dict[str, str]:
    digests: dict[str, str] = {}
    total, most = 0, min(MAX_BYTES, SLACK + MAX_RATIO * size)
    for number, entry in enumerate(entries):
        progress.update("unpack", number, len(entries))
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        own = min(most - total, SLACK + MAX_RATIO * entry.compress_size)
        limit = min(own, MAX_TEXT) if is_text(entry.filename) else own
        with opened.open(entry) as source, target.open("xb") as sink:
            written, digests[entry.filename] = _copy(source, sink, limit, entry.filename)
        if written != entry.file_size:
            raise BundleRefused(
                f"{entry.filename}: {written:,} bytes, the archive says {entry.file_size:,}; copy it again"
            )
        total += written
    return digests


def _copy(source: IO[bytes], sink: IO[bytes], most: int, name: str) -> tuple[int, str]:
    """Copy at most so many bytes; how many there were, and their sha256."""
    digest, written = hashlib.sha256(), 0
    while block := source.read(CHUNK):
        written += len(block)
        if written > most:
            raise BundleRefused(f"{name}: unpacks to far more than it should; nothing of it was kept")
        digest.update(block)
        sink.write(block)
    return written, digest.hexdigest()
