"""Results by key: computed once, written whole or not at all, checked when read.

`step(stage, ...)` gives a lazy `Artifact` whose key is a digest of the stage's name and version, its settings
and the keys of its inputs. Asking for its value loads it, or computes it and everything it needs.
"""

import fcntl
import hashlib
import json
import logging
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from core import device, progress, serial

T = TypeVar("T")
log = logging.getLogger(__name__)
PACKAGES = ("torch", "torchvision", "kronfluence", "numpy", "scikit-learn")


class ArtifactDamaged(Exception):
    """A stored result does not match the digest it was written with."""


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


@dataclass(frozen=True)
class Artifact(Generic[T]):
    """A result that exists or can be made to exist."""

    stage: Stage[T]
    arguments: tuple[Any, ...]
    store: "Store" = field(repr=False)

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that name this result."""
        parts = [self.stage.name, self.stage.version, [_identity(a) for a in self.arguments]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

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

    @cached_property
    def value(self) -> T:
        """The result: loaded where it exists, else computed and stored."""
        return self.store.get(self)

    @property
    def meta(self) -> dict[str, Any]:
        """Provenance of a stored result: recipe, versions, device, seconds."""
        folder = self.store.find(self)
        if folder is None:
            raise FileNotFoundError(f"{self.stage.name} {self.key} has not been computed yet")
        return json.loads((folder / "meta.json").read_text())


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
        self._verified: set[Path] = set()
        self._open: dict[str, Artifact[Any]] = {}

    def step(self, stage: Stage[T], *arguments: Any) -> Artifact[T]:
        """The lazy result of applying `stage`; the same arguments give the same object."""
        artifact = Artifact(stage, arguments, self)
        return self._open.setdefault(artifact.key, artifact)

    def folder(self, artifact: Artifact[Any]) -> Path:
        """Where a result of this store is written."""
        return self.root / artifact.stage.name / artifact.stored_as

    def find(self, artifact: Artifact[Any]) -> Path | None:
        """The folder that holds the finished result, or None."""
        for root in (self.root, *self.shipped):
            folder = root / artifact.stage.name / artifact.stored_as
            if (folder / "meta.json").exists():
                return folder
        return None

    def get(self, artifact: Artifact[T]) -> T:
        """Load a result, or compute it (one process at a time) and keep it."""
        if not artifact.stage.keep:
            return artifact.stage(*_values(artifact))
        if (folder := self.find(artifact)) is None:
            if not self.computes:
                raise FileNotFoundError(f"{artifact.stage.name} {artifact.key} has not been computed yet")
            with self._only_one(artifact):
                folder = self.find(artifact) or self._compute(artifact)
        try:
            return self._load(artifact, folder)
        except ArtifactDamaged as damage:
            if not self.computes or not folder.is_relative_to(self.root):
                raise
            log.warning("%s; computing it again", damage)
            _set_aside(folder)
            return self.get(artifact)

    def _load(self, artifact: Artifact[T], folder: Path) -> T:
        try:
            meta = json.loads((folder / "meta.json").read_text())
        except ValueError as error:
            raise ArtifactDamaged(f"{folder / 'meta.json'}: is not JSON ({error})") from error
        if folder not in self._verified:
            check_integrity(folder, meta)
            self._verified.add(folder)
        return serial.read(artifact.stage.returns, folder, meta["values"])

    def _compute(self, artifact: Artifact[T]) -> Path:
        arguments = _values(artifact)
        progress.stage(artifact.stage.name)
        started = time.perf_counter()
        value = artifact.stage(*arguments)
        seconds = time.perf_counter() - started
        final = self.folder(artifact)
        part = final.with_name(f"{artifact.key}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        values = serial.write(value, part)
        _write_meta(part, artifact, values, seconds)
        if final.exists():  # without its record, for example after an incomplete copy of a store
            _set_aside(final)
        part.rename(final)
        return final

    @contextmanager
    def _only_one(self, artifact: Artifact[Any]) -> Iterator[None]:
        """Hold the key's lock file, so that a second process waits and then finds the result."""
        path = self.root / "locks" / artifact.key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _set_aside(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name}.damaged-{time.time_ns()}"))


def _values(artifact: Artifact[Any]) -> list[Any]:
    return [a.value if isinstance(a, Artifact) else a for a in artifact.arguments]


def _write_meta(folder: Path, artifact: Artifact[Any], values: dict[str, Any], seconds: float) -> None:
    meta = {
        "stage": artifact.stage.name,
        "version": artifact.stage.version,
        "key": artifact.key,
        "arguments": [_identity(a) for a in artifact.arguments],
        "values": values,
        "seconds": round(seconds, 4),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "hardware": device.describe(),
        "versions": {"python": platform.python_version()} | {p: metadata.version(p) for p in PACKAGES},
        "files": {str(p.relative_to(folder)): _digest(p) for p in _files(folder)},
    }
    target = folder / "meta.json"
    target.write_text(json.dumps(meta | {"seal": _seal(meta)}, indent=1))
    with target.open("rb") as handle:
        os.fsync(handle.fileno())


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "meta.json")


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _seal(meta: dict[str, Any]) -> str:
    rest = {name: value for name, value in meta.items() if name != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def check_integrity(folder: Path, meta: dict[str, Any]) -> None:
    """Raise ArtifactDamaged when a file of the result, or its record, is missing or altered."""
    if not isinstance(meta, dict) or meta.get("seal") != _seal(meta):
        raise ArtifactDamaged(f"{folder / 'meta.json'}: was altered since the result was computed")
    for name, digest in meta["files"].items():
        path = folder / name
        if not path.exists() or _digest(path) != digest:
            state = "is missing" if not path.exists() else "was altered"
            raise ArtifactDamaged(f"{path}: {state} since {meta['stage']} {meta['key']} was computed")


def walk(artifact: Artifact[Any], visit: Callable[[Artifact[Any]], None]) -> None:
    """Visit an artifact after everything it is made from."""
    for item in artifact.inputs:
        walk(item, visit)
    visit(artifact)
