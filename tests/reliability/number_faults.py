"""Faults in numbers, memory and data, really produced; how many end otherwise than in words that help.

    python tests/reliability/number_faults.py [--times 5] [--files 50000]

Not called `numbers`, for Python has a module of that name. Writes the record `numbers`.
"""

import argparse
import contextlib
import dataclasses
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import changing
import full_disks
import isolation
import job_disks
import killing
import numpy as np
import short_memory
import unsound
from record import keep, row
from unsound import brought, ends, everywhere, experiment, planned, somewhere, surer

from core import beforehand, device, runs
from core.datasets import source_state
from core.datasets.cifar10 import Cifar10
from core.datasets.folder import Folder
from core.datasets.parquet import Parquet
from core.experiment import Experiment
from core.pipeline import plan
from core.store import Store

Row = dict[str, Any]


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A store and a data folder of their own, with the small images in it."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ |= {"INFLUENCE_STORE": str(root / "store"), "INFLUENCE_DATA": str(root / "data")}
        unsound.folder(root / "data", "noise")
        try:
            yield root
        finally:
            os.environ.clear()
            os.environ.update(before)


def counted(what: str, told: str, trial: Callable[[Path, int], str], times: int) -> Row:
    """How often a trial ended wrongly; it returns what went wrong, or nothing."""
    wrong = []
    for number in range(times):
        with place() as root:
            wrong.append(trial(root, number))
    bad = [text for text in wrong if text]
    print(f"{what}: {len(bad)} of {times} wrong {bad[:1]}", file=sys.stderr, flush=True)
    return row(what, times, len(bad), told)


def exploding(root: Path, seed: int) -> str:
    recipe = {"learning_rate": 10, "momentum": 0.99, "weight_decay": 1, "epochs": 30, "seed": seed}
    p = planned(experiment(training=recipe), root / "s")
    return ends(lambda: runs.complete(p), "lower training.learning_rate", root=root / "s")


def tiny_damping(root: Path, seed: int) -> str:
    p = planned(experiment(scores={"damping": 1e-45}, training={"seed": seed, "epochs": 12}), root / "s")
    return ends(lambda: p.scores.value, "raise scores.damping", root=root / "s")


def same_images(root: Path, seed: int) -> str:
    same = unsound.folder(root / "data", "same", lambda label, n: np.full((32, 32, 3), 9 + seed, np.uint8))
    p = planned(experiment(dataset=same), root / "s")
    return ends(lambda: runs.complete(p), "same pixels", "check the files", root=root / "s")


def not_finite(root: Path, number: int) -> str:
    victim = planned(experiment(training={"epochs": 1}), root / "v").victim.value
    for value in (np.nan, np.inf, -np.inf):
        x = brought(victim, somewhere(value), root / "w.safetensors")
        if told := ends(lambda x=x: runs.resolved(x), "holds NaN, infinity", root=root / "v"):
            return told
    return ""


def far_too_large(root: Path, number: int) -> str:
    victim = planned(experiment(training={"epochs": 1, "seed": number}), root / "v").victim.value
    p = planned(brought(victim, everywhere(10.0 ** (25 + 2 * number)), root / "w.safetensors"), root / "s")
    return ends(lambda: p.scores.value, "weights of an earlier epoch", root=root / "s")


def no_gradient(root: Path, number: int) -> str:
    victim = planned(experiment(training={"epochs": 12}), root / "v").victim.value
    p = planned(brought(victim, surer(10.0 ** (7 + number)), root / "w.safetensors"), root / "s")
    return ends(lambda: p.scores.value, "every score of 1 picked images is 0", root=root / "s")


def no_gpu(root: Path, number: int) -> str:
    spec = {"experiment": experiment().model_dump(mode="json"), "options": {"device": "cuda"}}
    told = ends(lambda: runs.run_job(spec), "use --device auto or cpu", root=root / "store")
    return told or ("something was computed" if list((root / "store").glob("*/*/meta.json")) else "")


def short_of_memory(code: str, *expected: str) -> Callable[[Path, int], str]:
    def trial(root: Path, number: int) -> str:
        done = unsound.child(code)
        lacking = [words for words in expected if words not in done.stdout + done.stderr]
        other = done.returncode or not float(done.stdout.split()[-1]) < 1e-3
        return f"{lacking} {done.stderr[-300:]} {done.stdout[-200:]}" if lacking or other else ""

    return trial


def scanned(work: str, times: int) -> Row:
    """A row of one work at every limit of address space: how many tries ended otherwise than they may."""
    found = short_memory.tries([work], short_memory.LIMITS, times)
    same, words = (sum(each["ended"] == kind for each in found) for kind in ("same", "words"))
    bad = [
        f"{each['ended']} at {each['megabytes']} MB"
        for each in found
        if each["ended"] not in ("same", "words")
    ]
    ends = f"{same} with the same result, {words} named what to lower" + "".join(f"; {text}" for text in bad)
    limits = f"{short_memory.LIMITS[0]} to {short_memory.LIMITS[-1]} MB"
    print(f"{work}: {ends}", file=sys.stderr, flush=True)
    return row(f"Memory runs out while {work}: {limits} of address space left", len(found), len(bad), ends)


