"""Sign-ins that ended before their time: a small file beside the results, so that no restart of the server forgets them.

A line for each: a digest of what proved the sign-in, and until when that could have been used.
"""

import re
import time
from pathlib import Path

from core import durable, locks

LINE = re.compile(r"([0-9a-f]{64}) (\d{1,12})")
MOST = 10_000
Stamp = tuple[int, int, int]
_known: dict[Path, tuple[Stamp, dict[str, int]]] = {}
"""What was read, and what the file looked like then."""


def file_of(root: Path) -> Path:
    """Where a store keeps them."""
    return root / "signed-out"


def add(root: Path, mark: str, until: float) -> None:
    """From now on this one has ended, for every server of the store. Raises CannotWrite."""
    with locks.holding(root / "locks" / "signed-out", lambda: None):
        kept = {known: end for known, end in _read(file_of(root)).items() if end > time.time()}
        newest = sorted({**kept, mark: int(until) + 1}.items(), key=lambda item: item[1])[-MOST:]
        durable.write(file_of(root), "".join(f"{known} {end}\n" for known, end in newest))


def holds(root: Path, mark: str) -> bool:
    """Whether this one has ended; looks at the file again when it has changed."""
    return mark in _read(file_of(root))


def _read(file: Path) -> dict[str, int]:
    """Every whole line; a damaged one takes no other with it."""
    try:
        told = file.stat()
        stamp = (told.st_mtime_ns, told.st_size, told.st_ino)
        if (known := _known.get(file)) is None or known[0] != stamp:
            found = map(LINE.fullmatch, file.read_text("ascii", errors="replace").splitlines())
            known = _known[file] = stamp, {line[1]: int(line[2]) for line in found if line}
    except FileNotFoundError:
        return {}
    return known[1]
