"""Long work outside the page: submit an experiment, watch it, cancel it, from any process.

A job goes on when the tab is closed or the server stops. Its state lives in one SQLite file, in
`<store>/jobs/`; a supervisor, started when needed, runs one worker process a job. Submitting again after a
failure continues, since finished stages are kept in the store.
"""

from pathlib import Path

from core.jobs.kinds import KINDS, check_kind
from core.jobs.launch import ensure_supervisor, is_supervised, table_file
from core.jobs.pace import remaining
from core.jobs.record import ENDED, LIVE, Job, JobsUnavailable, Progress
from core.jobs.table import JobTable

__all__ = [
    "ENDED",
    "KINDS",
    "LIVE",
    "Job",
    "JobTable",
    "JobsUnavailable",
    "Progress",
    "cancel",
    "ensure_supervisor",
    "is_supervised",
    "remaining",
    "submit",
    "table",
]


def table(store_root: Path | str) -> JobTable:
    """The job table of a store, created when there is none."""
    return JobTable(table_file(store_root))


def submit(store_root: Path | str, kind: str, spec: str, title: str, owner: str = "") -> Job:
    """Ask for work; returns the live job of the same kind and spec when there is one.

    `spec` is a JSON object. Its `options.threads`, when given, bounds the threads of numeric libraries.
    """
    job = table(store_root).submit(check_kind(kind), spec, title, owner)
    ensure_supervisor(store_root)
    return job


def cancel(store_root: Path | str, job_id: int) -> Job:
    """Ask a job to stop, and see to it that someone enforces this."""
    job = table(store_root).request_cancel(job_id)
    if job.is_live:
        ensure_supervisor(store_root)
    return job
