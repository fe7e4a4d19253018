"""Runs each job in a process of its own on this machine, in a session of its own."""

import os
import time
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from subprocess import Popen

from core.jobs import family
from core.jobs.desk import Report
from core.jobs.executors import Ended, Handle
from core.jobs.launch import spawn
from core.jobs.process import Identity, ask_to_stop, boot_id, identify, is_alive
from core.jobs.record import Job
from core.jobs.resources import Resources, devices, offered


class LocalProcess:
    """Processes on this machine; they outlive the supervisor that started them."""

    name = "local"

    def __init__(self, folder: Path, slots: Resources | None = None) -> None:
        self._folder = folder
        self._slots = slots or offered()
        self._children: dict[int, Popen[bytes]] = {}
        self._codes: dict[int, int] = {}
        self._asked: dict[str, float] = {}

    def start(self, job: Job, command: Sequence[str]) -> Handle:
        """Start the worker, which sees only the graphics cards it was given."""
        environment = {
            family.MARK: self._mark(job.id),
            "CUDA_VISIBLE_DEVICES": job.devices,
            "OMP_NUM_THREADS": str(job.cpu),
        }
        told = [*command[:-1], f"--table={self._folder / 'jobs.sqlite3'}", command[-1]]
        child = spawn(told, job.log, environment)
        self._children[child.pid] = child
        self._codes.pop(child.pid, None)
        return Handle(self.name, f"{job.id}/{identify(child.pid).text}")

    def poll(self, handle: Handle) -> Ended | None:
        """None while the process lives, or is of another container and cannot be seen from here."""
        _, process = self._taken_apart(handle)
        if process.boot != boot_id() or is_alive(process):
            return None
        self._collect()  # not before: it may end in between, and nobody would know how
        if process.pid in self._children:  # threads of it are still ending: the status comes after them
            return None
        return Ended(self._codes.get(process.pid))

    def stop(self, handle: Handle, grace: float) -> bool:
        """SIGTERM to the worker alone, whose children are for it to end; later SIGKILL to all of them."""
        job_id, process = self._taken_apart(handle)
        if handle.name not in self._asked:
            self._asked[handle.name] = time.monotonic()
            ask_to_stop(process)
        if time.monotonic() - self._asked[handle.name] <= grace:
            return False
        family.end(process, self._mark(job_id))
        return True

    def clear(self, handle: Handle) -> None:
        """End what the worker left behind."""
        job_id, process = self._taken_apart(handle)
        family.end(process, self._mark(job_id))
        self._end_strays()
        self._asked.pop(handle.name, None)
        self._codes.pop(process.pid, None)

    def tidy(self, running: Collection[int]) -> None:
        """End processes of jobs that do not run any more."""
        known = {self._mark(job_id) for job_id in running}
        carrying = family.marked(self._mark(""))
        family.kill({pid for pid, mark in carrying.items() if mark not in known} - {os.getpid()})

    def report(self, handle: Handle) -> Report | None:
        """Nothing: local workers write into the table."""
        return None

    def logs(self, handle: Handle, offset: int) -> str:
        """Nothing: local workers print into the job's log file."""
        return ""

    def slots(self) -> Resources:
        """What this machine offers to jobs."""
        return self._slots

    def devices(self) -> Sequence[str]:
        """The cards of this machine that jobs may use."""
        return devices()[: self._slots.gpu]

    def _mark(self, job_id: int | str) -> str:
        return f"{self._folder}#{self._disk}#{job_id}"

    @cached_property
    def _disk(self) -> str:
        """Tells folders of one path apart: others' processes may see another disk there (private /tmp, containers)."""
        known = self._folder.stat()
        return f"{known.st_dev}.{known.st_ino}"

    def _taken_apart(self, handle: Handle) -> tuple[int, Identity]:
        job_id, _, process = handle.name.partition("/")
        return int(job_id), Identity.read(process)

    def _collect(self) -> None:
        """Fetch the exit status of everything that has ended, so that no zombie stays."""
        for pid, child in list(self._children.items()):
            if (code := child.poll()) is not None:
                self._codes[pid] = code
                del self._children[pid]

    def _end_strays(self) -> None:
        """End orphans of dead workers that came to us: they are no worker, and no living worker's."""
        if family.adopts_orphans():
            family.end_strays(self._children)
