"""The log of one job: what its worker printed, never more than a bounded amount of it on the disk.

The worker's own output stays open for appending while the file is cut: a file opened so goes on at its new end.
Worker and supervisor both cut it, one at a time: either may be stopped, or gone.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core import locks

MOST_BYTES = 8 * 2**20
KEPT_BYTES = 2 * 2**20
PATIENCE = 1.0
"""Seconds to wait for the other one: it may have been stopped in the middle."""
FIRST_BYTES = 64 * 2**10
WHOLE_BYTES = 2 * MOST_BYTES
"""What is handed out at most of a log that nobody has cut yet."""
CUT = b"... earlier lines were left out: the log had grown over %d MB ...\n"


class Log:
    """The log file of a job. `bound` is called now and then while the job runs, and when it has ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = path.with_suffix(".log.before")

    def bound(self) -> None:
        """Keep the first lines and the last ones of a log that has grown too large; never fails."""
        try:
            if self.path.stat().st_size <= MOST_BYTES:
                return
            with self.path.open("rb+") as stream:
                mine = locks.taken(stream.fileno(), time.monotonic() + PATIENCE)
                if not mine or stream.seek(0, 2) <= MOST_BYTES:  # the other one cuts, or has cut
                    return
                stream.seek(0)
                first = b"" if self._before.exists() else stream.read(FIRST_BYTES)
                stream.seek(-KEPT_BYTES, 2)
                last = stream.read(KEPT_BYTES)  # it may grow faster than it is read
                last = last.partition(b"\n")[2] or last
                head = first or _read(self._before, 0, FIRST_BYTES)
                stream.truncate(0)
                self._before.write_bytes(head + b"\n" + CUT % (MOST_BYTES // 2**20) + last)
        except OSError:
            return  # no room even for this: the next look tries again

    def forget(self) -> None:
        """Take away what is there; never fails."""
        for file in (self.path, self._before):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def tail(self, limit: int = 8000) -> str:
        """The last `limit` bytes in whole lines; empty without a log."""
        text = b"".join(self.parts(limit)).decode(errors="replace")
        return text if self.size() <= limit else text.partition("\n")[2]

    def since(self, offset: int, limit: int = 200_000) -> str:
        """What was printed from byte `offset` of the present file on, at most `limit` bytes."""
        return _read(self.path, offset, limit).decode(errors="replace")

    def size(self) -> int:
        """Bytes kept on the disk."""
        return sum(part.stat().st_size for part in (self._before, self.path) if part.exists())

    def whole(self) -> bytes:
        """Everything that was kept, or the end of it where nobody has cut it yet."""
        return b"".join(self.parts(min(self.size(), WHOLE_BYTES)))

    def parts(self, limit: int) -> Iterator[bytes]:
        """The last `limit` bytes, piece by piece."""
        now = self.path.stat().st_size if self.path.exists() else 0
        if limit > now and self._before.exists():
            before = self._before.stat().st_size
            yield _read(self._before, max(0, before - (limit - now)), before)
        yield _read(self.path, max(0, now - limit), limit)


def _read(path: Path, offset: int, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(limit)
    except OSError:
        return b""
