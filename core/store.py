"""Results by key: computed once, written whole or not at all, checked when read.

`step(stage, ...)` gives a lazy `Artifact` whose key is a digest of the stage's name and version, its settings
and the keys of its inputs. Asking for its value loads it, or computes it and everything it needs.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

from core import durable, integrity, keeping, locks, partial, progress, serial, soundness
from core.integrity import ArtifactDamaged, check_integrity

__all__ = ["Artifact", "ArtifactDamaged", "Stage", "Store", "check_integrity", "walk"]

T = TypeVar("T")
log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""How long a value that was checked is handed out before its files are looked at again."""
KEPT_OPEN = 32
"""Results read last that stay in memory, with what they are made from, when nobody holds them."""


@dataclass(frozen=True)
class Stage(Generic[T]):
    """One verb of the method. `source` is "module:function", imported only when there is work to do.

    Raise `version` whenever the meaning of the result changes. `keep=False` marks a stage that is cheaper to
    repeat than to store.
    """

    source: str
    returns: type[T]
    version: int = 1
    keep: bool = True

    @property
    def name(self) -> str:
        """The function's name: `train`."""
        return self.source.partition(":")[2]

    def __call__(self, *arguments: Any) -> T:
        """Do the work."""
        module, _, function = self.source.partition(":")
        return getattr(import_module(module), function)(*arguments)


@dataclass
class _Held(Generic[T]):
    """A value in memory, and whether what it was read from or made from is still that."""

    value: T
    unchanged: Callable[[], bool]
    looked: float

    def fresh(self) -> bool:
        """Whether it may be handed out again; looks at most once a second."""
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return True
        self.looked = now
        return self.unchanged()


