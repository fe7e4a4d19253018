"""Puts a damaged job table aside and saves the jobs that can still be read; restores what a supervisor remembers.

The damaged file is kept under another name, with its companions, and never opened again as the table.
"""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.jobs import schema
from core.jobs.database import COMPANIONS, Database, alone
from core.jobs.record import Job, JobsUnavailable
from core.jobs.table import JobTable

NOTICE = "notice"
NEWER = 100
"""Versions ahead that are taken for a newer program's; a flipped bit makes larger ones."""
MOST_JOBS, MOST_BYTES = 20_000, 2**30


@dataclass(frozen=True)
class Repair:
    """What was done: where the damaged file went, and how many jobs were saved."""

    aside: Path
    saved: int

    @property
    def text(self) -> str:
        """In a sentence for the user."""
        jobs = "1 job was" if self.saved == 1 else f"{self.saved} jobs were"
        return (
            f"The job table was damaged and has been put aside as {self.aside.name}; {jobs} saved. Finished results "
            "are not affected: work that is missing from the list can be started again and continues."
        )


def repair(path: Path, remembered: Iterable[Job] = ()) -> Repair | None:
    """Replace a damaged table by one with all jobs that can be read, or are remembered; None when it is sound."""
    known = {job.id: _row(job) for job in remembered}
    with alone(path.parent):
        if not is_damaged(path):
            return None
        rows = salvaged(path) | known
        part = path.with_name(f"{path.name}.new")
        try:
            _write(part, rows)
        except sqlite3.Error as error:  # the damaged file stays where it is
            raise JobsUnavailable(f"cannot write {part}: {error}; make room, then repair again") from error
        aside = _put_aside(path)
        part.rename(path)
    done = Repair(aside, len(rows))
    JobTable(path).tell(NOTICE, done.text)
    return done


def restore(table: Database, remembered: Iterable[Job]) -> int:
    """Write down again the live jobs of a table that somebody deleted; returns how many were missing."""
    with table.transaction() as connection:
        return sum(_insert(connection, _row(job)) for job in remembered)


def is_damaged(path: Path) -> bool:
    """Whether SQLite finds the parts of a file in disagreement, or a row that nobody wrote."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
            if schema.VERSION < schema.version(connection) <= schema.VERSION + NEWER:
                raise JobsUnavailable(
                    f"{path} is of a newer program: update this one, or choose another store"
                )
            if [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] != ["ok"]:
                return True
            connection.row_factory = sqlite3.Row
            return not all(schema.is_sound(dict(row)) for row in connection.execute("SELECT * FROM jobs"))
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise JobsUnavailable(f"cannot examine {path}: {error}; try again in a moment") from error
        return True
    except (sqlite3.DatabaseError, KeyError):
        return True


def salvaged(file: Path) -> dict[int, dict[str, Any]]:
    """The rows of a damaged file that can be read and match their digests, by number."""
    with tempfile.TemporaryDirectory() as folder:  # reading writes companions: the file aside stays as it was
        copy = Path(folder) / "jobs.sqlite3"
        for companion in COMPANIONS:
            if (source := file.with_name(file.name + companion)).exists():
                shutil.copy(source, copy.with_name(copy.name + companion))
        _fill_up(copy)
        layouts = (None, *map(schema.statement, range(schema.VERSION, 0, -1)))
        return next((rows for layout in layouts if (rows := _read(copy, layout))), {})


def _read(copy: Path, layout: str | None) -> dict[int, dict[str, Any]]:
    """The sound rows; with a `layout`, what the file says of the names of columns does not count."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            if layout is not None:
                connection.execute("PRAGMA writable_schema = ON")  # else a word out of place hides every row
                connection.execute("DELETE FROM sqlite_schema WHERE rowid > 1")
                connection.execute(
                    "UPDATE sqlite_schema SET type = 'table', name = 'jobs', tbl_name = 'jobs', sql = ?",
                    [layout],
                )
                connection.execute("PRAGMA writable_schema = RESET")  # reads the layout again
            connection.row_factory = sqlite3.Row
            return {row["id"]: row for row in _readable(connection)}
    except sqlite3.Error:
        return {}


def _fill_up(file: Path) -> None:
    """Give a cut file the length that its head promises: SQLite reads no shorter one, whatever it still holds."""
    with file.open("rb+") as stream:
        head = stream.read(100)
        if head.startswith(b"SQLite format 3\0"):
            page, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
            stream.truncate(max(stream.seek(0, 2), min(page * pages, MOST_BYTES)))


def _readable(connection: sqlite3.Connection) -> Iterable[dict[str, Any]]:
    """Row by row, each looked up by itself: a damaged page takes only its own rows with it."""
    found: dict[int, dict[str, Any]] = {}
    for number in range(1, _highest(connection) + 1):
        try:
            row = connection.execute("SELECT * FROM jobs NOT INDEXED WHERE id = ?", [number]).fetchone()
        except sqlite3.Error:
            continue
        if row is not None and _is_whole(dict(row)):
            found[number] = dict(row)
    return found.values()


def _highest(connection: sqlite3.Connection) -> int:
    """The largest number a job can have."""
    for query in (
        "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'",
        "SELECT max(id) FROM jobs NOT INDEXED",
    ):
        try:
            found = connection.execute(query).fetchone()
        except sqlite3.Error:
            continue
        if found and isinstance(found[0], int):
            return min(found[0], MOST_JOBS)
    return MOST_JOBS


def _is_whole(row: dict[str, Any]) -> bool:
    try:
        return schema.is_sound(row) and schema.digest_of(row["kind"], row["spec"]) == row["digest"]
    except (ValueError, KeyError, TypeError):
        return False


def _row(job: Job) -> dict[str, Any]:
    return {k: int(v) if isinstance(v, bool) else v for k, v in asdict(job).items() if k != "log"}


def _put_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    count = len(list(path.parent.glob(f"{path.name}.damaged-*")))
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{count}")
    for companion in COMPANIONS:
        if (source := path.with_name(path.name + companion)).exists():
            source.rename(aside.with_name(aside.name + companion))
    return aside


def _write(file: Path, rows: dict[int, dict[str, Any]]) -> None:
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        schema.bring_up_to_date(connection)
        for row in rows.values():
            _insert(connection, row)
        connection.execute("PRAGMA journal_mode = WAL")


def _insert(connection: sqlite3.Connection, row: dict[str, Any]) -> int:
    row = row | {"seal": schema.seal_of(row)}
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    return connection.execute(f"INSERT OR IGNORE INTO jobs ({names}) VALUES ({marks})", row).rowcount
