"""A store with real supervisors and workers, whose jobs are small functions written to a folder."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.jobs import Job, JobTable, Request, Resources, family, table

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
        part = kept.with_name("part")
        part.write_text(str(done))
        part.rename(kept)
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

def once(spec):
    """Writes down every step it does, so that a step done twice shows."""
    kept = pathlib.Path(spec["file"])
    first = len(kept.read_text().split()) if kept.exists() else 0
    progress.stage("train")
    for step in range(first, spec["steps"]):
        with kept.open("a") as out:
            out.write(f"{step}\\n")
        progress.update("epochs", step + 1, spec["steps"])
        time.sleep(spec["pause"])

def flood(spec):
    """Prints without end in sight."""
    line = "x" * 99 + "\\n"
    print("the first line")
    for _ in range(spec["megabytes"] * 10):
        sys.stdout.write(line * 1049)
        sys.stdout.flush()
        progress.update("prints", 0, None)
    print("the last line")

def forest(spec):
    """Leaves processes that try to hide: own sessions, no marks, orphaned twice over, more and more of them."""
    hide = "import os, time\\nif os.fork(): os._exit(0)\\nos.setsid()\\nif os.fork(): os._exit(0)\\n"
    live = f"time.sleep(99.{spec['tag']})"
    again = "[os.fork() for _ in range(3)]\\n"
    for kind, environment in ((hide, {}), (hide, None), (again, None), (hide + again, {})):
        subprocess.Popen([sys.executable, "-S", "-c", "import os, time\\n" + kind + live], env=environment)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pathlib.Path(spec["file"]).write_text("planted")
    while True:
        time.sleep(0.05)

def cards(spec):
    """Says which graphics cards it sees, and holds them until it may end."""
    told = f"{os.environ['CUDA_VISIBLE_DEVICES']};{os.environ['OMP_NUM_THREADS']}"
    pathlib.Path(spec["file"] + str(spec["n"])).write_text(told)
    while not pathlib.Path(spec["file"]).exists():
        progress.update("waits", 0, None)
        time.sleep(0.02)
'''
KINDS = ("count", "stubborn", "fail", "vanish", "tell", "once", "flood", "forest", "cards")
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
    """Write the jobs' functions down; returns the PYTHONPATH that finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "probes.py").write_text(PROBES)
    return os.pathsep.join([str(SOURCE_ROOT), str(folder)])


def wait_until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value
