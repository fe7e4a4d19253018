"""How much disk the results take, and what of it can go without anybody missing it."""

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.experiment import Experiment
from core.pipeline import plan
from core.runs import all_runs, kept
from core.store import Store

DAY = 86_400.0


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
        _share("removed", "Results of removed cases", "Undoing the removal needs them.", removed),
        _share("leftovers", "Leftovers", "Unfinished or damaged results, a day and older.", leftovers),
    ]
    deletable = sum(part.bytes for part in parts)
    size, count = _size([store.root])
    rest = Share("rest", "Results in use", "Everything that the listed cases need.", size - deletable, count)
    return [*parts, rest]


def clear(store: Store, name: str) -> int:
    """Delete one deletable part; returns the bytes that were freed. Raises ValueError for any other name."""
    part = next((p for p in shares(store) if p.name == name and name != "rest"), None)
    if part is None:
        raise ValueError(f"part={name!r}: expected one of 'gradients', 'removed', 'leftovers'")
    for folder in part.folders:
        (shutil.rmtree if folder.is_dir() else Path.unlink)(folder)
    return part.bytes


def _share(name: str, title: str, meaning: str, folders: list[Path]) -> Share:
    size, count = _size(folders)
    return Share(name, title, meaning, size, count, tuple(folders))


def _size(folders: Iterable[Path]) -> tuple[int, int]:
    files = [f for top in folders for f in (top.rglob("*") if top.is_dir() else [top]) if f.is_file()]
    return sum(file.stat().st_size for file in files), len(files)


def _gradients(store: Store) -> list[Path]:
    return sorted((store.root / "gradients").glob("*"))


def _leftovers(store: Store) -> list[Path]:
    old = time.time() - DAY
    found = [*store.root.glob("*/*.part"), *store.root.glob("*/*.damaged-*")]
    return sorted(path for path in found if path.stat().st_mtime < old)


def _of_removed_runs(store: Store) -> list[Path]:
    """Run notes that were taken off the list, and results that only these runs need."""
    notes = sorted((store.root / "runs").glob("*.removed"))
    if not notes:
        return []
    needed = {artifact.key for run in all_runs(store) for artifact in kept(plan(run.experiment, store))}
    orphans: dict[Path, None] = {}
    for note in notes:
        for artifact in kept(plan(_experiment(note), store)):
            if artifact.key not in needed and (folder := store.folder(artifact)).exists():
                orphans[folder] = None
    return [*orphans, *notes]


def _experiment(note: Path) -> Experiment:
    return Experiment.checked(json.loads(note.read_text())["experiment"])
