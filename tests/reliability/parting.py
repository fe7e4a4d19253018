"""Kills processes inside a stage and lets others go on, until the result is there: is it the undisturbed one?

A nursery has everything imported and forks a child for each try, so that a try costs little; it runs one thread.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DIGITS: dict[str, Any] = {
    "title": "partings",
    "dataset": {"name": "digits", "train_limit": 300, "test_limit": 120},
    "attack": {"name": "badnet", "victim_class": 7, "target_class": 1, "n_poisons": 25, "size": 6},
    "model": {"name": "resnet9", "width": 4},
    "training": {"epochs": 12, "batch_size": 32, "shift": 0.0625, "flip": False},
    "queries": {"count": 2},
    "transforms": {"n_transforms": 8},
    "frequency": {"epochs": 4, "width": 4, "learning_rate": 1.0, "batch_size": 16},
    "detectors": [{"name": "delta_influence", "tolerance": 1}, {"name": "frequency_detector"}],
    "unlearners": [
        {"name": "exact"},
        {"name": "scrub", "epochs": 3, "alphas": [0.1, 1.0], "batch_size": 32},
        {"name": "bad_teacher", "epochs": 3, "batch_size": 32},
        {"name": "ssd", "batch_size": 16},
    ],
}
BREW = DIGITS | {
    "training": DIGITS["training"] | {"epochs": 3},
    "attack": {
        "name": "witches_brew",
        "victim_class": 7,
        "target_class": 1,
        "n_poisons": 20,
        "iterations": 15,
        "tries": 2,
    },
}
STAGES = {
    "choose_poisons": BREW,
    "train": DIGITS,
    "train_frequency_classifier": DIGITS,
    "fit_factors": DIGITS,
    "score_pairs": DIGITS,
    "unlearn exact": DIGITS,
    "unlearn scrub": DIGITS,
    "unlearn bad_teacher": DIGITS,
    "unlearn ssd": DIGITS,
}
"""What is killed, and in which experiment."""


@dataclass
class Outcome:
    """What became of one stage."""

    kills: int = 0
    continued: int = 0
    """Tries that went on from where another had been killed."""
    same: bool = False
    told: list[str] = field(default_factory=list)


class Nursery:
    """Starts children, each a process of its own that computes one stage of an experiment."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )

    def start(self, **task: Any) -> int:
        """Begin a task; the number of the process that does it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task, default=str) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """How the child ended: 0, or minus the signal."""
        return self._answer()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def close(self) -> None:
        """End the nursery."""
        self.process.communicate()


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery that ends with the block."""
    opened = Nursery()
    try:
        yield opened
    finally:
        opened.close()


def artifact(stage: str, store: Path) -> Any:
    """The result of a stage of `STAGES`, not computed."""
    from core.experiment import Experiment
    from core.pipeline import plan
    from core.store import Store

    p = plan(Experiment.checked(STAGES[stage]), Store(store))
    name, _, unlearner = stage.partition(" ")
    named = {
        "choose_poisons": p.poisoning,
        "train": p.victim,
        "train_frequency_classifier": p.evidence["frequency"],
        "fit_factors": p.factors,
        "score_pairs": p.scores,
    }
    return p.cleaned[f"delta_influence/{unlearner}"] if unlearner else named[name]


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a result but the record of how it was made."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "meta.json")
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def without(nurse: Nursery, stage: str, whole: Path, torn: Path) -> Any:
    """The undisturbed result in store `whole`, and a copy of the store without it in `torn`."""
    nurse.start(stage=stage, store=whole, log=whole.with_name("undisturbed"), every=1e9)
    assert nurse.wait() == 0, whole.with_name("undisturbed").read_text()
    wanted = artifact(stage, whole)
    shutil.copytree(whole, torn, ignore=shutil.ignore_patterns("locks", wanted.key))
    return wanted


def same(wanted: Any, torn: Path) -> bool:
    """Whether the other store holds the same numbers, and nothing of the way to them."""
    place = wanted.store.folder(wanted)
    found = torn / place.relative_to(wanted.store.root)
    return content(place) == content(found) and not (torn / "partial" / wanted.key).exists()


def parted(
    nurse: Nursery,
    stage: str,
    stores: tuple[Path, Path],
    kills: int,
    draw: random.Random,
    every: float = 0.02,
) -> Outcome:
    """Compute a stage undisturbed in the first store, then in the second with so many kills inside it."""
    whole, torn = stores
    wanted, log, outcome = without(nurse, stage, whole, torn), torn.with_name(f"{torn.name}.log"), Outcome()
    for _ in range(10 * kills):
        child = nurse.start(stage=stage, store=torn, log=log, every=every)
        after = draw.uniform(0, wanted.meta["seconds"] / 2)
        strike(child, torn / "partial" / wanted.key, after, kill=outcome.kills < kills)
        if nurse.wait() == 0:
            if outcome.kills == kills:
                break
            shutil.rmtree(artifact(stage, torn).store.folder(wanted))  # quicker than the kill: once more
        else:
            outcome.kills += 1
    outcome.told = log.read_text().splitlines()
    outcome.continued = sum("continued at" in line for line in outcome.told)
    outcome.same = same(wanted, torn)
    return outcome


def members(coordinator: int) -> list[int]:
    """Numbers of the processes that do partitions for another one."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == coordinator and "partition_worker" in (place / "cmdline").read_text():
                found.append(int(place.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def until(condition: Any, seconds: float = 400) -> Any:
    """What the condition answers as soon as it is not false; its last answer when time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


def strike(child: int, partial: Path, seconds: float, *, kill: bool) -> None:
    """Kill a child so many seconds after it has begun to keep something, or leave it alone."""
    if not kill:
        return
    known, deadline = set(partial.glob("*.safetensors")), time.monotonic() + 60
    while time.monotonic() < deadline and runs(child) and set(partial.glob("*.safetensors")) <= known:
        time.sleep(0.005)
    time.sleep(seconds)
    if runs(child):
        os.kill(child, signal.SIGKILL)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def compute(task: dict[str, Any]) -> None:
    """What a child does."""
    import logging

    from core import device, partial, processes
    from core.influence import partitions

    logging.basicConfig(filename=task["log"], level=logging.INFO, format="%(message)s", force=True)
    partial.SECONDS, partial.SHARE = task["every"], 1e9
    partitions.WHOLE, partitions.SIZE = task.get("whole", 64), 32
    with device.use("cpu"), processes.use(task.get("processes", 1)):
        _ = artifact(task["stage"], Path(task["store"])).value


def serve(tasks: Sequence[str] | Any) -> None:
    """Fork a child for each task and say its number, then how it ended."""
    import core.influence.factors
    import core.influence.scores
    import core.training
    import core.unlearning  # noqa: F401
    from core import registry

    for family in ("attacks", "datasets", "detectors", "models", "transforms", "unlearners"):
        registry.members(family)
    for line in tasks:
        if not (child := os.fork()):
            try:
                compute(json.loads(line))
            except BaseException as error:
                with open(json.loads(line)["log"], "a") as log:
                    log.write(f"{type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(iter(sys.stdin.readline, ""))
