"""The job table: one SQLite file that the page, the supervisor and the workers share.

Every call opens its own short connection, so the table may be used from any thread or process. Every change
is one transaction that takes the write lock first, so two processes never act on the same row.
"""

import fcntl
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.jobs.process import Identity
from core.jobs.record import ENDED, Job, JobsUnavailable, Progress

VERSION = 1
BUSY_SECONDS = 10.0
MAX_ATTEMPTS = 3  # a job lost to a restart of the machine is retried twice
SCHEMA = """
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


def digest_of(kind: str, spec: str) -> str:
    """The name of a piece of work: the same for one kind and spec, whatever the order of its keys."""
    try:
        content = json.loads(spec)
    except ValueError as error:
        raise ValueError(f"spec {spec[:80]!r}: expected JSON ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"spec {spec[:80]!r}: expected a JSON object, got {type(content).__name__}")
    return hashlib.sha256(json.dumps([kind, content], sort_keys=True).encode()).hexdigest()


class JobTable:
    """All jobs of one store. Every method raises JobsUnavailable when the file cannot be used."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._set_up()
        except OSError as error:
            raise self._unavailable(error) from error

    def submit(self, kind: str, spec: str, title: str, owner: str = "") -> Job:
        """A new queued job, or the live one of the same kind and spec that is not being cancelled."""
        digest = digest_of(kind, spec)
        live = (
            "SELECT * FROM jobs WHERE digest = ? AND state IN ('queued', 'running') AND NOT cancel_requested"
        )
        insert = """INSERT INTO jobs (kind, spec, digest, title, owner, created)
                    VALUES (?, ?, ?, ?, ?, ?) RETURNING *"""
        with self._transaction() as connection:
            row = connection.execute(live, [digest]).fetchone()
            if row is None:
                values = [kind, spec, digest, title, owner, time.time()]
                row = connection.execute(insert, values).fetchone()
        return self._job(row)

    def claim(self) -> Job | None:
        """The oldest queued job, now running and waiting for a worker; None when there is none.

        A job waits while the same work is still running, on its way to being cancelled.
        """
        now = time.time()
        return self._change(
            """UPDATE jobs SET state = 'running', attempt = attempt + 1, started = ?, heartbeat = ?,
                   pid = NULL, pid_started = NULL, boot_id = NULL, error = NULL, message = '',
                   stage = '', phase = '', phase_started = NULL, done = 0, total = NULL, rate = NULL
               WHERE id = (
                   SELECT id FROM jobs AS waiting WHERE state = 'queued' AND NOT EXISTS
                       (SELECT 1 FROM jobs WHERE state = 'running' AND digest = waiting.digest)
                   ORDER BY id LIMIT 1)""",
            [now, now],
        )

    def register(self, job_id: int, worker: Identity) -> Job | None:
        """Make `worker` the one process on a claimed job; None when the job is not waiting for one."""
        return self._change(
            """UPDATE jobs SET pid = ?, pid_started = ?, boot_id = ?, heartbeat = ?
               WHERE id = ? AND state = 'running' AND pid IS NULL""",
            [worker.pid, worker.started, worker.boot, time.time(), job_id],
        )

    def progress(self, job_id: int, progress: Progress) -> bool:
        """Record how far a running job is and that its worker lives; returns whether it shall stop."""
        values = asdict(progress)
        columns = ", ".join(f"{name} = ?" for name in values)
        job = self._change(
            f"UPDATE jobs SET {columns}, heartbeat = ? WHERE id = ? AND state = 'running'",
            [*values.values(), time.time(), job_id],
        )
        return job is None or job.cancel_requested

    def finish(self, job_id: int, state: str, error: str | None = None) -> Job:
        """End a live job; the first end stays, a later one changes nothing."""
        if state not in ENDED:
            raise ValueError(f"state={state!r}: a job ends in one of {ENDED}")
        changed = self._change(
            "UPDATE jobs SET state = ?, error = ?, ended = ? WHERE id = ? AND state IN ('queued', 'running')",
            [state, error, time.time(), job_id],
        )
        return changed or self.get(job_id)

    def request_cancel(self, job_id: int) -> Job:
        """Cancel a queued job at once, ask a running one to stop, leave an ended one as it is."""
        changed = self._change(
            """UPDATE jobs SET cancel_requested = 1, ended = CASE state WHEN 'queued' THEN ? END,
                   state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END
               WHERE id = ? AND state IN ('queued', 'running')""",
            [time.time(), job_id],
        )
        return changed or self.get(job_id)

    def put_back(self, job_id: int) -> None:
        """Queue a claimed job again whose supervisor ended before a worker registered."""
        self._change(
            """UPDATE jobs SET attempt = attempt - 1,
                   state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END
               WHERE id = ? AND state = 'running' AND pid IS NULL""",
            [job_id],
        )

    def requeue_lost(self, boot: str, silent_for: float = 30.0) -> tuple[Job, ...]:
        """Queue again, at most twice, what ran in another boot than `boot`; returns the jobs concerned.

        A worker there that reported within `silent_for` seconds is alive: it runs in another container.
        """
        update = """UPDATE jobs SET
                state = CASE WHEN cancel_requested THEN 'cancelled' WHEN attempt < ? THEN 'queued'
                    ELSE 'lost' END,
                ended = CASE WHEN cancel_requested OR attempt >= ? THEN ? END,
                error = 'the machine restarted while this job ran (attempt ' || attempt || ')'
            WHERE state = 'running' AND boot_id != ? AND heartbeat <= ? RETURNING *"""
        now = time.time()
        with self._transaction() as connection:
            rows = connection.execute(
                update, [MAX_ATTEMPTS, MAX_ATTEMPTS, now, boot, now - silent_for]
            ).fetchall()
        return tuple(map(self._job, rows))

    def get(self, job_id: int) -> Job:
        """One job by its number."""
        found = self._select("SELECT * FROM jobs WHERE id = ?", [job_id])
        if not found:
            raise LookupError(f"unknown job {job_id!r}: {self.path} has no such number")
        return found[0]

    def list(self, limit: int = 100) -> tuple[Job, ...]:
        """The newest `limit` jobs, newest first."""
        return self._select("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", [limit])

    def active(self) -> tuple[Job, ...]:
        """All queued and running jobs, oldest first."""
        return self._select("SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY id", [])

    def _job(self, row: sqlite3.Row) -> Job:
        values: dict[str, Any] = dict(row)
        values["cancel_requested"] = bool(values["cancel_requested"])
        return Job(**values, log=self.path.parent / f"{values['id']}.log")

    def _select(self, query: str, values: Any) -> tuple[Job, ...]:
        with self._connection() as connection:
            return tuple(map(self._job, connection.execute(query, values).fetchall()))

    def _change(self, update: str, values: Any) -> Job | None:
        with self._transaction() as connection:
            row = connection.execute(f"{update} RETURNING *", values).fetchone()
        return None if row is None else self._job(row)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        address = f"{self.path.as_uri()}?mode={mode}"
        try:
            opened = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
            with closing(opened) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute(
                    "PRAGMA synchronous = NORMAL"
                )  # a power cut may lose the last report, no more
                yield connection
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _set_up(self) -> None:
        """Create the table once; the lock on its folder keeps two first users apart."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            with self._connection("rwc") as connection:
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found == 0:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        finally:
            os.close(folder)
        if found > VERSION:
            raise JobsUnavailable(
                f"{self.path} has version {found}, this program reads up to {VERSION}; "
                "update the program or choose another store"
            )

    def _unavailable(self, error: Exception) -> JobsUnavailable:
        return JobsUnavailable(
            f"cannot use the job table {self.path}: {error}; it needs a writable folder on a local disk "
            "with free space, choose another store or make room"
        )
