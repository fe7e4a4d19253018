"""How much disk the results take, and what of it can go without anybody missing it."""

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import keeping, locks, run_notes
from core.blind import challenges
from core.durable import CannotWrite
from core.pipeline import Plan, plan
from core.runs import all_runs, kept, unreadable_runs
from core.store import Artifact, Store
from core.unlearned import outcome_jobs
from core.unlearned.outcomes import Asked, steps

DAY = 86_400.0
FREE = "Undoing the removal needs them."
WITHHELD = "All is kept while an investigation cannot be read: nobody knows what it needs."


class StoreInUse(RuntimeError):
    """Something is being computed, and may need what was to be deleted."""


@dataclass(frozen=True)
class Share:
    """A part of the store: what it is, its size, and whether it may be deleted."""

    name: str
    title: str
    meaning: str
    bytes: int
    count: int
    folders: tuple[Path, ...] = ()
    """What `clear` deletes; empty for what has to stay."""


def shares(store: Store) -> list[Share]:
    """The store in parts, what may go first. Reads sizes and run notes, no result."""
    gradients, leftovers, removed = _gradients(store), _leftovers(store), _of_removed_runs(store)
    parts = [
        _share(
            "gradients", "Kept gradients", "Make the next image quick; computed again when needed.", gradients
        ),
        _share("removed", "Results of removed cases", WITHHELD if _obscure(store) else FREE, removed),
        _share("leftovers", "Leftovers", "Unfinished or damaged results, a day and older.", leftovers),
    ]
    deletable = sum(part.bytes for part in parts)
    size, count = _size([store.root])
    rest = Share("rest", "Results in use", "Everything that the listed cases need.", size - deletable, count)
    return [*parts, rest]


def clear(store: Store, name: str) -> int:
    """Delete one deletable part; returns the bytes that were freed.

    Raises ValueError for any other name, StoreInUse while results are computed: nothing is deleted then.
    """
    with locks.if_free(locks.in_use_file(store.root)) as mine:
        if not mine:
            raise StoreInUse(
                f"{store.root}: results are being computed and may need what you delete; wait until the jobs have ended"
            )
        part = next((p for p in shares(store) if p.name == name and name != "rest"), None)
        if part is None:
            raise ValueError(f"part={name!r}: expected one of 'gradients', 'removed', 'leftovers'")
        for folder in part.folders:
            _delete(folder)
        return part.bytes


def _delete(path: Path) -> None:
    """Out of sight first: whoever is ended in the middle leaves nothing that looks like a result."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    doomed = path if "." in path.name else keeping.set_aside(path)
    shutil.rmtree(doomed)


def _share(name: str, title: str, meaning: str, folders: list[Path]) -> Share:
    size, count = _size(folders)
    return Share(name, title, meaning, size, count, tuple(folders))


def _size(folders: Iterable[Path]) -> tuple[int, int]:
    files = [f for top in folders for f in (top.rglob("*") if top.is_dir() else [top]) if f.is_file()]
    return sum(_bytes(file) for file in files), len(files)


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another process has just finished or deleted it
        return 0


def _gradients(store: Store) -> list[Path]:
    return sorted((store.root / "gradients").glob("*"))


def _leftovers(store: Store) -> list[Path]:
    """What writers left that were ended, and what was set aside; of the latter only what is a day old."""
    found = [*(f for kind in ("*/*.damaged-*", "partial/*") for f in store.root.glob(kind))]
    old = [path for path in found if _is_old(path)]
    parts = [path for path in store.root.glob("*/*.part") if _is_stale(path, store)]
    return sorted({*old, *parts})


def _is_old(path: Path) -> bool:
    """A day or older; a time in the future comes from a clock that was wrong."""
    age = time.time() - _changed(path)
    return not 0 <= age < DAY


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process has just finished or deleted it
        return time.time()


def _is_stale(part: Path, store: Store) -> bool:
    """Whether nobody writes it any more: a result's writer holds the lock of its key, other files take seconds."""
    lock = locks.lock_file(store.root, part.name.partition(".")[0])
    if not part.is_dir() or not lock.exists():
        return _is_old(part)
    try:
        with locks.if_free(lock) as free:
            return free
    except CannotWrite:  # nor could it be deleted
        return False


def _obscure(store: Store) -> bool:
    """Whether some investigation needs results and cannot say which."""
    return bool(unreadable_runs(store) or challenges.unreadable(store.root))


def _made(p: Plan, asked: Asked) -> list[Artifact[Any]]:
    """What was made because somebody asked for it on the pages of a case."""
    made = steps(p, asked)
    return [made.found, made.model, made.report, made.forgotten]


def _of_removed_runs(store: Store) -> list[Path]:
    """Run notes that were taken off the list, and results that only these runs need."""
    notes = sorted((store.root / "runs").glob("*.removed"))
    if not notes or _obscure(store):
        return []
    listed = [run.experiment for run in all_runs(store)] + [
        c.experiment for c in challenges.every(store.root)
    ]
    plans = [plan(experiment, store) for experiment in listed]
    needed = {artifact.key for p in plans for artifact in kept(p)}
    needed |= {artifact.key for p in plans for asked in outcome_jobs.noted(p) for artifact in _made(p, asked)}
    orphans: dict[Path, None] = {}
    for note in notes:
        try:
            experiment = run_notes.read(note)[1]
        except (OSError, ValueError):  # altered: who knows what it needed
            continue
        for artifact in kept(plan(experiment, store)):
            if artifact.key not in needed and (folder := store.folder(artifact)).exists():
                orphans[folder] = None
    return [*orphans, *notes]