def job_without_memory(root: Path, number: int) -> str:
    """A whole job that may take only a little more memory from some moment on, and the same one tried again."""
    x = Experiment.checked(killing.SMALL)
    full_disks.work(x, root / "sound")()
    trial = full_disks.Trial(x, full_disks.files_of(x, root / "sound"), isolation.ending)
    press = job_disks.short_memory(root / "jobs of it", 1 << number % 5)
    fault = job_disks.Fault(press, state="", words=("emory", "ower "))
    wrong = job_disks.whole_job(trial, root / "jobs of it", fault, reached=1 + number % 4)
    rounded = {f"{key} differs" for key in rounded_otherwise(x, root / "sound", root / "jobs of it")}
    return "; ".join(problem for problem in wrong if problem not in rounded)


def rounded_otherwise(x: Experiment, one: Path, other: Path) -> set[str]:
    """Keys of results whose numbers differ by no more than single precision does where a batch was halved."""
    pairs = zip(*(runs.kept(plan(x, Store(root, computes=False))) for root in (one, other)), strict=True)
    return {a.key for a, b in pairs if b.done and alike(a.value, b.value)}


def alike(one: Any, other: Any) -> bool:
    """Whether two results are the same up to rounding."""
    if isinstance(one, np.ndarray):
        close = partial(np.allclose, rtol=1e-5, atol=1e-6) if one.dtype.kind == "f" else np.array_equal
        return one.shape == other.shape and bool(close(one, other))
    if dataclasses.is_dataclass(one):
        return alike(vars(one), vars(other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(value, other[name]) for name, value in one.items())
    return bool(one == other)


def changed_folder(root: Path, number: int) -> str:
    """Every change is told, the case keeps its old images, and restored files are forgiven."""
    data = root / "data"
    p = plan(runs.resolved(experiment()), runs.open_store())
    old = np.array(p.dataset.value.train.images)
    shutil.copytree(data / "noise", data / "kept")
    for name, change in changing.FOLDER.items():
        change(data / "noise")
        again = plan(p.experiment, runs.open_store())
        if not beforehand.changed_images(again) or not np.array_equal(again.dataset.value.train.images, old):
            return f"{name} was not noticed, or mixed"
        if runs.resolved(experiment()).dataset.source == p.experiment.dataset.source:
            return f"{name}: other images under the same name"
        shutil.rmtree(data / "noise")
        shutil.copytree(data / "kept", data / "noise")
        if beforehand.changed_images(again):
            return f"{name}: restored files are not forgiven"
    changing.touch(data / "noise")
    return "a touch counts as a change" if beforehand.changed_images(p) else ""


def changed_tables(root: Path, number: int) -> str:
    """A row of a table, and the files of CIFAR-10, replaced by others of the same size."""
    changing.table(root / "data/t.parquet")
    changing.batches(root / "data")
    known = Parquet(path="t.parquet").resolved(), Cifar10().resolved()
    changing.table(root / "data/t.parquet", flipped=number % 24)
    changing.batches(root / "data", shift=1 + number)
    kinds = [source_state(settings).kind for settings in known]
    return "" if kinds == ["changed", "changed"] else f"{kinds}"


def many_files(n: int) -> dict[str, float]:
    """Seconds to look whether a folder of so many images is still the same: the first time, and later."""
    with place() as root:
        unsound.folder(root / "data", "many", n=n // 10, classes="abcdefghij")
        started = time.perf_counter()
        settings = Folder(path="many").resolved()
        first, started = time.perf_counter() - started, time.perf_counter()
        assert source_state(settings).kind == "same"
        return {"files": n, "first_s": round(first, 2), "later_s": round(time.perf_counter() - started, 2)}


def main() -> None:
    """Try everything and keep the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--files", type=int, default=50_000)
    chosen = parser.parse_args()
    halved = "goes on with half as many, the same result"
    trials: list[tuple[str, str, Callable[[Path, int], str]]] = [
        ("Training that explodes", "stops, nothing kept, names learning_rate", exploding),
        ("Scores that overflow", "stops, nothing kept, names damping", tiny_damping),
        ("Images that are all the same", "refused", same_images),
        ("NaN or infinity in brought weights", "refused", not_finite),
        ("Brought weights of 1e25 and more", "stops before any score", far_too_large),
        ("No gradient left: every score 0", "stops, says why", no_gradient),
        ("A GPU is asked for and not there", "stops before any work, offers the CPU", no_gpu),
        ("Images of a case changed, then restored", "told, old results kept apart, forgiven", changed_folder),
        ("Files replaced by others of the same size", "told", changed_tables),
        (
            "Memory runs out while predicting and training",
            f"predicting {halved}; training stops",
            short_of_memory(unsound.TIGHT, "going on with 256", "Lower training.batch_size"),
        ),
        (
            "Memory runs out while fitting and scoring",
            halved,
            short_of_memory(unsound.SCORE, "going on with"),
        ),
    ]
    job = "fails and names what to lower, or ends well; tried again the same results up to rounding"
    trials.append(("Memory runs out in a whole job, 1 to 16 MB left", job, job_without_memory))
    with device.use("cpu"):
        rows = [counted(what, told, trial, chosen.times) for what, told, trial in trials]
        rows += [scanned(work, max(1, chosen.times // 2)) for work in ("predicting", "training", "scoring")]
    keep("numbers", "Numbers, memory and data", rows, look_for_changes=many_files(chosen.files))


if __name__ == "__main__":
    main()
