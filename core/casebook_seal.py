"""Whether a casebook holds what was written into it, and a copy of it that is a day old at most.

SQLite notices a broken page, not a changed word: a digest of all rows is kept beside them and compared whenever the file
has changed.
"""

import hashlib
import json
import logging
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from core import durable

log = logging.getLogger(__name__)
TABLES = ("verdicts", "saved_views", "challenges", "commitments")
TABLE = "CREATE TABLE seal (id INTEGER PRIMARY KEY CHECK (id = 1), digest TEXT NOT NULL)"
DAY = 86_400.0
State = tuple[tuple[int, int, int], ...]
_known: dict[Path, State] = {}
"""What a book looked like when it was found sound."""


class Altered(Exception):
    """The rows are not those that were written."""


def check(connection: sqlite3.Connection, file: Path) -> None:
    """Raise Altered where the rows are not those of the seal; looks only when the file has changed."""
    if _known.get(file) == (state := _state(file)):
        return
    sealed = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'seal'").fetchone()
    told = (
        connection.execute("SELECT digest FROM seal").fetchone() if sealed else None
    )  # none in an older book
    if told is not None and told[0] != digest(connection):
        raise Altered(
            f"{file}: its rows were altered outside this program{_remedy(file)}. If you did that yourself, accept it "
            f'with: sqlite3 "{file}" "DELETE FROM seal"'
        )
    _known[file] = state


def check_new(file: Path) -> None:
    """Raise Altered where a book would begin anew although there was one."""
    if copy_of(file).exists():
        raise Altered(f"{file}: is missing or empty{_remedy(file)}")


def renew(connection: sqlite3.Connection) -> None:
    """Seal the rows as they are now, within the transaction that changed them."""
    connection.execute("INSERT OR REPLACE INTO seal VALUES (1, ?)", [digest(connection)])


def written(connection: sqlite3.Connection, file: Path) -> None:
    """After a change: the file is as we know it, and copied once a day."""
    _known[file] = _state(file)
    copy = copy_of(file)
    if not copy.exists() or not 0 <= time.time() - copy.stat().st_mtime < DAY:
        try:
            _copy(connection, copy)
        except (sqlite3.Error, OSError) as error:  # the book itself is written
            log.warning("%s: no copy of the casebook could be made (%s)", copy, error)


def forget(file: Path) -> None:
    """Look at the rows again next time, whether the file has changed or not."""
    _known.pop(file, None)


def damage(file: Path, error: Exception) -> str:
    """What to do about a book that SQLite cannot read."""
    return f"{file}: is damaged ({error}){_remedy(file)}"


def copy_of(file: Path) -> Path:
    """Where the copy of a book lies."""
    return file.with_name("casebook.copy.sqlite3")


def digest(connection: sqlite3.Connection) -> str:
    """Of all rows of all tables."""
    found = hashlib.sha256()
    for table in TABLES:
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY id"):
            found.update(json.dumps([table, *row]).encode())
    return found.hexdigest()


def _copy(connection: sqlite3.Connection, copy: Path) -> None:
    part = durable.beside(copy)
    try:
        with closing(sqlite3.connect(part)) as target:
            connection.backup(target)
        durable.sync(part)
        part.replace(copy)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _remedy(file: Path) -> str:
    copy = copy_of(file)
    if not copy.exists():
        return "; move it away to begin a new one"
    made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(copy.stat().st_mtime))
    return f"; the copy {copy.name} of {made} (UTC) is whole: put it in its place, or move both away to begin anew"


def _state(file: Path) -> State:
    found = []
    for path in (file, file.with_name(f"{file.name}-wal")):
        with suppress(FileNotFoundError):
            told = path.stat()
            found.append((told.st_size, told.st_mtime_ns, told.st_ino))
    return tuple(found)
