"""Whole jobs, from the supervisor to the last result, whose disk fills, is mounted read-only or whose clock jumps.

A fault is pressed on a job that runs, then taken away; the same job is asked for again and must end as one that nothing
ever hindered.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from core import jobs
from core.jobs import family
from core.jobs.launch import jobs_dir
from core.jobs.process import is_alive

PATIENCE = 180.0
Step = Callable[[], Any]
Made = dict[str, int]


def nothing() -> None:
    """No fault, or nothing to take away."""


@dataclass(frozen=True)
class Fault:
    """What is done to a job that runs, again and again until it has ended, what ends it, and what is expected then."""

    press: Step = nothing
    relieve: Step = nothing
    state: str = "failed"
    """How the job must end; nothing: done, or failed with these words."""
    words: tuple[str, ...] = ("make room",)
    table_full: bool = False
    """The job table cannot be written either: whoever asks for work must be told."""


def fill(place: Path) -> Step:
    """Takes every byte of a disk that is left, also those that somebody has just given back."""

    def press() -> None:
        with (place / "ballast").open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    return press


def empty(place: Path) -> Step:
    """Gives back what `fill` took."""
    return lambda: (place / "ballast").unlink(missing_ok=True)


def short_files(root: Path, size: int) -> Step:
    """No file of the processes that do the job grows beyond so many bytes; needs no rights."""

    def press() -> None:
        for job in jobs.table(root).active():
            if job.worker and is_alive(job.worker):
                resource.prlimit(job.worker.pid, resource.RLIMIT_FSIZE, (size, size))

    return press


def short_memory(root: Path, megabytes: int) -> Step:
    """The processes that do the job may take so many megabytes more, from one moment on."""
    limited: set[int] = set()

    def press() -> None:
        for job in jobs.table(root).active():
            if job.worker and is_alive(job.worker) and job.worker.pid not in limited:
                most = psutil.Process(job.worker.pid).memory_info().vms + megabytes * 2**20
                resource.prlimit(job.worker.pid, resource.RLIMIT_AS, (most, most))
                limited.add(job.worker.pid)

    return press


def request(trial: Any, root: Path, title: str = "small") -> jobs.Job:
    """Ask for the work of a trial as the page does."""
    options = {"store": str(root), "device": "cpu", "threads": 1}
    spec = {"experiment": trial.x.model_dump(mode="json"), "options": options}
    return jobs.submit(root, "run", json.dumps(spec | ({"title": title} if title != "small" else {})), title)


@contextmanager
def supervised(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor for the store, and the end of everything it started."""
    jobs.table(root)
    command = [sys.executable, "-m", "core.jobs.supervisor", f"--store={root}", "--idle-exit=100"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as supervisor:
        try:
            wait(lambda: jobs.is_supervised(root))
            yield supervisor
        finally:
            supervisor.kill()
            family.kill(set(family.marked(f"{jobs_dir(root)}#")))


def wait(condition: Callable[[], Any], press: Step = nothing) -> Any:
    """What a condition says once it holds; the fault is pressed meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain")
        press()
        time.sleep(0.02)
    return found


def made(root: Path) -> Made:
    """The finished results of a store: which, and when each was put down."""
    return {f"{p.parent.name}": p.stat().st_mtime_ns for p in root.glob("[!j]*/*/meta.json")}


def whole_job(trial: Any, root: Path, fault: Fault, reached: int = 1) -> list[str]:
    """Problems of a job that meets a fault once so many results are there, and of the same job tried again."""
    root.mkdir(parents=True, exist_ok=True)
    with supervised(root) as supervisor:
        job = request(trial, root)
        worker = wait(lambda: jobs.table(root).get(job.id).worker)
        wait(lambda: len(made(root)) >= reached or not is_alive(worker))
        wait(lambda: not is_alive(worker), fault.press)
        problems = refused(trial, root) if fault.table_full else []
        if supervisor.poll() is not None:
            problems.append(f"the supervisor ended with {supervisor.returncode}")
        kept = made(root)
        problems += [f"half written: {p.name}" for p in root.glob("[!j]*/*.part")]
        fault.relieve()
        problems += told(ended(root, job), fault)
        done = ended(root, jobs.again(root, job.id))
        if done.state != "done":
            problems.append(f"tried again: {done.state}: {done.error} {done.log_tail(1500)}")
        redone = [key for key, when in kept.items() if made(root).get(key) != when]
        return [*problems, *(f"{key} was made twice" for key in redone), *trial.amiss(root, whole=True)]


def ended(root: Path, job: jobs.Job) -> jobs.Job:
    """A job once it has ended, as the page reads it."""
    return wait(lambda: not (seen := jobs.table(root).get(job.id)).is_live and seen)


def refused(trial: Any, root: Path) -> list[str]:
    """What is wrong with how another job is refused while the table cannot be written."""
    try:
        request(trial, root, "another")
    except jobs.JobsUnavailable as error:
        return [] if "make room" in str(error) else [f"refused without a remedy: {error}"]
    except Exception as error:
        return [f"a full disk ends in {type(error).__name__}: {error}"]
    return ["a job was taken on a full disk"]


def told(job: jobs.Job, fault: Fault) -> list[str]:
    """What is wrong with how a job ended."""
    if job.state != fault.state and (fault.state or job.state not in ("done", "failed")):
        return [f"ended {job.state}: {job.error} {job.log_tail(1500)}"]
    words = fault.words if job.state == "failed" else ()
    return [f"does not say {word!r}: {job.error}" for word in words if word not in (job.error or "")]


def jumping(folder: Path) -> tuple[dict[str, str], Callable[[float], None]]:
    """The environment of processes whose clock can be set, and what sets it by so many seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    shift = folder / "shift"
    shift.write_text("0")
    (folder / "sitecustomize.py").write_text(
        "import pathlib, time\nreal = time.time\n"
        f"time.time = lambda: real() + float(pathlib.Path({str(shift)!r}).read_text() or 0)\n"
    )
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path}, lambda seconds: (shift.write_text(str(seconds)), None)[1]
