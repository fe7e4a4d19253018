"""What is known about one job: the record every part of the job system reads and writes.

A job is "make the results of this experiment exist". It waits (`queued`), is worked on by one process
(`running`) and ends as `done`, `failed`, `cancelled`, or `lost` when the machine restarted too often.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from core.jobs.logs import Log
from core.jobs.process import Identity
from core.jobs.resources import Resources

LIVE = ("queued", "running")
ENDED = ("done", "failed", "cancelled", "lost")
UNSAID = {77: "done", 78: "failed", 79: "cancelled"}
"""How a job ended whose worker could not write it down: its exit status says so."""


class JobsUnavailable(Exception):
    """The job table cannot be read or written. The text says which file, why and what to do."""


class JobsDamaged(JobsUnavailable):
    """The file of the job table is damaged: nothing in it is used before it has been repaired."""


class Refused(JobsUnavailable):
    """A job that is not taken: too many of its owner, or more needed than there is. Says what to do."""


class NotYours(PermissionError):
    """Somebody else's job: only its owner or an admin may do this."""


def boot_seconds() -> float:
    """Seconds since the machine started, sleep included: the same for all its processes, never set by anybody."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A job to be made. `batch` names jobs that belong together, such as the cells of a sweep."""

    kind: str
    spec: str
    title: str
    owner: str = ""
    batch: str = ""
    needs: Resources = field(default_factory=Resources)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is: `done` of `total` steps of a phase, within a stage of the pipeline.

    `phase_started` is the time of the first report of the phase and `phase_first` the steps done by then;
    `phase_seconds` lie between that report and the latest, on a clock nobody can set. `rate` is in steps a second
    over the last seconds. Other times are seconds since 1970.
    """

    stage: str = ""
    stages_done: int = 0
    stages_total: int | None = None
    phase: str = ""
    phase_started: float | None = None
    phase_first: int = 0
    phase_seconds: float = 0.0
    done: int = 0
    total: int | None = None
    rate: float | None = None
    message: str = ""
    history: str = ""
    """The stages that are finished, as JSON: name, how often, and seconds of each run of equal ones."""

    @property
    def finished(self) -> list[tuple[str, int, float]]:
        """The stages that are finished, in order: name, how often in a row, seconds."""
        told = json.loads(self.history or "[]")
        return [(str(name), int(count), float(seconds)) for name, count, seconds in told]


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
    batch: str = ""
    cpu: int = 1
    gpu: int = 0
    memory: int = 0
    devices: str = ""
    """Graphics cards it was given, as CUDA_VISIBLE_DEVICES writes them."""
    executor: str = ""
    handle: str = ""
    """Where it runs, and what it is called there; empty before it has been started."""
    turn: int = 0
    """Counts starts: a job with a larger one was started later."""
    passed: int = 0
    """How often another job was started while this one was next but did not fit."""
    started_boot: float | None = None
    beat: float | None = None
    """When it was started, and when its worker last reported, in seconds since the machine started."""
    seconds: float | None = None
    """How long its last attempt took, once it has ended."""
    seal: str = ""
    """Digest of what was asked for, by whom and when, as the table checks it."""
    log: Path

    @property
    def is_live(self) -> bool:
        """Whether the job is waiting or being worked on."""
        return self.state in LIVE

    @property
    def needs(self) -> Resources:
        """What it takes up while it runs."""
        return Resources(self.cpu, self.gpu, self.memory)

    @property
    def elapsed(self) -> float | None:
        """Seconds of work so far, or in all; None where it never started or nobody measured."""
        if self.state != "running" or self.started_boot is None:
            return self.seconds
        return max(0.0, boot_seconds() - self.started_boot)

    def may_be_changed(self, by: str, admin: bool) -> bool:
        """Whether somebody may cancel this job or try it again."""
        return admin or by == self.owner

    @property
    def worker(self) -> Identity | None:
        """The process that works on the job, or None before one has registered."""
        if self.pid is None or self.pid_started is None or self.boot_id is None:
            return None
        return Identity(self.pid, self.pid_started, self.boot_id)

    def log_tail(self, limit: int = 8000) -> str:
        """The last `limit` bytes of what the worker printed, in whole lines; empty without a log."""
        return Log(self.log).tail(limit)

    def bound_log(self) -> None:
        """Cut the log where it has grown too large."""
        Log(self.log).bound()
