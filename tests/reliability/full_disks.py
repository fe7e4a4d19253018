"""Investigations whose disk is full, read-only, somewhere else or gone; what they say, and what is left of the store."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import runs
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.store import Store

Digests = dict[str, dict[str, str]]
ODD = ("two words", "Ünïcødé 影響", "#50% & 'more' \"?", "a" * 200, "-rf", "new\nline")


def work(x: Experiment, root: Path, scratch: Path | None = None) -> Callable[[], None]:
    """The work of a job on an experiment."""

    def run() -> None:
        tempfile.tempdir = str(scratch) if scratch else None
        options = {"store": str(root), "device": "cpu"}
        runs.run_job({"experiment": x.model_dump(mode="json"), "options": options})

    return run


def files_of(x: Experiment, root: Path) -> Digests:
    """Digests of the files of every finished result, read and checked. Raises ArtifactDamaged."""
    store, found = Store(root, computes=False), {}
    for artifact in runs.kept(plan(x, store)):
        if store.find(artifact):
            store.get(artifact)
            found[artifact.key] = artifact.meta["files"]
    return found


def amiss(x: Experiment, root: Path, sound: Digests, *, whole: bool) -> list[str]:
    """What is wrong with a store: results that differ, that are missing if it shall be whole, and what was left behind."""
    found = files_of(x, root)
    wrong = [f"{key} differs" for key, files in found.items() if sound[key] != files]
    left = [p.name for p in root.glob("*/*") if ".part" in p.name or ".damaged" in p.name]
    missing = [f"{len(sound) - len(found)} results are missing"] if whole and len(found) < len(sound) else []
    return [*wrong, *missing, *(f"left over: {name}" for name in left)]


def told(ended: str, *words: str) -> list[str]:
    """What is wrong with how a run ended that had to fail: it must say what to do, in these words."""
    if not ended:
        return ["ended well, which cannot be"]
    if not ended.startswith("CannotWrite: "):
        return [f"says only: {ended[:300]}"]
    return [f"does not say {word!r}: {ended[:300]}" for word in words if word not in ended]


@dataclass(frozen=True)
class Trial:
    """Runs of one experiment that something stands in the way of; `ending` runs a task in a process of its own."""

    x: Experiment
    sound: Digests
    ending: Callable[[Callable[[], Any]], str]

    def hindered(self, root: Path, hinder: Callable[[], None], *words: str) -> list[str]:
        """Problems of a run that is hindered and must say these words, and of one that then goes on freely."""
        ended = self.ending(lambda: (hinder(), work(self.x, root)()))
        return told(ended, *words) + amiss(self.x, root, self.sound, whole=False) + self.going_on(root)

    def amiss(self, root: Path, *, whole: bool) -> list[str]:
        """What is wrong with a store that is left behind."""
        return amiss(self.x, root, self.sound, whole=whole)

    def going_on(self, root: Path, scratch: Path | None = None) -> list[str]:
        """Problems of a run that nothing hinders, whatever was there before."""
        again = self.ending(work(self.x, root, scratch))
        return ([f"going on: {again[:300]}"] if again else []) + amiss(self.x, root, self.sound, whole=True)

    def deleted(self, root: Path, seconds: float) -> list[str]:
        """Problems of a run whose store is deleted after a while, and of one that goes on."""

        def run() -> None:
            threading.Timer(seconds, lambda: shutil.rmtree(root, ignore_errors=True)).start()
            work(self.x, root)()

        ended = self.ending(run)
        return (told(ended, "start again") if ended else []) + self.ended_again(root)

    def ended_again(self, root: Path) -> list[str]:
        """Problems of a run after some results went and others did not: all that anybody reads must be there again.

        What only served to make results that are still there is not made again.
        """
        if again := self.ending(work(self.x, root)):
            return [f"going on: {again[:300]}"]
        p = plan(self.x, Store(root, computes=False))
        lost = [f"{artifact.stage.name} is missing" for artifact in runs.missing(p)]
        return lost or [*self.amiss(root, whole=False), *self._unreadable(p)]

    def _unreadable(self, p: Plan) -> list[str]:
        unread = self.ending(lambda: runs.summary(p))
        return [f"no summary: {unread[:300]}"] if unread else []


def size_of(root: Path) -> int:
    """Kilobytes of a store."""
    return sum(os.path.getsize(f) for f in root.rglob("*") if f.is_file()) // 1024
