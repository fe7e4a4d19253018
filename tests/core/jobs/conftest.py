"""A store with real supervisors and workers, whose jobs are small functions written to a folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.jobs import Job, JobTable, table
from core.jobs.process import kill_group

PROBES = '''
import logging, os, pathlib, signal, subprocess, sys, time
from core import progress

def count(spec):
    """Counts, and continues where an earlier attempt stopped."""
    kept = pathlib.Path(spec["file"])
    first = int(kept.read_text()) if kept.exists() else 0
    progress.stage("train")
    for done in range(first, spec["steps"] + 1):
        progress.update("epochs", done, spec["steps"])
        kept.write_text(str(done))
        time.sleep(spec["pause"])

def stubborn(spec):
    """Heeds no signal, reports nothing, and has a child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "60"])
    pathlib.Path(spec["file"]).write_text(str(child.pid))
    while True:
        time.sleep(0.05)

def fail(spec):
    print("about to fail")
    raise ValueError("poison_rate=1.2: expected a share in (0, 1)")

def vanish(spec):
    os._exit(7)

def tell(spec):
    logging.getLogger("core.train").info("accuracy 0.91")
    for stage in progress.track(["train", "score"], "stages"):
        progress.stage(stage)
    pathlib.Path(spec["file"]).write_text(os.environ["OMP_NUM_THREADS"])
'''
KINDS = ("count", "stubborn", "fail", "vanish", "tell")
SOURCE_ROOT = Path(__file__).resolve().parents[3]


class Office:
    """One store, its table, and the supervisors started for it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.table: JobTable = table(store)
        self.kept = store / "kept file"
        self.options = ["--idle-exit=0.5", "--grace=0.3", *(f"--kind={name}=probes:{name}" for name in KINDS)]
        self._supervisors: list[subprocess.Popen[bytes]] = []

    def submit(self, kind: str, **spec: Any) -> Job:
        return self.table.submit(kind, json.dumps({"file": str(self.kept), **spec}), kind)

    def supervise(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "core.jobs.supervisor", "--store", str(self.store)]
        with (self.store / "supervisor output").open("ab") as out:
            started = subprocess.Popen([*command, *self.options, *options], stdout=out, stderr=out)
        self._supervisors.append(started)
        return started

    def wait_for(self, job: Job, wanted: Callable[[Job], bool], seconds: float = 10.0) -> Job:
        return wait_until(lambda: (now := self.table.get(job.id)) and wanted(now) and now, seconds)

    def close(self) -> None:
        for supervisor in self._supervisors:
            supervisor.kill()
            supervisor.wait()
        for job in self.table.list():
            if job.worker:
                kill_group(job.worker)


def wait_until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "probes.py").write_text(PROBES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE_ROOT), str(modules)]))
    opened = Office(tmp_path / "a store with spaces & 100% #odd?")
    yield opened
    opened.close()


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own session that does nothing."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
