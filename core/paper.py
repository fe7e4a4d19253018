"""The papers' tables and figures, measured by ourselves: every cell by name, the runner, and what came out.

A cell is one row of one study for one setting, for example `detectors/cifar10-badnet/delta_influence`. Results
are small files, assets/results/paper/SCALE/STUDY/SETTING.json; the README and the Studies page read only those.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, cast

from core import device, durable, paths, progress, registry, runs
from core.bench import seeded
from core.experiment import Experiment
from core.store import Store
from core.studies.base import Measure, Study
from core.studies.laboratory.lab import Lab

logger = logging.getLogger(__name__)
FOLDER = paths.SHIPPED / "paper"
PRESETS = paths.EXPERIMENTS / "paper"
Scale = Literal["cpu", "full"]
WORKS = 0.9
"""Poison success from which an attack counts as having worked, so that detectors may be judged on it."""
CANNOT_REACH = ("interclass_confusion",)
"""Attacks that swap labels of part of two classes and thus cannot fool the victim nine times in ten."""


@dataclass(frozen=True)
class Cell:
    """One row of one study for one setting."""

    study: Study
    setting: str
    row: str
    measure: Measure

    @property
    def id(self) -> str:
        """`study/setting/row`."""
        return f"{self.study.name}/{self.setting}/{self.row}"


def studies() -> list[Study]:
    """Every study, in the order in which they are shown and measured."""
    kinds = cast(Iterable[type[Study]], registry.members("studies").values())
    return sorted((kind() for kind in kinds), key=lambda study: study.order)


def settings(scale: Scale) -> list[str]:
    """Names of the settings of a scale, for example `cifar10-badnet`."""
    return sorted(path.stem for path in (PRESETS / scale).glob("*.toml"))


def attack_of(setting: str) -> str:
    """The attack's part of a setting's name."""
    return setting.partition("-")[2]


def cells(scale: Scale, pattern: str = "*") -> list[Cell]:
    """All cells whose name matches a shell pattern, one setting after the other. Raises ValueError for none."""
    found = [
        Cell(study, setting, row, measure)
        for setting in settings(scale)
        for study in studies()
        if attack_of(setting) in study.attacks
        for row, measure in study.rows().items()
    ]
    chosen = [cell for cell in found if fnmatchcase(cell.id, pattern)]
    if not chosen:
        raise ValueError(
            f"--cells {pattern}: matches none of the {len(found)} cells; names look like "
            f"{found[0].id}, --list shows all"
        )
    return chosen


def experiment(scale: Scale, setting: str, seed: int) -> Experiment:
    """The experiment of a setting with every seed replaced and its data pinned."""
    return seeded(runs.resolved(Experiment.from_toml(PRESETS / scale / f"{setting}.toml")), seed)


def measure(
    scale: Scale, pattern: str, seeds: list[int], store: Path, folder: Path = FOLDER
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Measure what is missing or stale, one setting and seed after the other; each record is written as it comes."""
    chosen, before = cells(scale, pattern), 0
    for setting in dict.fromkeys(cell.setting for cell in chosen):
        rows = [cell for cell in chosen if cell.setting == setting]
        for seed in seeds:
            x, told = experiment(scale, setting, seed), (before, len(chosen) * len(seeds))
            yield from measure_chain(scale, rows, x, Store(store), folder, told)
            before += len(rows)


def measure_chain(
    scale: Scale,
    rows: list[Cell],
    x: Experiment,
    store: Store,
    folder: Path,
    of: tuple[int, int] | None = None,
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The same for the cells of one setting and seed, which share a victim: one after the other.

    `of`: how many cells came before these, of how many in all.
    """
    run, seed, lab = runs.identifier(x), x.dataset.sample_seed, Lab(x, store)
    todo = [cell for cell in rows if known(scale, cell, seed, run, layers(folder)) is None]
    before, total = of or (0, len(todo))
    kept = len(rows) - len(todo) if of else 0
    for number, cell in enumerate(todo, before + kept):
        progress.update("stages", number, total)
        record = {"row": cell.row, "seed": seed, "run": run, **_one(cell, lab)}
        write(place(scale, cell.study.name, cell.setting, folder), record)
        yield cell, record


def run_job(spec: dict[str, Any]) -> None:
    """Work of a background job: {"scale", "cells", "seeds", "options": {"device", "store"}}; see own_folder."""
    options = spec.get("options", {})
    store = Path(options.get("store") or paths.store_root())
    with device.use(options.get("device", "auto")):
        for cell, record in measure(spec["scale"], spec["cells"], spec["seeds"], store, store / "paper"):
            logger.info("%s seed %s: %s", cell.id, record["seed"], record.get("failed", "measured"))


def own_folder() -> Path:
    """Where a user's own measurements lie, apart from the shipped ones."""
    return paths.store_root() / "paper"


def layers(folder: Path) -> tuple[Path, ...]:
    """Folders whose records count: a user's own stand before the shipped ones, any other folder stands alone."""
    return (folder, FOLDER) if folder == own_folder() else (folder,)


def known(scale: Scale, cell: Cell, seed: int, run: str, folders: tuple[Path, ...]) -> dict[str, Any] | None:
    """The record of a cell in these folders, unless it is missing, stale or failed: those are measured again."""
    told = [r for r in merged(scale, cell.study.name, cell.setting, folders) if "figures" in r]
    return next((r for r in told if (r["row"], r["seed"], r["run"]) == (cell.row, seed, run)), None)


def _one(cell: Cell, lab: Lab) -> dict[str, Any]:
    """Figures of one cell, or in words why there are none."""
    started = time.perf_counter()
    told: dict[str, Any]
    try:
        check_victim(cell, lab)
        told = {"figures": {k: _rounded(v) for k, v in cell.measure(lab).items()}}
    except (ValueError, RuntimeError) as error:
        told = {"failed": str(error)}
    return told | {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "hardware": device.describe(),
        "threads": device.threads(),
        "wall_seconds": round(time.perf_counter() - started, 1),
    }


def check_victim(cell: Cell, lab: Lab) -> None:
    """Raise ValueError where the attack did not work, so that no detector is judged on it."""
    if not cell.study.gated or attack_of(cell.setting) in CANNOT_REACH:
        return
    if (success := lab.plan.before.value.poison_success_rate or 0.0) < WORKS:
        raise ValueError(
            f"not judged: poison success {success:.2f} is below {WORKS}, the attack did not work"
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def place(scale: Scale, study: str, setting: str, folder: Path = FOLDER) -> Path:
    """The result file of a study and setting."""
    return folder / scale / study / f"{setting}.json"


def read(scale: Scale, study: str, setting: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The records of a result file; none where there is no file. Raises ValueError for a damaged one."""
    path = place(scale, study, setting, folder)
    try:
        return json.loads(path.read_text()) if path.exists() else []
    except ValueError as error:
        raise ValueError(f"{path}: no result file ({error}); delete it and measure again") from error


def merged(scale: Scale, study: str, setting: str, folders: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Records of several folders; of two of the same row and seed the first counts."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for folder in folders:
        for record in read(scale, study, setting, folder):
            found.setdefault((record["row"], record["seed"]), record)
    return list(found.values())


def write(path: Path, record: dict[str, Any]) -> None:
    """Put a record into a file in place of the one of the same row and seed; two processes may write at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent):
        known = json.loads(path.read_text()) if path.exists() else []
        kept = [r for r in known if (r["row"], r["seed"]) != (record["row"], record["seed"])]
        durable.write(path, json.dumps([*kept, record], indent=1) + "\n")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; closing the handle gives it back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
