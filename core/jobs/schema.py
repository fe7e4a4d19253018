"""The layout of the job table's file, and how a file of the version before becomes one of this version."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields
from typing import Any

from core.jobs.record import ENDED, LIVE, Job

VERSION = 3
FIRST = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, spec TEXT NOT NULL, digest TEXT NOT NULL, title TEXT NOT NULL, owner TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'lost')),
    stage TEXT NOT NULL DEFAULT '', stages_done INTEGER NOT NULL DEFAULT 0, stages_total INTEGER,
    phase TEXT NOT NULL DEFAULT '', phase_started REAL, phase_first INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0, total INTEGER, rate REAL, message TEXT NOT NULL DEFAULT '', error TEXT,
    pid INTEGER, pid_started INTEGER, boot_id TEXT, heartbeat REAL,
    cancel_requested INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL, started REAL, ended REAL
);
CREATE UNIQUE INDEX one_live_job_per_digest ON jobs (digest)
    WHERE state IN ('queued', 'running') AND NOT cancel_requested;
CREATE INDEX jobs_by_state ON jobs (state, id);
"""
ADDED = {
    "batch": "TEXT NOT NULL DEFAULT ''",
    "cpu": "INTEGER NOT NULL DEFAULT 1",
    "gpu": "INTEGER NOT NULL DEFAULT 0",
    "memory": "INTEGER NOT NULL DEFAULT 0",
    "devices": "TEXT NOT NULL DEFAULT ''",
    "executor": "TEXT NOT NULL DEFAULT ''",
    "handle": "TEXT NOT NULL DEFAULT ''",
    "turn": "INTEGER NOT NULL DEFAULT 0",
    "passed": "INTEGER NOT NULL DEFAULT 0",
    "phase_seconds": "REAL NOT NULL DEFAULT 0",
    "history": "TEXT NOT NULL DEFAULT ''",
    "started_boot": "REAL",
    "beat": "REAL",
    "seconds": "REAL",
}
SECOND = "\n".join(
    [
        *(f"ALTER TABLE jobs ADD COLUMN {name} {kind};" for name, kind in ADDED.items()),
        "CREATE INDEX jobs_by_batch ON jobs (batch, id);",
        "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);",
        # what ran before the change of versions was started by a program that knew local processes only
        "UPDATE jobs SET executor = 'local' WHERE state = 'running';",
        "UPDATE jobs SET handle = id || '/' || pid || '/' || pid_started || '/' || boot_id",
        "    WHERE state = 'running' AND pid IS NOT NULL;",
        "UPDATE jobs SET seconds = ended - started WHERE ended >= started;",
        "INSERT INTO about VALUES ('file', lower(hex(randomblob(16))));",
    ]
)
ASKED = ("digest", "title", "owner", "created", "batch", "cpu", "gpu", "memory")
"""What was asked for, by whom and when: sealed together, and sealed anew only when a job is left to somebody else."""
OF_FIRST: dict[str, Any] = {"batch": "", "cpu": 1, "gpu": 0, "memory": 0}
"""What rows of version 1 did not say."""
THIRD = f"""
ALTER TABLE jobs ADD COLUMN seal TEXT NOT NULL DEFAULT '';
UPDATE jobs SET seal = seal_of({", ".join(ASKED)});
"""
KNOWN = {field.name for field in fields(Job)} - {"log"}
NEEDED = KNOWN - ADDED.keys() - {"seal"}
"""Columns of this version, and those that a file of the first one has."""
STEPS = (FIRST, SECOND, THIRD)
"""What leads from each version to the next, from an empty file on."""


def version(connection: sqlite3.Connection) -> int:
    """The version of an opened file; 0 of an empty one."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Change the file to this version, in one transaction."""
    steps = "".join(STEPS[version(connection) :])
    _with_seals(connection).executescript(f"BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;")


def statement(number: int) -> str:
    """What creates the job table of a version, with its columns in their order."""
    with closing(sqlite3.connect(":memory:")) as connection:
        _with_seals(connection).executescript("".join(STEPS[:number]))
        return connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'jobs'").fetchone()[0]


def _with_seals(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.create_function(
        "seal_of", len(ASKED), lambda *told: seal_of(dict(zip(ASKED, told, strict=True)))
    )
    return connection


def digest_of(kind: str, spec: str) -> str:
    """The name of a piece of work: the same for one kind and spec, whatever the order of its keys."""
    try:
        content = json.loads(spec)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"spec {spec[:80]!r}: expected JSON ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"spec {spec[:80]!r}: expected a JSON object, got {type(content).__name__}")
    return hashlib.sha256(json.dumps([kind, content], sort_keys=True).encode()).hexdigest()


def seal_of(row: Mapping[str, Any]) -> str:
    """A digest of what was asked for: SQLite notices a broken page, not a changed word or number."""
    whole = OF_FIRST | dict(row)
    told = [
        whole[name] + 0.0 if name == "created" else whole[name] for name in ASKED
    ]  # SQLite returns 10.0 as 10 too
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def is_sound(row: dict[str, Any]) -> bool:
    """Whether a row can be one that was written: a damaged file may hold anything, names of columns too."""
    if not NEEDED <= row.keys() <= KNOWN:
        return False
    whole = (
        "id",
        "attempt",
        "cpu",
        "gpu",
        "memory",
        "stages_done",
        "done",
        "turn",
        "passed",
        "cancel_requested",
    )
    counted = all(isinstance(row.get(name), int) and row[name] >= 0 for name in whole if name in row)
    texts = all(
        isinstance(row[name], str) for name in ("kind", "spec", "digest", "title", "owner", "stage", "phase")
    )
    times = all(
        isinstance(row[n], int | float | None) for n in ("started", "ended", "heartbeat", "rate", "total")
    )
    return (
        counted
        and texts
        and times
        and row["state"] in LIVE + ENDED
        and isinstance(row["created"], int | float)
        and ("seal" not in row or row["seal"] == seal_of(row))  # a file of an earlier version has none
    )
