"""What several processes may do to one store at once, each as a task for a process of its own."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import casebook, casebook_seal, durable, housekeeping, jobs, progress, runs
from core.experiment import Experiment
from core.pipeline import plan
from core.store import ArtifactDamaged, Store

Task = Callable[[], Any]


class Counted:
    """Listens to a run and notes the stages that it really computes."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.stages.append(name)

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Nothing to note."""


def compute(x: Experiment, root: Path) -> list[str]:
    """Run an investigation as a job does; returns the stages that this process computed."""
    counted = Counted()
    with progress.reporting(counted):
        runs.run_job(
            {"experiment": x.model_dump(mode="json"), "options": {"store": str(root), "device": "cpu"}}
        )
    return counted.stages


def mend(x: Experiment, root: Path) -> None:
    """Check a finished investigation, and replace what is damaged."""
    runs.mend(plan(runs.resolved(x), Store(root)))


def removed(root: Path) -> None:
    """Take every run of a store off the list."""
    for run in runs.all_runs(Store(root)):
        runs.remove(run, Store(root))


def until_done(root: Path, act: Callable[[], bool]) -> int:
    """Do something again and again until the file `done` is there; returns how often it did what it wanted."""
    times = 0
    while not (root.parent / "done").exists():
        times += act()
        time.sleep(0.01)
    return times


def announced(root: Path, task: Task) -> Any:
    """What a task returns; those who act until it is done hear of its end."""
    try:
        return task()
    finally:
        (root.parent / "done").touch()


def removes_and_restores(x: Experiment, root: Path) -> Task:
    """Takes the run off the list and puts it back, as long as somebody computes it."""
    name, store = runs.identifier(runs.resolved(x)), Store(root)

    def act() -> bool:
        if found := runs.find(name, store):
            runs.remove(found, store)
        else:
            runs.restore(name, store)
        return found is not None

    return lambda: until_done(root, act)


def clears(root: Path) -> Task:
    """Deletes whatever housekeeping lets go, as long as somebody computes; returns how often it was let."""

    def act() -> bool:
        try:
            return any(
                [housekeeping.clear(Store(root), part) for part in ("removed", "leftovers", "gradients")]
            )
        except housekeeping.StoreInUse:
            return False

    return lambda: until_done(root, act)


def reads(x: Experiment, root: Path, sound: dict[str, dict[str, str]]) -> Task:
    """Opens whatever looks finished, as long as somebody computes; returns what was wrong with it."""
    wrong: list[str] = []

    def act() -> bool:
        store = Store(root, computes=False)
        for artifact in runs.kept(plan(x, store)):
            if store.find(artifact):
                try:
                    store.get(artifact)
                    wrong.extend([artifact.stage.name] * (artifact.meta["files"] != sound[artifact.key]))
                except (ArtifactDamaged, OSError) as error:
                    wrong.append(str(error))
        return True

    return lambda: (until_done(root, act), wrong)[1]


def submits(x: Experiment, root: Path) -> Task:
    """Starts the case as a page does; returns the number of the job."""
    spec = json.dumps({"experiment": x.model_dump(mode="json"), "options": {"store": str(root)}})
    return lambda: jobs.table(root).submit("run", spec, x.title, f"user {os.getpid()}").id


def notes(x: Experiment, root: Path) -> Task:
    """Notes that the run was started, over and over."""
    return lambda: [runs.record(x, Store(root)).id for _ in range(20)][-1]


def writes(file: Path, content: str) -> Task:
    """Writes a file again and again; returns how often it then held something that nobody had written."""

    def task() -> int:
        torn = 0
        for _ in range(40):
            durable.write(file, content)
            torn += len(set(file.read_text())) != 1
        return torn

    return task


def judges(root: Path, reviewer: str, count: int = 25) -> Task:
    """Writes verdicts, each a change of its own."""
    insert = "INSERT INTO verdicts (case_id, image, reviewer, verdict, at) VALUES ('a', ?, ?, 'keep', 0)"

    def task() -> int:
        for image in range(count):
            with casebook.writing(root) as book:
                book.execute(insert, [image, reviewer])
        return count

    return task


def verdicts(root: Path) -> int:
    """How many verdicts a sound casebook holds."""
    casebook_seal.forget(casebook.file_of(root))
    with casebook.reading(root) as book:
        return book.execute("SELECT count(*) FROM verdicts").fetchone()[0]