@dataclass(frozen=True)
class Artifact(Generic[T]):
    """A result that exists or can be made to exist."""

    stage: Stage[T]
    arguments: tuple[Any, ...]
    store: "Store" = field(repr=False)

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that name this result."""
        return integrity.key_of(self.stage.name, self.stage.version, [_identity(a) for a in self.arguments])

    @property
    def stored_as(self) -> str:
        """The name that the store knows it by."""
        return self.key

    @property
    def inputs(self) -> list["Artifact[Any]"]:
        """The artifacts this one is made from."""
        return [a for a in self.arguments if isinstance(a, Artifact)]

    @property
    def done(self) -> bool:
        """True when the result is stored, or costs nothing to repeat."""
        return not self.stage.keep or self.store.find(self) is not None

    @property
    def value(self) -> T:
        """The result: loaded where it exists, else computed and stored; loaded again when its files have changed."""
        held: _Held[T] | None = vars(self).get("held")
        if held is None or not held.fresh():
            held = vars(self)["held"] = self.store.hold(self)
        return held.value

    @property
    def meta(self) -> dict[str, Any]:
        """Provenance of a stored result: recipe, versions, device, seconds. Raises ArtifactDamaged."""
        folder = self.store.find(self)
        if folder is None:
            raise FileNotFoundError(f"{self.stage.name} {self.key} has not been computed yet")
        return integrity.record(folder)


def _identity(argument: Any) -> Any:
    if isinstance(argument, Artifact):
        return argument.stored_as
    return argument.model_dump(mode="json") if isinstance(argument, BaseModel) else argument


class Store:
    """A folder of results, in front of read-only folders that were shipped with results.

    With `computes=False` it only reads: a kept result that is missing or damaged is an error, never work.
    """

    def __init__(self, root: Path, shipped: tuple[Path, ...] = (), *, computes: bool = True) -> None:
        self.root, self.shipped, self.computes = Path(root), shipped, computes
        with durable.explained(self.root):
            self.root.exists()  # a path that is too long says so now
        self._verified: dict[Path, integrity.Stamp] = {}
        self._opening = Lock()
        self._open: WeakValueDictionary[str, Artifact[Any]] = WeakValueDictionary()
        self._last: deque[Artifact[Any]] = deque(maxlen=KEPT_OPEN)

    def step(self, stage: Stage[T], *arguments: Any) -> Artifact[T]:
        """The lazy result of applying `stage`; the same arguments give the same object, as long as anybody holds it."""
        artifact = Artifact(stage, arguments, self)
        key = artifact.key
        with self._opening:
            return self._open.setdefault(key, artifact)

    def folder(self, artifact: Artifact[Any]) -> Path:
        """Where a result of this store is written."""
        return self.root / artifact.stage.name / artifact.stored_as

    def find(self, artifact: Artifact[Any]) -> Path | None:
        """The folder that holds the finished result, or None."""
        for root in (self.root, *self.shipped):
            folder = root / artifact.stage.name / artifact.stored_as
            if (folder / integrity.RECORD).exists():
                return folder
        return None

    def get(self, artifact: Artifact[T]) -> T:
        """Load a result, or compute it (one process at a time) and keep it."""
        return self.hold(artifact).value

    def hold(self, artifact: Artifact[T]) -> _Held[T]:
        """The same, with what tells whether its files have changed since."""
        self._last.append(artifact)
        if not artifact.stage.keep:
            return _made_of_inputs(artifact)
        if (folder := self.find(artifact)) is None and not self.computes:
            raise FileNotFoundError(f"{artifact.stage.name} {artifact.key} has not been computed yet")
        if folder is not None:
            try:
                return self._load(artifact, folder)
            except (ArtifactDamaged, FileNotFoundError):  # the latter: another process sets it aside
                if not self.computes:
                    raise
        with self._only_one(artifact):
            return self._sound(artifact) or self._load(artifact, self._compute(artifact))

    def in_use(self) -> AbstractContextManager[None]:
        """While inside, nothing of this store is deleted by housekeeping."""
        return locks.holding(locks.in_use_file(self.root), _waiting, shared=True)

    def _only_one(self, artifact: Artifact[Any]) -> AbstractContextManager[None]:
        """Hold the key's lock file, so that a second process waits and then finds the result."""
        return locks.holding(locks.lock_file(self.root, artifact.stored_as), _waiting)

    def _sound(self, artifact: Artifact[T]) -> _Held[T] | None:
        """The result if there is a sound one, as when another process was quicker; damaged own ones are set aside.

        A damaged one among those that were shipped stays, and a new one in the own folder goes before it.
        """
        for root in (self.root, *self.shipped):
            folder = root / artifact.stage.name / artifact.stored_as
            if not (folder / integrity.RECORD).exists():
                continue
            try:
                return self._load(artifact, folder)
            except ArtifactDamaged as damage:
                log.warning("%s; computing it again", damage)
                if root == self.root:
                    keeping.set_aside(folder)
        return None

    def _load(self, artifact: Artifact[T], folder: Path) -> _Held[T]:
        """Check what there is and read it. Raises ArtifactDamaged."""
        stamp, meta, stage = integrity.stamp(folder), integrity.record(folder), artifact.stage
        integrity.check_identity(
            folder, meta, stage=stage.name, version=stage.version, key=artifact.stored_as
        )
        if self._verified.get(folder) != stamp:
            integrity.check_integrity(folder, meta)
            self._verified[folder] = stamp
        value = serial.read_checked(stage.returns, folder, meta["values"])
        return _Held(value, lambda: integrity.stamp(folder) == stamp, time.monotonic())

    def _compute(self, artifact: Artifact[T]) -> Path:
        arguments, stage = _values(artifact), artifact.stage
        progress.stage(stage.name)
        with self.in_use(), partial.kept(self.root, artifact.stored_as) as place:
            with durable.explained_within(self.root):
                value = soundness.made(stage.name, lambda: stage(*arguments))
            recipe = {"stage": stage.name, "version": stage.version, "key": artifact.key}
            asked = [_identity(a) for a in artifact.arguments]
            about = recipe | {"arguments": asked, "seconds": round(place.spent, 4)}
            keeping.put(value, self.folder(artifact), about)
        return self.folder(artifact)


def _waiting() -> None:
    """Say that another process has what we want; stops here when asked to."""
    progress.update("waiting for another process", 0)


def _made_of_inputs(artifact: Artifact[T]) -> _Held[T]:
    inputs = [(a, a.value) for a in artifact.inputs]
    value = artifact.stage(*_values(artifact))
    return _Held(value, lambda: all(a.value is was for a, was in inputs), time.monotonic())


def _values(artifact: Artifact[Any]) -> list[Any]:
    return [a.value if isinstance(a, Artifact) else a for a in artifact.arguments]


def walk(artifact: Artifact[Any], visit: Callable[[Artifact[Any]], None]) -> None:
    """Visit an artifact after everything it is made from."""
    for item in artifact.inputs:
        walk(item, visit)
    visit(artifact)
