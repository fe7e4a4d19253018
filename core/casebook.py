"""What people write down during investigations: verdicts, saved views, blind challenges and what was committed there.

One SQLite file beside the results. Results can be computed again, this cannot: rows of verdicts and commitments
are only ever added. Every call opens its own short connection, so it may be used from any thread or process.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

VERSION = 1
Row = sqlite3.Row
BUSY_SECONDS = 10.0
SCHEMA = """
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id TEXT NOT NULL, image INTEGER NOT NULL, reviewer TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('auto', 'poison', 'keep', 'unsure')),
    reason TEXT NOT NULL DEFAULT '', undoes INTEGER, at REAL NOT NULL
);
CREATE INDEX verdicts_of_case ON verdicts (case_id, reviewer, image, id);
CREATE TABLE saved_views (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id TEXT NOT NULL, page TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL,
    starred INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, removed REAL
);
CREATE TABLE challenges (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, title TEXT NOT NULL, secret TEXT NOT NULL,
    experiment TEXT NOT NULL, images INTEGER NOT NULL,
    locked TEXT NOT NULL DEFAULT '[]', view TEXT NOT NULL DEFAULT '{}',
    created REAL NOT NULL, revealed REAL, removed REAL
);
CREATE TABLE commitments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    challenge TEXT NOT NULL REFERENCES challenges (id), analyst TEXT NOT NULL,
    digest TEXT NOT NULL, salt TEXT NOT NULL, flagged TEXT NOT NULL, rule TEXT NOT NULL, at REAL NOT NULL
);
"""


class CasebookUnavailable(RuntimeError):
    """The file cannot be used; says why and what to do."""


def file_of(root: Path) -> Path:
    """The casebook of a store."""
    return Path(root) / "casebook.sqlite3"


@contextmanager
def reading(root: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the casebook of a store; to an empty one where there is none. Raises CasebookUnavailable."""
    file = file_of(root)
    with _opened(file, ":memory:" if not file.exists() else file) as connection:
        yield connection


@contextmanager
def writing(root: Path) -> Iterator[sqlite3.Connection]:
    """The same for one change, which takes the write lock first and is made whole or not at all; makes the file."""
    file = file_of(root)
    with _opened(file, file) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextmanager
def _opened(file: Path, place: Path | str) -> Iterator[sqlite3.Connection]:
    try:
        if place == file:
            file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(place, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            _set_up(connection, file)
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise CasebookUnavailable(
            f"{file}: cannot be used ({error}); see that the disk is not full and the folder is writable"
        ) from error


def _set_up(connection: sqlite3.Connection, file: Path) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise CasebookUnavailable(
            f"{file} has version {found}, this program reads up to {VERSION}; update it or choose another store"
        )
    if found == VERSION:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")  # another process may have been first
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
