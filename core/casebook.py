"""What people write down during investigations: verdicts, saved views, blind challenges and what was committed there.

One SQLite file beside the results. Results can be computed again, this cannot: rows of verdicts and commitments
are only ever added. Every call opens its own short connection, so it may be used from any thread or process.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core import casebook_seal, locks

VERSION = 2
Row = sqlite3.Row
BUSY_SECONDS = 10.0
USUAL = (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
"""Errors of SQLite that say nothing against the file."""
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
    with _opened(file, _place_to_read(file)) as connection:
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
        casebook_seal.renew(connection)
        connection.execute("COMMIT")
        casebook_seal.written(connection, file)


def _place_to_read(file: Path) -> Path | str:
    if not file.exists():
        return ":memory:"
    if os.access(file.parent, os.W_OK):
        return file
    return f"{file.absolute().as_uri()}?immutable=1"  # SQLite wants to write beside it otherwise


@contextmanager
def _opened(file: Path, place: Path | str) -> Iterator[sqlite3.Connection]:
    try:
        if place == file:
            file.parent.mkdir(parents=True, exist_ok=True)
        opened = sqlite3.connect(
            place, timeout=BUSY_SECONDS, isolation_level=None, uri=isinstance(place, str)
        )
        with closing(opened) as connection:
            connection.row_factory = sqlite3.Row
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                casebook_seal.check_new(file)
            _set_up(connection, file, writable=place in (file, ":memory:"))
            if place != ":memory:":
                _check(connection, file)
            yield connection
    except casebook_seal.Altered as error:
        raise CasebookUnavailable(str(error)) from error
    except (sqlite3.Error, OSError) as error:
        raise CasebookUnavailable(_words(file, error)) from error


def _check(connection: sqlite3.Connection, file: Path) -> None:
    connection.execute("BEGIN")  # one state of the file, whoever writes meanwhile
    casebook_seal.check(connection, file)
    connection.execute("COMMIT")


def _words(file: Path, error: Exception) -> str:
    """A page that makes no sense is damage; anything else stands in the way of a sound file."""
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, USUAL):
        return casebook_seal.damage(file, error)
    return f"{file}: cannot be used ({error}); see that the disk is not full and the folder is writable"


def _set_up(connection: sqlite3.Connection, file: Path, *, writable: bool) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise CasebookUnavailable(
            f"{file} has version {found}, this program reads up to {VERSION}; update it or choose another store"
        )
    if found == VERSION or not writable:
        return
    if not connection.execute("PRAGMA database_list").fetchone()["file"]:
        _bring_up_to_date(connection)
        return
    with locks.holding(
        file.parent / "locks" / "casebook", lambda: None
    ):  # SQLite does not wait for this step
        connection.execute("PRAGMA journal_mode = WAL")
        _bring_up_to_date(connection)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")  # another process may have been first
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    for statement in (SCHEMA.split(";") if found == 0 else []) + (
        [casebook_seal.TABLE] if found < VERSION else []
    ):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
