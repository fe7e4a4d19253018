"""What a stage has done so far, kept beside its future result: whoever is killed goes on from there.

The store opens a folder for the stage that it computes (`kept`). A loop of the stage asks for a `work` of that folder,
takes up the state that it finds and offers its own now and then. Without a store nothing is found and nothing kept;
signatures and keys of stages know nothing of this. What is found is used only if it is whole and of the same key,
library and device: then the result is, number for number, that of a run that nobody disturbed.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from core import durable, memory, soundness

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)  # "continued at epoch 7 of 20" is worth a line on the command line too

FORMAT = 1
"""Raise it when a loop keeps something else under the same name."""
SECONDS = 30.0
"""Between two states of one loop, at least."""
SHARE = 0.01
"""Of the time may go into writing them."""
RESERVE = 2**28
"""Disk space that is left alone."""
FOLDER = "partial"


class Damaged(ValueError):
    """A partial result that must not be used: altered, or of something else."""


@dataclass
class State:
    """Where a loop is: arrays, numbers that fit into JSON, and words for people (`epoch 7 of 20`)."""

    arrays: dict[str, np.ndarray]
    plain: dict[str, Any] = field(default_factory=dict)
    words: str = ""


@dataclass
class Place:
    """The folder of one stage that is being computed."""

    folder: Path
    key: str
    works: int = 0
    """How many loops have begun: their order names them."""
    earlier: float = 0.0
    """Seconds that went into what was found."""
    cleared: bool = False
    """Whether what an earlier process needed for itself has been deleted."""
    started: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds of work on this stage, all processes together."""
        return self.earlier + time.monotonic() - self.started


_place: ContextVar[Place | None] = ContextVar("partial_place", default=None)


@contextmanager
def kept(root: Path, key: str) -> Iterator[Place]:
    """Loops inside the block keep what they have done under `root`; all of it goes when the block ends well."""
    place = Place(root / FOLDER / key, key)
    token = _place.set(place)
    try:
        yield place
    finally:
        _place.reset(token)
    shutil.rmtree(place.folder, ignore_errors=True)


def clock() -> float:
    """Seconds of work since some moment: those of whoever was killed are part of it once their state is taken up."""
    from core import device

    place = _place.get()
    return device.clock() + (place.earlier if place is not None else 0.0)


def scratch() -> Path | None:
    """A folder for what need not survive, so that it goes with the rest even after a kill; None without a store.

    What whoever was killed left there is deleted when it is first asked for.
    """
    if (place := _place.get()) is None:
        return None
    folder = place.folder / "scratch"
    if not place.cleared:
        shutil.rmtree(folder, ignore_errors=True)
        place.cleared = True
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def work(name: str, **belongs: Any) -> "Work":
    """The next loop of the stage. A state that was kept with other `belongs` is not its own."""
    place = _place.get()
    if place is not None:
        place.works += 1
        name = f"{place.works:03d}-{name}"
    return Work(place, name, belongs)


class Work:
    """One loop of a stage: what it had done when it was stopped, and what it has done now."""

    def __init__(self, place: Place | None, name: str, belongs: dict[str, Any]) -> None:
        self.place, self.name, self.belongs = place, name, belongs
        self._written, self._cost, self._number, self._told = time.monotonic(), -1.0, 0, False

    def latest(self) -> State | None:
        """The newest state that may be used, or None. What may not be is named in the log."""
        if self.place is None:
            return None
        for file in self._files():
            self._number = max(self._number, int(file.name.split(".")[1]))
            try:
                state = self._read(self.place, file)
            except (Damaged, OSError) as error:
                log.warning("%s: %s; it is not used", file, error)
            else:
                log.info("continued at %s", state.words)
                return state
        return None

    def offer(self, make: Callable[[], State], *, last: bool = False) -> bool:
        """Keep the state if it is time to, sooner for the `last` one of a loop; says whether it was kept."""
        return self._due(last) and self.keep(make)

    def keep(self, make: Callable[[], State]) -> bool:
        """Keep the state now. Where there is no room the log says so, and the work goes on."""
        if self.place is None:
            return False
        began = time.monotonic()
        try:
            kept = self._write(self.place, make())
        except (durable.CannotWrite, MemoryError) as error:
            kept = self._skipped(str(error))
        self._written = time.monotonic()
        self._cost = max(self._cost, self._written - began)
        return kept

    def _due(self, last: bool) -> bool:
        gone = time.monotonic() - self._written
        return self.place is not None and gone >= max(SECONDS / 10 if last else SECONDS, self._cost / SHARE)

    def _files(self) -> list[Path]:
        """This loop's files, the newest first."""
        assert self.place is not None
        found = self.place.folder.glob(f"{self.name}.*.safetensors")
        return sorted((file for file in found if file.name.split(".")[1].isdigit()), reverse=True)

    def _identity(self, place: Place) -> dict[str, Any]:
        from core import device

        kind = device.current().type
        versions = {"format": FORMAT, "torch": metadata.version("torch"), "device": kind}
        return {"key": place.key, "work": self.name, **versions, **self.belongs}

    def _read(self, place: Place, file: Path) -> State:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()[:32]
        if found != file.name.split(".")[2]:
            raise Damaged("was altered since it was kept")
        with safe_open(file, "numpy") as opened:
            told = json.loads(opened.metadata()["state"])
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        mine = json.loads(json.dumps(self._identity(place)))
        for name in {*mine, *told["of"]}:
            if told["of"].get(name) != mine.get(name):
                raise Damaged(f"is of {name}={told['of'].get(name)!r}, this is {mine.get(name)!r}")
        place.earlier = max(place.earlier, told["spent"])
        return State(arrays, told["plain"], told["words"])

    def _write(self, place: Place, state: State) -> bool:
        size = sum(array.nbytes for array in state.arrays.values())
        if memory.free() < 3 * size:
            return self._skipped(f"{size / 1e6:,.0f} MB of state, too little memory is free")
        if not all(soundness.finite(array) for array in state.arrays.values()):
            return self._skipped("it holds NaN or infinity")
        told = {"of": self._identity(place), "plain": state.plain, "words": state.words, "spent": place.spent}
        durable.check_room(place.folder, size + RESERVE)
        part = durable.beside(place.folder / self.name)
        try:
            with durable.explained(part, size):
                place.folder.mkdir(parents=True, exist_ok=True)
                older = [*self._files(), *place.folder.glob(f"{self.name}.*.part")]
                arrays = {name: np.ascontiguousarray(array) for name, array in state.arrays.items()}
                save_file(arrays, part, {"state": json.dumps(told)})
                self._commit(part)
                for file in older:
                    file.unlink(missing_ok=True)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return True

    def _commit(self, part: Path) -> None:
        """Put a whole file in its place: its name says which of the states it is, and what it contains."""
        durable.sync(part)
        with part.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()[:32]
        self._number += 1
        part.rename(part.with_name(f"{self.name}.{self._number:06d}.{digest}.safetensors"))
        durable.sync(part.parent)

    def _skipped(self, why: str) -> bool:
        if not self._told:
            log.warning("what is done so far is not kept, the work goes on: %s", why)
        self._told = True
        return False
