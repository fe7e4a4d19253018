"""A small investigation in a process of its own that is ended by SIGKILL, and what is asked of the one that goes on.

The process is forked from one that has imported everything already, so that a round costs the work and not the imports.
"""

import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import integrity, runs
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.store import Store

PRESET = ""
"""A preset to work on in place of the small investigation."""
UNSHIPPED = ["dataset.train_limit=1400"]
"""What makes it another case than the bundled one, whose results are there already."""
SMALL: dict[str, Any] = {
    "title": "small",
    "dataset": {"name": "digits", "train_limit": 240, "test_limit": 80},
    "attack": {
        "name": "badnet",
        "victim_class": 7,
        "target_class": 1,
        "n_poisons": 20,
        "size": 6,
        "value": 255,
    },
    "model": {"name": "resnet9", "width": 3},
    "training": {"epochs": 8, "batch_size": 32, "schedule": "one_cycle", "shift": 0.0625, "flip": False},
    "queries": {"count": 1},
    "transforms": {"n_transforms": 6},
    "detectors": [{"name": "delta_influence", "tolerance": 0}, {"name": "influence_threshold"}],
    "unlearners": [{"name": "catastrophic_forgetting", "epochs": 1}],
}
Content = dict[str, tuple[dict[str, str], str]]


@dataclass
class Tally:
    """What happened in some rounds."""

    kills: int = 0
    in_a_write: int = 0
    looked: int = 0
    problems: list[str] = field(default_factory=list)


def investigated() -> Experiment:
    """What is worked on: 240 handwritten digits, 20 of them poisoned, thirteen results in two seconds; or a preset."""
    return Experiment.from_toml(PRESET, UNSHIPPED) if PRESET else Experiment.checked(SMALL)


def work(root: Path, scratch: Path) -> Callable[[], None]:
    """The work of a background job on the investigation."""

    def run() -> None:
        tempfile.tempdir = str(scratch)
        options = {"store": str(root), "device": "cpu"}
        runs.run_job({"experiment": investigated().model_dump(mode="json"), "options": options})

    return run


def content(root: Path) -> Content:
    """Of every result: digests of its files and its plain values, but for what a clock measured."""
    found: Content = {}
    for artifact in runs.kept(plan_in(root)):
        folder = Store(root).folder(artifact)
        meta = integrity.record(folder)
        found[artifact.key] = meta["files"], repr(_timeless(meta["values"]))
    return found


def _timeless(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _timeless(item) for name, item in values.items() if not name.endswith("seconds")}
    return [_timeless(item) for item in values] if isinstance(values, list) else values


def plan_in(root: Path, *, computes: bool = True) -> Plan:
    """The plan of the investigation over a store."""
    return plan(runs.resolved(investigated()), Store(root, computes=computes))


def forked(task: Callable[[], None]) -> int:
    """Number of a new process that does this and ends with status 0, or 1 after an error."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        os.setsid()
        task()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def finished(pid: int) -> bool:
    """Wait for a process; whether it did its task."""
    return os.waitpid(pid, 0)[1] == 0


def killed_after(pid: int, seconds: float) -> bool:
    """End a process by force after a while; False when it was done before."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(min(left, 0.005))
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def killed_in_a_write(pid: int, root: Path, number: int, delay: float) -> bool:
    """End a process while its `number`th result is being written; False when it was done before."""
    seen: set[str] = set()
    while not os.waitpid(pid, os.WNOHANG)[0]:
        there = {entry.path for stage in _folders(root) for entry in _folders(stage) if ".part" in entry.name}
        if there - seen:
            seen |= there
            if len(seen) >= number:
                time.sleep(delay)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return True
    return False


def _folders(folder: Any) -> list[Any]:
    try:
        return [entry for entry in os.scandir(folder) if entry.is_dir()]
    except FileNotFoundError:
        return []


