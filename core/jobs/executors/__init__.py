"""Where jobs run: one interface, one member a place. The supervisor knows nothing else about places.

`start` gets a claimed job and the worker's command after the interpreter, `-m core.jobs.worker OPTIONS ID`,
without where it reports to: the executor adds the interpreter and either `--table=FILE` (same machine: the
worker writes into the table) or `--desk=FOLDER` (elsewhere: it writes files there, see core.jobs.desk, and
`report` hands them to the supervisor). Calls never wait long: the supervisor has other jobs to watch.
"""

import importlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.jobs.desk import Report
from core.jobs.record import Job
from core.jobs.resources import Resources

EXECUTORS: Mapping[str, str] = {
    "local": "core.jobs.executors.local:LocalProcess",
    "ray": "core.jobs.executors.ray:RayJobs",
}


class ExecutorUnavailable(Exception):
    """A place for jobs cannot be used. The text says which, why and what to do."""


@dataclass(frozen=True)
class Handle:
    """One started job at its place, in words that another supervisor can act on."""

    executor: str
    name: str
    """Of "local" job/process number/start time/boot, of "ray" the submission's id."""


@dataclass(frozen=True)
class Ended:
    """How the process of a job ended: its exit status, negative for a signal, None where nobody saw it."""

    code: int | None
    told: str = ""
    """What the place itself says about it, for the user to read; empty where it says nothing."""
    lost: bool = False
    """Whether its place was lost under it, such as a node of a cluster: it is started again, at most twice."""


class Executor(Protocol):
    """A place where jobs run."""

    name: str

    def start(self, job: Job, command: Sequence[str]) -> Handle:
        """Start a claimed job. OSError or ExecutorUnavailable when that fails.

        Called again for the same `job.id` and `job.attempt` it returns the first one's handle where it can:
        a supervisor may be killed between starting and writing the handle down.
        """
        ...

    def poll(self, handle: Handle) -> Ended | None:
        """None while it runs or cannot be seen just now; how it ended afterwards."""
        ...

    def stop(self, handle: Handle, grace: float) -> bool:
        """Ask it to end, then by force with all its processes; returns whether force was needed.

        Returns at once and is called again and again until `poll` tells the end: the first call asks, the
        first one later than `grace` seconds uses force.
        """
        ...

    def clear(self, handle: Handle) -> None:
        """End whatever is left of a job whose process has gone, and forget it."""
        ...

    def tidy(self, running: Collection[int]) -> None:
        """End whatever runs here for jobs of this folder other than `running`: called once by a new supervisor."""
        ...

    def report(self, handle: Handle) -> Report | None:
        """What the worker left at its desk since; None where workers write into the table themselves."""
        ...

    def logs(self, handle: Handle, offset: int) -> str:
        """What it printed from byte `offset` on; empty where it goes into the job's log file by itself."""
        ...

    def slots(self) -> Resources:
        """What it can run at a time, all jobs together."""
        ...

    def devices(self) -> Sequence[str]:
        """Graphics cards the supervisor hands out one by one; empty where the place does so itself."""
        ...


def opened(name: str, folder: Path, slots: Resources | None = None) -> Executor:
    """The executor of this name for a folder of jobs; `slots` bounds what it uses."""
    if name not in EXECUTORS:
        raise ValueError(f"unknown executor {name!r}; choose from {sorted(EXECUTORS)}")
    module, _, member = EXECUTORS[name].partition(":")
    return getattr(importlib.import_module(module), member)(folder, slots)
