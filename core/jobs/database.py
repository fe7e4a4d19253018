"""The file of the job table: opened for one short action at a time, created, brought up to date, found damaged."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.jobs import schema
from core.jobs.process import Identity, is_alive
from core.jobs.record import JobsDamaged, JobsUnavailable

BUSY_SECONDS = 30.0
DAMAGE = ("malformed", "not a database", "decode to UTF-8", "no such table", "no such column")
COMPANIONS = ("", "-wal", "-shm")


class Database:
    """One SQLite file. Every method raises JobsUnavailable when it cannot be used, JobsDamaged when it must not be."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._found_version() != schema.VERSION:
                self._set_up()
        except OSError as error:
            raise self.unavailable(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection with the write lock; what was done is kept unless the block raises."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one action."""
        # SQLite writes beside a file that it only reads, unless it is told that nobody can change it
        writable = os.access(self.path.parent, os.W_OK)
        address = f"{self.path.as_uri()}?" + ("mode=rw" if writable else "mode=ro&immutable=1")
        try:
            opened = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
            with closing(opened) as connection:
                connection.row_factory = sqlite3.Row
                # a power cut may lose the last report, no more
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except sqlite3.Error as error:
            raise self.unavailable(error) from error

    def told(self, name: str) -> str:
        """What is written down about the table under this name, or nothing."""
        with self.connection() as connection:
            found = connection.execute("SELECT value FROM about WHERE name = ?", [name]).fetchone()
        return found[0] if found else ""

    def tell(self, name: str, value: str) -> None:
        """Write something down about the table."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", [name, value])

    def check(self) -> None:
        """Read the whole file and compare its parts with each other; JobsDamaged when they disagree."""
        with self.connection() as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"]:
            raise self.damaged("; ".join(found))

    def unavailable(self, error: Exception) -> JobsUnavailable:
        """The error in words a user can act on."""
        if any(sign in str(error) for sign in DAMAGE):
            return self.damaged(str(error))
        if "locked" in str(error):
            return JobsUnavailable(
                f"the job table {self.path} was in use by others for {BUSY_SECONDS:.0f} s: the machine is busy; "
                "try again in a moment"
            )
        return JobsUnavailable(
            f"cannot use the job table {self.path}: {error}; it needs a writable folder on a local disk "
            "with free space, choose another store or make room"
        )

    def damaged(self, how: str) -> JobsDamaged:
        """The error of a damaged file."""
        return JobsDamaged(
            f"the job table {self.path} is damaged: {how}; run `python -m core jobs repair`: it puts the file "
            "aside and saves the jobs that can be read. Finished results are not in it and are safe"
        )

    def _found_version(self) -> int:
        if not self.path.exists():
            return 0
        with self.connection() as connection:
            found = schema.version(connection)
        if found > schema.VERSION:
            raise JobsUnavailable(
                f"{self.path} has version {found}, this program reads up to {schema.VERSION}; "
                "update the program or choose another store"
            )
        return found

    def _set_up(self) -> None:
        """Create the table or bring it up to date, once; what an earlier file left behind goes."""
        with alone(self.path.parent):
            if not self.path.exists() or not self.path.stat().st_size:
                for companion in COMPANIONS[1:]:  # a log without its file belongs to a table somebody deleted
                    self.path.with_name(self.path.name + companion).unlink(missing_ok=True)
                self._create()
            with self.connection() as connection:
                if schema.version(connection) < schema.VERSION:
                    self._refuse_while_old_workers_run(connection)
                    schema.bring_up_to_date(connection)

    def _create(self) -> None:
        """A table with nothing in it, there at once or not at all: others may be looking."""
        part = self.path.with_name(f"{self.path.name}.new")
        part.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                schema.bring_up_to_date(connection)
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            raise self.unavailable(error) from error
        part.rename(self.path)

    def _refuse_while_old_workers_run(self, connection: sqlite3.Connection) -> None:
        query = "SELECT id, pid, pid_started, boot_id FROM jobs WHERE state = 'running' AND pid IS NOT NULL"
        at_work = [str(n) for n, *process in connection.execute(query) if is_alive(Identity(*process))]
        if at_work:
            raise JobsUnavailable(
                f"{self.path} is in use by the program's version before: job {', '.join(at_work)} still runs there; "
                "wait for its end or end it, then reload"
            )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep everybody else from setting up or repairing the table in `folder` within the block."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
