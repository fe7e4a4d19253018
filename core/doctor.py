"""Examines this machine: what works, what would fail, and how to mend it."""

import importlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from core import beforehand, device, disks, paths, registry, runs
from core.pipeline import plan

NEEDED_GB = 2.0
PINNED = ("torch", "torchvision", "kronfluence", "streamlit", "plotly", "numpy", "pandas", "pillow")


@dataclass(frozen=True)
class Check:
    """One finding. `error`: the dashboard or a run would fail; `warning`: something is missing or slow."""

    name: str
    level: Literal["ok", "warning", "error"]
    finding: str
    remedy: str = ""


def examine() -> list[Check]:
    """All findings, in the order in which one would look."""
    checks = [
        *_versions(),
        _imports(),
        _device(),
        _writable("store", paths.store_root()),
        _local(paths.store_root()),
        _disk(),
        _data_root(),
    ]
    return [*checks, *_datasets(), *_changed_images()]


def _versions() -> list[Check]:
    found = []
    for name in PINNED:
        try:
            found.append(Check(name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append(Check(name, "error", "not installed", "pip install -r requirements.txt"))
    return found


def _imports() -> Check:
    def load() -> str:
        for module in ("core.vision", "kronfluence", "sklearn"):
            importlib.import_module(module)
        return "torchvision, kronfluence and scikit-learn import"

    return _attempt("imports", load, "reinstall: pip install --force-reinstall -r requirements.txt")


def _device() -> Check:
    def find() -> str:
        place = device.current()
        lost = any(Path("/dev").glob("nvidia[0-9]*")) and place.type == "cpu"
        return f"{place.type}: {device.describe()}{'. ' + device.why_no_cuda() if lost else ''}"

    return _attempt("device", find, "use --device cpu")


def _writable(name: str, folder: Path) -> Check:
    def write() -> str:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_text("probe")
        probe.unlink()
        return str(folder)

    return _attempt(name, write, "set INFLUENCE_STORE to a folder that you may write to")


def _local(folder: Path) -> Check:
    told = disks.shared(folder)
    if told:
        return Check(
            "locks", "warning", f"{told}: the job table and the casebook may be damaged", disks.REMEDY
        )
    return Check("locks", "ok", f"the store lies on {disks.kind_of(folder)[0] or 'a disk'} of this machine")


def _disk() -> Check:
    folder = paths.store_root()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    level = "ok" if free > NEEDED_GB else "warning"
    return Check(
        "disk", level, f"{free:.1f} GB free", "" if level == "ok" else "free some space or move the store"
    )


def _data_root() -> Check:
    root = paths.data_root()
    if root.is_dir():
        return Check("data root", "ok", str(root))
    return Check(
        "data root", "warning", f"{root} does not exist", "set INFLUENCE_DATA to your folder of images"
    )


def _datasets() -> list[Check]:
    found = []
    for name, method in registry.members("datasets").items():
        if "path" in method.model_fields:  # the user's own images: nothing to expect in advance
            continue
        lack = method().missing()  # type: ignore[attr-defined]
        found.append(Check(f"dataset {name}", "warning" if lack else "ok", lack or "ready"))
    return found


def _changed_images() -> list[Check]:
    """One finding for every case whose images are no longer those that it was made from."""
    store = runs.open_store(computes=False)
    found = {run.id: beforehand.changed_images(plan(run.experiment, store)) for run in runs.all_runs(store)}
    return [Check(f"images of case {name}", "warning", told) for name, told in found.items() if told]


def _attempt(name: str, action: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, "ok", action())
    except (OSError, ImportError, RuntimeError) as error:
        return Check(name, "error", str(error), remedy)
