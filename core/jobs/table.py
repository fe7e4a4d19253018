"""The job table: one SQLite file, written by the page, the supervisor and the workers alike.

Every action opens its own short connection, so the table may be used from any thread or process. Every change
is one transaction that takes the write lock first, so two processes never act on the same row.
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.jobs import schema
from core.jobs.database import Database
from core.jobs.logs import Log
from core.jobs.process import Identity
from core.jobs.record import ENDED, Job, Progress, Refused, Request, boot_seconds
from core.jobs.turns import ANYWHERE, Place, Turn, passed_by, queue

MAX_ATTEMPTS = 3  # a job lost to a restart of the machine is retried twice
WAITING = "SELECT * FROM jobs WHERE digest = ? AND state IN ('queued', 'running') AND NOT cancel_requested"
LEAVE = """UPDATE jobs SET owner = ?, batch = ''
    WHERE id = ? AND state IN ('queued', 'running') AND NOT cancel_requested"""
SERVED = "SELECT owner, max(turn) FROM jobs GROUP BY owner"
OF_WORKER = " AND pid = :pid AND pid_started = :pid_started AND boot_id = :boot_id"
CLAIM = """UPDATE jobs SET state = 'running', attempt = attempt + 1, started = :now, heartbeat = :now,
    pid = NULL, pid_started = NULL, boot_id = NULL, error = NULL, message = '', seconds = NULL,
    stage = '', phase = '', history = '', phase_started = NULL, done = 0, total = NULL, rate = NULL,
    turn = (SELECT max(turn) + 1 FROM jobs), executor = :executor, handle = '', devices = :devices,
    started_boot = :boot, beat = :boot WHERE id = :id"""


class JobTable(Database):
    """All jobs of one store. Every method raises JobsUnavailable when the file cannot be used."""

    def submit(self, kind: str, spec: str, title: str, owner: str = "") -> Job:
        """A new queued job of one thread, or the live one of the same kind and spec that is not being cancelled."""
        return self.add(Request(kind=kind, spec=spec, title=title, owner=owner))

    def add(self, asked: Request, *, limit: int = 0) -> Job:
        """As `submit`, unless the owner would have more than `limit` live jobs; 0 sets no limit."""
        digest = schema.digest_of(asked.kind, asked.spec)
        values = {k: getattr(asked, k) for k in ("kind", "spec", "title", "owner", "batch")}
        values |= {"digest": digest, "created": time.time(), **asdict(asked.needs)}
        values["seal"] = schema.seal_of(values)
        insert = f"INSERT INTO jobs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) RETURNING *"
        count = "SELECT count(*) FROM jobs WHERE owner = ? AND state IN ('queued', 'running')"
        with self.transaction() as connection:
            row = connection.execute(WAITING, [digest]).fetchone()
            if row is None:
                live = connection.execute(count, [asked.owner]).fetchone()[0] if limit else -1
                if live >= limit:
                    raise Refused(
                        f"you have {live} waiting or running jobs of at most {limit}: "
                        "wait until one ends, or cancel one"
                    )
                row = connection.execute(insert, list(values.values())).fetchone()
                Log(self._job(row).log).forget()  # of a job of this number in a table that was lost
        return self._job(row)

    def claim(self, places: Sequence[Place] = ANYWHERE, *, limit: int = 0) -> Job | None:
        """The queued job whose turn it is, now running and waiting for a worker; None when none can start.

        A job waits while the same work is still running, on its way to being cancelled.
        """
        with self.transaction() as connection:
            turn, passed = self._next(connection, places, limit)
            if turn is None or turn.place is None:
                return None
            connection.executemany("UPDATE jobs SET passed = passed + 1 WHERE id = ?", [[n] for n in passed])
            values = {"id": turn.job.id, "executor": turn.place.executor, "devices": turn.devices}
            values |= {"now": time.time(), "boot": boot_seconds()}
            row = connection.execute(f"{CLAIM} RETURNING *", values).fetchone()
        return self._job(row)

    def started(self, job_id: int, handle: str) -> None:
        """Write down what a claimed job is called where it runs, unless its worker has done so."""
        self._change(
            "UPDATE jobs SET handle = ? WHERE id = ? AND state = 'running' AND handle = ''", [handle, job_id]
        )

    def register(self, job_id: int, worker: Identity) -> Job | None:
        """Make `worker` the one process on a claimed job; None when the job is not waiting for one."""
        return self._change(
            """UPDATE jobs SET pid = ?, pid_started = ?, boot_id = ?, heartbeat = ?, beat = ?, handle = ?,
                   executor = CASE executor WHEN '' THEN 'local' ELSE executor END
               WHERE id = ? AND state = 'running' AND pid IS NULL""",
            [
                worker.pid,
                worker.started,
                worker.boot,
                time.time(),
                boot_seconds(),
                f"{job_id}/{worker.text}",
                job_id,
            ],
        )

    def progress(self, job_id: int, progress: Progress, worker: Identity | None = None) -> bool:
        """Record how far a running job is and that its worker lives; returns whether it shall stop.

        With `worker` only the row of this very process counts: the file may have been replaced meanwhile.
        """
        values = asdict(progress) | {"heartbeat": time.time(), "beat": boot_seconds()}
        columns = ", ".join(f"{name} = :{name}" for name in values)
        job = self._change(
            f"UPDATE jobs SET {columns} WHERE id = :id AND state = 'running'"
            + OF_WORKER * (worker is not None),
            values | {"id": job_id} | _of(worker),
        )
        if job is None and worker is not None:
            return self._is_ended(job_id, worker)
        return job is None or job.cancel_requested

    def finish(
        self, job_id: int, state: str, error: str | None = None, worker: Identity | None = None
    ) -> Job:
        """End a live job; the first end stays, a later one changes nothing. `worker` as for `progress`."""
        if state not in ENDED:
            raise ValueError(f"state={state!r}: a job ends in one of {ENDED}")
        changed = self._change(
            """UPDATE jobs SET state = :state, error = :error, ended = :now, seconds = max(0, :boot - started_boot)
               WHERE id = :id AND state IN ('queued', 'running')"""
            + OF_WORKER * (worker is not None),
            {"state": state, "error": error, "now": time.time(), "boot": boot_seconds(), "id": job_id}
            | _of(worker),
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

    def hand_over(self, job_id: int, owner: str) -> Job:
        """Make a live job that nobody has cancelled somebody else's, out of its group; any other stays as it is."""
        with self.transaction() as connection:
            row = connection.execute(f"{LEAVE} RETURNING *", [owner, job_id]).fetchone()
            if row is not None:
                seal = schema.seal_of(dict(row))
                connection.execute("UPDATE jobs SET seal = ? WHERE id = ?", [seal, job_id])
        return self.get(job_id)

    def put_back(self, job_id: int) -> None:
        """Queue a claimed job again whose supervisor ended before it started a worker."""
        self._change(
            """UPDATE jobs SET attempt = attempt - 1, executor = '', devices = '',
                   state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END
               WHERE id = ? AND state = 'running' AND pid IS NULL""",
            [job_id],
        )

    def requeue_lost(self, boot: str, silent_for: float = 30.0) -> tuple[Job, ...]:
        """Queue again, at most twice, what ran in another boot than `boot`; returns the jobs concerned.

        A worker there that reported within `silent_for` seconds is alive: it runs in another container. Silence is
        measured by the kernel's clock, which containers share and nobody sets.
        """
        which = "boot_id != :boot AND (beat IS NULL OR beat > :clock OR beat <= :clock - :silent)"
        values = {"boot": boot, "clock": boot_seconds(), "silent": silent_for}
        return self._requeue(which, values, "the machine restarted while this job ran")

    def requeue(self, job_id: int, why: str) -> tuple[Job, ...]:
        """Queue a job again, at most twice, whose place went down under it; returns it."""
        return self._requeue("id = :id", {"id": job_id}, why)

    def _requeue(self, which: str, values: dict[str, Any], why: str) -> tuple[Job, ...]:
        update = f"""UPDATE jobs SET
                state = CASE WHEN cancel_requested THEN 'cancelled' WHEN attempt < :most THEN 'queued'
                    ELSE 'lost' END,
                ended = CASE WHEN cancel_requested OR attempt >= :most THEN :now END,
                error = :why || ' (attempt ' || attempt || ')'
            WHERE state = 'running' AND {which} RETURNING *"""
        with self.transaction() as connection:
            rows = connection.execute(
                update, values | {"most": MAX_ATTEMPTS, "now": time.time(), "why": why}
            ).fetchall()
        return tuple(map(self._job, rows))

    def get(self, job_id: int) -> Job:
        """One job by its number."""
        found = self.numbered(job_id)
        if not found:
            raise LookupError(f"unknown job {job_id!r}: {self.path} has no such number")
        return found[0]

    def numbered(self, job_id: int) -> tuple[Job, ...]:
        """The job of this number, or none."""
        return self._select("SELECT * FROM jobs WHERE id = ?", [job_id])

    def list(self, limit: int = 100) -> tuple[Job, ...]:
        """The newest `limit` jobs, newest first."""
        return self._select("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", [limit])

    def active(self) -> tuple[Job, ...]:
        """All queued and running jobs, oldest first."""
        return self._select("SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY id", [])

    def served(self) -> dict[str, int]:
        """The latest turn of each owner."""
        with self.connection() as connection:
            return dict(connection.execute(SERVED).fetchall())

    def batch(self, name: str) -> tuple[Job, ...]:
        """All jobs that were asked for together under this name, oldest first."""
        return self._select("SELECT * FROM jobs WHERE batch = ? ORDER BY id", [name])

    def _next(
        self, connection: sqlite3.Connection, places: Sequence[Place], limit: int
    ) -> tuple[Turn | None, Sequence[int]]:
        """The first job in order that can start, and those that wait longer."""
        rows = connection.execute("SELECT * FROM jobs WHERE state IN ('queued', 'running')").fetchall()
        live = [self._job(row) for row in rows]
        served = dict(connection.execute(SERVED).fetchall())
        turns = queue(live, places, served=served, limit=limit)
        turn = next((turn for turn in turns if turn.place is not None), None)
        return turn, passed_by(turn.job, live) if turn else ()

    def _is_ended(self, job_id: int, worker: Identity) -> bool:
        """Whether the job of this process was ended by somebody; not when its row has gone, or is another's."""
        found = self.numbered(job_id)
        return bool(found) and found[0].worker == worker and not found[0].is_live

    def _job(self, row: sqlite3.Row) -> Job:
        values: dict[str, Any] = dict(row)
        if not schema.is_sound(values):
            raise self.damaged(f"job {values.get('id')} holds what nobody wrote")
        values["cancel_requested"] = bool(values["cancel_requested"])
        return Job(**values, log=self.path.parent / f"{values['id']}.log")

    def _select(self, query: str, values: Any) -> tuple[Job, ...]:
        with self.connection() as connection:
            return tuple(map(self._job, connection.execute(query, values).fetchall()))

    def _change(self, update: str, values: Any) -> Job | None:
        with self.transaction() as connection:
            row = connection.execute(f"{update} RETURNING *", values).fetchone()
        return None if row is None else self._job(row)


def _of(worker: Identity | None) -> dict[str, Any]:
    return (
        {} if worker is None else {"pid": worker.pid, "pid_started": worker.started, "boot_id": worker.boot}
    )