@contextmanager
def reading(root: Path, reference: Content, tally: Tally) -> Iterator[None]:
    """While inside, another process opens whatever looks finished, again and again, and compares it."""
    shared = mmap.mmap(-1, 4096)
    pid = forked(lambda: _read_for_ever(root, reference, shared))
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        looked, length = struct.unpack_from("qq", shared)
        tally.looked += looked
        if length:
            tally.problems.append("reader: " + shared[16 : 16 + length].decode(errors="replace"))


def _read_for_ever(root: Path, reference: Content, shared: mmap.mmap) -> None:
    os.nice(10)
    looked = 0
    while True:
        p = plan_in(root, computes=False)
        for artifact in runs.kept(p):
            if p.dataset.store.find(artifact) is None:
                continue
            try:
                _ = artifact.value
                if artifact.meta["files"] != reference[artifact.key][0]:
                    raise ValueError(f"{artifact.stage.name} differs")
            except Exception as error:
                told = f"{type(error).__name__}: {error}".encode()[:4000]
                shared[16 : 16 + len(told)] = told
                struct.pack_into("q", shared, 8, len(told))
            looked += 1
            struct.pack_into("q", shared, 0, looked)
        time.sleep(0.1)


def check_end(root: Path, reference: Content, tally: Tally) -> None:
    """Add to the problems whatever a finished run differs in, and what it left lying about."""
    if lacking := runs.missing(plan_in(root)):
        tally.problems.append(f"{len(lacking)} results are missing")
        return
    if different := [key for key, value in content(root).items() if value != reference[key]]:
        tally.problems.append(f"{len(different)} results differ: {different[:3]}")
    left = [path for path in root.glob("*/*") if ".part" in path.name or ".damaged" in path.name]
    tally.problems += [f"left over: {path.name}" for path in left]
    note = [path.stem for path in (root / "runs").iterdir()]
    if note != [runs.identifier(runs.resolved(investigated()))]:
        tally.problems.append(f"notes of runs: {note}")


def a_round(base: Path, reference: Content, tally: Tally, seconds: float, draw: random.Random) -> None:
    """Kill a run once, at a moment of its whole duration or within a write, and let another one finish it."""
    root, scratch = base / "store", base / "scratch"
    scratch.mkdir(parents=True)
    with reading(root, reference, tally):
        pid = forked(work(root, scratch))
        if draw.random() < 0.5:
            was = killed_after(pid, draw.uniform(0, seconds))
        else:
            was = killed_in_a_write(pid, root, draw.randint(1, len(reference)), draw.uniform(0, 0.01))
            tally.in_a_write += was
        tally.kills += was
        if not finished(forked(work(root, scratch))):
            tally.problems.append("the run that goes on ended with an error")
    check_end(root, reference, tally)
    shutil.rmtree(base)


def undisturbed(base: Path) -> tuple[Content, float]:
    """What a run makes that nobody disturbs, and how long it takes when everything is imported."""
    (base / "scratch").mkdir(parents=True)
    work(base / "warm", base / "scratch")()
    started = time.perf_counter()
    if not finished(forked(work(base / "calm", base / "scratch"))):
        raise RuntimeError("the undisturbed run failed; see above")
    return content(base / "calm"), time.perf_counter() - started


def command_round(base: Path, reference: Content, tally: Tally, seconds: float, draw: random.Random) -> None:
    """The same through `python -m core run`, imports and all."""
    file, root = base / "small.toml", base / "store"
    base.mkdir(parents=True)
    file.write_text(investigated().to_toml())
    line = [sys.executable, "-m", "core", "run", str(file), "--store", str(root), "--device", "cpu"]
    with (base / "log").open("wb") as log, reading(root, reference, tally):
        first = subprocess.Popen(line, stdout=log, stderr=log)
        time.sleep(draw.uniform(0, seconds))
        first.kill()
        tally.kills += first.wait() == -signal.SIGKILL
        if subprocess.run(line, stdout=log, stderr=log, check=False).returncode:
            tally.problems.append(f"core run, going on: {(base / 'log').read_text()[-300:]}")
    check_end(root, reference, tally)
    shutil.rmtree(base)
