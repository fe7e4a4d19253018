"""What is known about one job: the record every part of the job system reads and writes.

A job is "make the results of this experiment exist". It waits (`queued`), is worked on by one process
(`running`) and ends as `done`, `failed`, `cancelled`, or `lost` when the machine restarted too often.
"""

from dataclasses import dataclass
from pathlib import Path

from core.jobs.process import Identity

LIVE = ("queued", "running")
ENDED = ("done", "failed", "cancelled", "lost")


class JobsUnavailable(Exception):
    """The job table cannot be read or written. The text says which file, why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is: `done` of `total` steps of a phase, within a stage of the pipeline.

    `phase_started` is the time of the first report of the phase and `phase_first` the steps done by then;
    `rate` is in steps a second over the last seconds. Times are seconds since 1970.
    """

    stage: str = ""
    stages_done: int = 0
    stages_total: int | None = None
    phase: str = ""
    phase_started: float | None = None
    phase_first: int = 0
    done: int = 0
    total: int | None = None
    rate: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Job(Progress):
    """One row of the table: what was asked, by whom, how far it is, which process works on it."""

    id: int
    kind: str
    spec: str
    digest: str
    title: str
    owner: str
    state: str
    error: str | None
    pid: int | None
    pid_started: int | None
    boot_id: str | None
    heartbeat: float | None
    cancel_requested: bool
    attempt: int
    created: float
    started: float | None
    ended: float | None
    log: Path

    @property
    def is_live(self) -> bool:
        """Whether the job is waiting or being worked on."""
        return self.state in LIVE

    @property
    def worker(self) -> Identity | None:
        """The process that works on the job, or None before one has registered."""
        if self.pid is None or self.pid_started is None or self.boot_id is None:
            return None
        return Identity(self.pid, self.pid_started, self.boot_id)

    def log_tail(self, limit: int = 8000) -> str:
        """The last `limit` bytes of what the worker printed, in whole lines; empty without a log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - limit))
            text = stream.read().decode(errors="replace")
        return text if size <= limit else text.partition("\n")[2]
