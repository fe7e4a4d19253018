"""Whether what a bundle holds is what it says: runs of this program, and exactly the results that they consist of.

A digest proves that a file is whole, not that it is true: somebody may have computed other numbers. Open bundles of
people whom you would believe their figures.
"""

import dataclasses
import hashlib
import json
import re
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core import datasets, runs, safeload, serial, sets, soundness
from core.artifacts import Dataset, Detection, InfluenceScores
from core.bundles import bundle_fit
from core.bundles.bundle_layout import FORMAT, MANIFEST, STAGES, BundleRefused, is_array
from core.cases import Case
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.runs import Run
from core.store import Artifact, Store, check_integrity
from core.unlearned import outcome_jobs, outcomes

LONGEST_SALT, LONGEST_WORDS = 200, 300
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def needed(p: Plan, asked: Iterable[outcomes.Asked] = ()) -> list[Artifact[Any]]:
    """Results that the pages about an investigation read, and what outcomes of unlearning consist of."""
    core = [p.dataset, p.poisoning, p.victim, p.before, p.queries, p.changed, p.controls, p.scores]
    found: list[Artifact[Any]] = [*core, *p.detections.values()]
    for item in (*outcomes.of_plan(p), *asked):
        steps = outcomes.steps(p, item)
        found += [steps.found, steps.model, steps.report, steps.forgotten]
    return list({a.stored_as: a for a in found}.values())


def check(folder: Path, digests: dict[str, str], store: Store) -> list[Run]:
    """The runs of an unpacked bundle that may be moved into `store`. Raises BundleRefused for anything amiss."""
    _check_manifest(folder, digests)
    found = [_run(file) for file in sorted(folder.glob("runs/*.json"))]
    if not found:
        raise BundleRefused("the bundle holds no run; make it again")
    behind = Store(folder, shipped=(store.root, *store.shipped), computes=False)
    plans = [plan(run.experiment, behind) for run in found]
    expected = {f"{a.stage.name}/{a.stored_as}": a for p in plans for a in needed(p, outcome_jobs.noted(p))}
    results = sorted({name.rpartition("/")[0] for name in digests if name.split("/")[0] in STAGES})
    if stray := [name for name in results if name not in expected]:
        raise BundleRefused(
            f"{stray[0]}: belongs to none of the runs inside, or was made by another version of the method; "
            "update the older program and make the bundle again"
        )
    for name in results:
        _check_result(folder, expected[name], digests)
    for run, p in zip(found, plans, strict=True):
        _check_whole(run, p)
    _check_notes(folder, plans)
    return found


def read_json(file: Path) -> Any:
    """What a JSON file holds. Raises BundleRefused where it is none."""
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"{file.name}: is not JSON ({str(error)[:80]})") from error


def _check_manifest(folder: Path, digests: dict[str, str]) -> None:
    if MANIFEST not in digests:
        raise BundleRefused("no manifest.json inside: not a case bundle")
    told = read_json(folder / MANIFEST)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise BundleRefused(f"format {str(told)[:40]}: this program reads format {FORMAT}; update it")
    files = told.get("files")
    if not isinstance(files, dict) or files != {k: v for k, v in digests.items() if k != MANIFEST}:
        raise BundleRefused("the files are not those that the manifest names: altered since it was made")


def _run(file: Path) -> Run:
    note = read_json(file)
    if not isinstance(note, dict) or set(note) != {"created", "experiment"}:
        raise BundleRefused(f"runs/{file.name}: expected a date and an experiment")
    if not isinstance(note["created"], str) or not DATE.fullmatch(note["created"]):
        raise BundleRefused(f"runs/{file.name}: created={str(note['created'])[:40]!r} is no date")
    try:
        experiment = Experiment.checked(note["experiment"])
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleRefused(
            f"runs/{file.name}: not an experiment of this program ({str(error)[:200]})"
        ) from error
    if runs.identifier(experiment) != file.stem:
        raise BundleRefused(f"runs/{file.name}: is the note of run {runs.identifier(experiment)}")
    return Run(file.stem, experiment, note["created"], shipped=False)


def _check_result(folder: Path, artifact: Artifact[Any], digests: dict[str, str]) -> None:
    """One result: its record names it, its files are those of its record, and they read as what they should be."""
    name = f"{artifact.stage.name}/{artifact.stored_as}"
    place = folder / name
    if not (place / "meta.json").is_file():
        raise BundleRefused(f"{name}: has no record")
    meta = read_json(place / "meta.json")
    inside = {n.rpartition("/")[2] for n in digests if n.startswith(f"{name}/")} - {"meta.json"}
    try:
        told = meta["stage"], meta["key"], _recomputed(meta), set(meta["files"])
        if told != (artifact.stage.name, artifact.stored_as, artifact.stored_as, inside):
            raise BundleRefused(f"{name}: its record is that of another result")
        check_integrity(place, meta)
        _check_record(meta, name)
        value = serial.read(artifact.stage.returns, place, meta["values"])
        _check_types(value, name)
        _check_dataset(value, name)
        soundness.check(value, name)
    except BundleRefused:
        raise
    except Exception as error:  # a reader fed with hostile bytes raises whatever it meets
        raise BundleRefused(f"{name}: cannot be read ({type(error).__name__}: {str(error)[:120]})") from error


