"""Lets a worker report where it must not open the job table: files in a folder that both sides see.

The worker reads `job.json` and `stop`, and writes `report.json`, each whole or not at all; the supervisor copies
the reports into the table. SQLite locks are not to be trusted on a network file system, renames are.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from core.jobs.process import Identity
from core.jobs.record import ENDED, Job, JobsUnavailable, Progress

JOB, STOP, REPORT = "job.json", "stop", "report.json"


@dataclass(frozen=True)
class Report:
    """How far a worker is, and how it ended once it has. `beats` counts its reports: it grows while it lives."""

    progress: Progress
    beats: int = 0
    state: str | None = None
    error: str | None = None


def prepare(folder: Path, job: Job) -> None:
    """Lay a job on its desk before its worker starts; an earlier attempt's report goes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (STOP, REPORT):
            (folder / old).unlink(missing_ok=True)
        _write(folder / JOB, {k: str(v) if k == "log" else v for k, v in asdict(job).items()})
    except OSError as error:
        raise JobsUnavailable(f"cannot prepare {folder}: {error}; the folder must be writable") from error


def ask_to_stop(folder: Path) -> None:
    """Let the worker stop at its next step."""
    (folder / STOP).touch()


def read(folder: Path) -> Report | None:
    """The latest report, or None before the first; one that makes no sense counts as none."""
    try:
        told = json.loads((folder / REPORT).read_text())
        progress = Progress(**{f.name: told["progress"][f.name] for f in fields(Progress)})
        state = told["state"] if told["state"] in ENDED else None
        return Report(progress, int(told["beats"]), state, told["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Desk:
    """The worker's side: stands in for the job table."""

    def __init__(self, folder: Path | str) -> None:
        self.path = Path(folder)
        self._progress = Progress()
        self._beats = 0

    def register(self, job_id: int, worker: Identity) -> Job | None:
        """The job on this desk when it is the asked one, and not taken: one desk, one worker."""
        told = self._job()
        if told.id != job_id or (self.path / REPORT).exists():
            return None
        self._report()
        return told

    def get(self, job_id: int) -> Job:
        """The job as it was laid down, with whether it shall stop."""
        told = self._job()
        if told.id != job_id:
            raise LookupError(f"unknown job {job_id!r}: {self.path} holds job {told.id}")
        return told

    def progress(self, job_id: int, progress: Progress, worker: Identity | None = None) -> bool:
        """Report how far the job is; returns whether it shall stop."""
        self._progress = progress
        self._report()
        return (self.path / STOP).exists()

    def finish(
        self, job_id: int, state: str, error: str | None = None, worker: Identity | None = None
    ) -> Job:
        """Report how the job ended."""
        self._report(state, error)
        return self.get(job_id)

    def _job(self) -> Job:
        try:
            told: dict[str, Any] = json.loads((self.path / JOB).read_text())
        except (OSError, ValueError) as error:
            raise JobsUnavailable(f"cannot read {self.path / JOB}: {error}; is the store shared?") from error
        stop = (self.path / STOP).exists()
        return Job(**told | {"log": Path(told["log"]), "cancel_requested": stop, "state": "running"})

    def _report(self, state: str | None = None, error: str | None = None) -> None:
        self._beats += 1
        told = {"progress": asdict(self._progress), "beats": self._beats, "state": state, "error": error}
        try:
            _write(self.path / REPORT, told)
        except OSError as problem:
            raise JobsUnavailable(
                f"cannot report to {self.path}: {problem}; make room or restore the shared folder"
            ) from problem


def _write(file: Path, told: dict[str, Any]) -> None:
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(json.dumps(told))
    part.rename(file)
