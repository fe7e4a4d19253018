"""A store with real supervisors and workers, whose jobs are small functions written to a folder."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.jobs import Job, JobTable, Request, Resources, family, table

KINDS = ("count", "stubborn", "fail", "vanish", "tell", "once", "flood", "burst", "forest", "cards")
SOURCE_ROOT = Path(__file__).resolve().parents[2]


class Office:
    """One store, its table, and the supervisors started for it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.table: JobTable = table(store)
        self.kept = store / "kept file"
        self.options = ["--idle-exit=0.5", "--grace=0.3", *(f"--kind={name}=probes:{name}" for name in KINDS)]
        self.supervisors: list[subprocess.Popen[bytes]] = []

    def submit(self, kind: str, **spec: Any) -> Job:
        return self.ask(kind, Resources(), **spec)

    def ask(self, kind: str, needs: Resources, owner: str = "", batch: str = "", **spec: Any) -> Job:
        told = json.dumps({"file": str(self.kept), **spec})
        asked = Request(kind=kind, spec=told, title=kind, owner=owner, batch=batch, needs=needs)
        return self.table.add(asked)

    def supervise(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "core.jobs.supervisor", "--store", str(self.store)]
        with (self.store / "supervisor output").open("ab") as out:
            started = subprocess.Popen([*command, *self.options, *options], stdout=out, stderr=out)
        self.supervisors.append(started)
        return started

    def wait_for(self, job: Job, wanted: Callable[[Job], bool], seconds: float = 30.0) -> Job:
        return wait_until(lambda: (now := self.table.get(job.id)) and wanted(now) and now, seconds)

    def kill_supervisor(self) -> None:
        """End the supervisor at work as nothing but a crash or a power cut would."""
        for supervisor in self.supervisors:
            supervisor.kill()
            supervisor.wait()

    def processes(self) -> list[int]:
        """Processes that belong to jobs of this store, as their marks say."""
        return list(family.marked(f"{self.table.path.parent}#"))

    def close(self) -> None:
        """End everything that was started here."""
        self.kill_supervisor()
        family.kill(set(self.processes()))


def make_probes(folder: Path) -> str:
    """Put the jobs' functions into a folder of their own; returns the PYTHONPATH that finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).with_name("probes.py"), folder)
    return os.pathsep.join([str(SOURCE_ROOT), str(folder)])


def wait_until(condition: Callable[[], Any], seconds: float = 30.0, pause: float = 0.02) -> Any:
    """The first value of `condition` that counts as true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)
    return value