def _recomputed(meta: dict[str, Any]) -> str:
    """The key that follows from what a record says about how its result was made."""
    parts = [meta["stage"], meta["version"], meta["arguments"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _check_record(meta: dict[str, Any], name: str) -> None:
    """What pages and reports tell of how a result was made."""
    when, seconds, hardware, versions = (meta.get(n) for n in ("created", "seconds", "hardware", "versions"))
    _require(isinstance(when, str) and bool(DATE.fullmatch(when)), name, "date")
    _require(type(seconds) in (int, float) and 0 <= seconds < 1e12, name, "duration")  # type: ignore[operator]
    _require(isinstance(hardware, str) and len(hardware) <= LONGEST_WORDS, name, "hardware")
    told = [*versions, *versions.values()] if isinstance(versions, dict) else [None]
    _require(all(isinstance(t, str) and len(t) <= LONGEST_WORDS for t in told), name, "versions")


def _check_types(value: Any, name: str) -> None:
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        hint, item = hints[field.name], getattr(value, field.name)
        if dataclasses.is_dataclass(item):
            _check_types(item, name)
        elif is_array(hint):
            _require(isinstance(item, hint), name, field.name)
        elif typing.get_origin(hint) is dict:
            _require(
                isinstance(item, dict) and all(isinstance(a, np.ndarray) for a in item.values()),
                name,
                field.name,
            )
        elif typing.get_origin(hint) is tuple:
            of = PLAIN.get(typing.get_args(hint)[0], (dict,))
            _require(isinstance(item, tuple) and all(isinstance(i, of) for i in item), name, field.name)
        else:
            _require(
                isinstance(item, PLAIN.get(hint, (int, float, str, tuple, type(None)))), name, field.name
            )


PLAIN: dict[Any, tuple[type, ...]] = {float: (float, int), int: (int,), str: (str,)}


def _require(fits: bool, name: str, part: str) -> None:
    if not fits:
        raise BundleRefused(f"{name}: its {part} is not what it should be")


def _check_dataset(value: Any, name: str) -> None:
    if isinstance(value, Dataset):
        datasets.check(value)
        strange = [n for n in value.class_names if safeload.clean_name(n) != n]
        _require(not strange, name, "class names")


def _check_whole(run: Run, p: Plan) -> None:
    """Raise BundleRefused unless the pages can show the run, and its numbers fit each other."""
    if lacking := [a for a in (*Case(run, p, ()).unfinished, p.controls) if not a.store.find(a)]:
        raise BundleRefused(
            f"run {run.id}: lacks {lacking[0].stage.name} {lacking[0].stored_as}; it is not whole"
        )
    n, k = len(p.dataset.value.train), len(p.dataset.value.class_names)
    scores: InfluenceScores = p.scores.value
    found: list[Detection] = [a.value for a in p.detections.values() if a.store.find(a)]
    fits = scores.values.ndim == 2 and scores.values.shape[1] == n
    fits = fits and len(scores.labels) == len(scores.parent) == len(scores.transforms) == len(scores.values)
    fits = fits and all(len(d.flagged) == n == len(d.suspicion) for d in found)
    for queries in (p.queries.value, p.changed.value):
        fits = (
            fits and bool(np.isin(queries.labels, np.arange(k)).all()) and len(queries.images) == len(queries)
        )
    _require(bool(fits), f"run {run.id}", "results of one size")
    bundle_fit.check(run, p)


def _check_notes(folder: Path, plans: list[Plan]) -> None:
    """Raise BundleRefused for notes of unlearning and for sets that are none."""
    known = {p.scores.stored_as: {f"{a.id}-{a.seed}.json" for a in outcome_jobs.noted(p)} for p in plans}
    for file in folder.glob("unlearned/*/*.json"):
        if file.name not in known.get(file.parent.name, ()):
            raise BundleRefused(f"unlearned/{file.parent.name}/{file.name}: not a note of these runs")
    for file in folder.glob("sets/*.json"):
        told = read_json(file)
        rows, salt = (told.get("rows"), told.get("salt")) if isinstance(told, dict) else (None, None)
        whole = isinstance(rows, list) and all(type(r) is int and 0 <= r < 2**31 for r in rows)
        if not whole or not isinstance(salt, str) or len(salt) > LONGEST_SALT:
            raise BundleRefused(f"sets/{file.name}: expected rows of the training set")
        if sets.digest_of(rows, salt) != file.stem:  # type: ignore[arg-type]
            raise BundleRefused(f"sets/{file.name}: its name is not that of its rows")
