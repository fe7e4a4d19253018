"""The record of a benchmark: medians and ranges by phase and engine, gates, targets, and what the flags are worth."""

import json
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from core import device
from core.bench_influence import gates
from core.bench_influence.case import Case
from core.bench_influence.gates import Gate
from core.bench_influence.jobs import ENGINES, Job
from core.keeping import PACKAGES
from core.metrics import grade_detection

PHASES = ("covariance", "eigenvectors", "eigenvalues")
Result = dict[str, Any]


class Results:
    """What the jobs of one folder measured."""

    def __init__(self, folder: Path, every: list[Job]) -> None:
        self.folder, self.jobs = folder, every

    def of(self, engine: str, group: str) -> list[Result]:
        """Results by seed, in order."""
        mine = [job for job in self.jobs if (job.engine, job.group) == (engine, group)]
        return [json.loads((self.folder / job.id / "result.json").read_text()) for job in mine]

    def scores(self, engine: str, group: str) -> dict[int, np.ndarray]:
        """Scores [q n] by seed."""
        mine = [job for job in self.jobs if (job.engine, job.group) == (engine, group)]
        return {job.seed: np.load(self.folder / job.id / "scores.npy") for job in mine}


def made(found: Results, case: Case, truth: np.ndarray) -> dict[str, Any]:
    """Everything that is published of a benchmark. `broken` names the gates that failed."""
    yard = [r["pass_seconds"] for r in found.of("plain", "yardstick")]
    seconds = {"yardstick": {"plain": spread(yard)}} | factor_seconds(found) | image_seconds(found)
    checked = checks(found)
    record = {
        **about(found, case, truth),
        "seconds": seconds,
        "memory": memory(found),
        "passes": passes(found, len(truth)),
        "gates": [gate.plain() for gate in checked],
        "broken": [gate.name for gate in checked if not gate.passed],
        "detection": detection(found, case, truth),
    }
    return record | {"targets": [target.plain() for target in targets(record)]}


def about(found: Results, case: Case, truth: np.ndarray) -> dict[str, Any]:
    """What was measured, when and on what."""
    published, yard = found.of("published", "scores"), found.of("plain", "yardstick")
    kept = found.of("ours", "session")[0]
    x = case.plan.experiment
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "hardware": device.describe(),
        "device": device.current().type,
        "threads": yard[0]["threads"],
        "versions": {"python": platform.python_version()} | {p: metadata.version(p) for p in PACKAGES},
        "experiment": x.model_dump(mode="json"),
        "images": len(truth),
        "poisons": int(truth.sum()),
        "queries": 1 + x.transforms.n_transforms,
        "kept_gradients": {name: kept[name] for name in ("stored_labels", "labels", "disk")},
        "yardstick_batch": [r["batch"] for r in yard],
        "extrapolated": [f"{r['queries']} of {r['of_queries']} queries" for r in published],
        "warm_up_seconds": round(statistics.median(r["warm_up_seconds"] for r in yard), 3),
    }


def spread(values: list[float]) -> dict[str, Any]:
    """n, median, least and most."""
    told = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {"n": len(values)} | {name: round(value, 6) for name, value in told.items()}


def factor_seconds(found: Results) -> dict[str, Any]:
    """Seconds of fitting by phase and engine."""
    fits = {engine: found.of(engine, "factors") for engine in ENGINES}
    rows = {
        phase: {engine: spread([r["seconds"][phase] for r in done]) for engine, done in fits.items() if done}
        for phase in PHASES
    }
    return rows | {
        "factors": {
            engine: spread([r["seconds"]["all"] for r in done]) for engine, done in fits.items() if done
        }
    }


def image_seconds(found: Results) -> dict[str, Any]:
    """Seconds of everything that a picked image costs, and of all of the first one from nothing."""
    scored = {engine: _scored(found, engine) for engine in ENGINES}
    scored = {engine: values for engine, values in scored.items() if values}
    first = {engine: spread(values) for engine, values in scored.items()}
    fits = {engine: [r["seconds"]["all"] for r in found.of(engine, "factors")] for engine in scored}
    whole = {e: spread([f + s for f, s in zip(fits[e], scored[e], strict=True)]) for e in scored}
    asked = found.of("ours", "session")

    def ours(name: str) -> dict[str, Any]:
        return {"ours": spread([r[name] for r in asked])}

    again = {engine: told for engine, told in first.items() if not engine.startswith("ours")}
    return {
        "first image": first,
        "in all": whole,
        "first image, gradients kept": ours("store_and_first"),
        "second image, its label": again | ours("target_label"),
        "second image, all labels": again | ours("all_labels"),
        "other damping": again | ours("damping"),
        "other threshold": ours("threshold"),
        "other tolerance": ours("tolerance"),
    }


def _scored(found: Results, engine: str) -> list[float]:
    """Seconds for all queries; the published way's are extrapolated where not all were measured."""
    return [r.get("all_queries_seconds", r["seconds"]["all"]) for r in found.of(engine, "scores")]


def memory(found: Results) -> dict[str, Any]:
    """Peak bytes of fresh processes, in all and above what libraries, images and victim hold before.

    A session's includes pages of the gradient file, which the system takes back when it needs them.
    """
    groups = {"factors": tuple(ENGINES), "scores": tuple(ENGINES), "session": ("ours",)}
    told: dict[str, Any] = {}
    for group, engines in groups.items():
        done = {engine: found.of(engine, group) for engine in engines}
        told[group] = {e: spread([r["peak_memory"] for r in rs]) for e, rs in done.items() if rs}
        above = {e: [r["peak_memory"] - r["memory_at_start"] for r in rs] for e, rs in done.items() if rs}
        told[f"{group}, above the start"] = {e: spread(values) for e, values in above.items()}
    return told


def passes(found: Results, n: int) -> dict[str, Any]:
    """Passes over the training set, counted from the images that went through the network."""
    told: dict[str, Any] = {"factors": {}, "first image": {}}
    for engine in ENGINES:
        if fits := found.of(engine, "factors"):
            told["factors"][engine] = round(fits[0]["images"] / n, 3)
            r = found.of(engine, "scores")[0]
            share = r.get("of_queries", r["queries"]) / r["queries"]
            told["first image"][engine] = round((r["images"] - r["queries"]) / n * share, 3)
    asked = found.of("ours", "session")[0]
    again = {e: p for e, p in told["first image"].items() if not e.startswith("ours")}
    return told | {
        "second image": again | {"ours": round((asked["images_for_second"] - asked["queries"]) / n, 3)}
    }


def checks(found: Results) -> list[Gate]:
    """All gates."""
    on_gpu = bool(found.of("best", "same_factors"))
    reference = found.scores("best", "same_factors" if on_gpu else "scores")
    ours, kept = found.scores("ours", "same_factors"), found.scores("ours", "session")
    by_seed = [gates.same_factors(reference[seed], ours[seed], kept[seed]) for seed in reference]
    worst = [
        max(same, key=lambda g: g.value if g.at_most else -g.value) for same in zip(*by_seed, strict=True)
    ]
    labels = gates.same_labels(found.of("ours", "eigenvalues")[0]["errors"])
    kronfluence = found.scores("best", "scores")
    own = gates.own_factors(kronfluence, found.scores("ours", "scores"), "ours")
    return [*worst, *labels, *([own] if own else [])]


def detection(found: Results, case: Case, truth: np.ndarray) -> list[dict[str, Any]]:
    """What the flags of every engine and seed are worth, with the base rates."""
    labels, target = case.dataset.train.labels, case.plan.poisoning.value.target_classes
    rows = []
    for engine, group in (
        ("best", "scores"),
        ("ours", "scores"),
        ("ours", "same_factors"),
        ("ours", "session"),
    ):
        for seed, scores in found.scores(engine, group).items():
            graded = grade_detection(gates.verdict(scores), truth, labels, target)
            rows.append({"engine": engine, "scores": group, "seed": seed} | graded)
    return rows


def targets(record: dict[str, Any]) -> list[Gate]:
    """What was set out to be reached. Missing one is told and does not fail the benchmark."""
    seconds, yard = record["seconds"], record["seconds"]["yardstick"]["plain"]["median"]
    whole = {engine: told["median"] for engine, told in seconds["in all"].items()}
    peaks = [max(record["memory"][g][e]["median"] for g in ("factors", "scores")) for e in ("ours", "best")]
    found = [
        Gate("kronfluence's best / ours", whole["best"] / whole["ours"], 4, False),
        Gate("ours / plain passes", whole["ours"] / yard, 2.5, True),
        Gate(
            "second image, its label: seconds", seconds["second image, its label"]["ours"]["median"], 1, True
        ),
        Gate(
            "second image, all labels: seconds",
            seconds["second image, all labels"]["ours"]["median"],
            5,
            True,
        ),
        Gate("peak memory, ours / kronfluence's best", peaks[0] / peaks[1], 0.5, True),
    ]
    if "published" in whole:
        found.insert(0, Gate("published kronfluence / ours", whole["published"] / whole["ours"], 50, False))
    if "best_bf16" in whole:
        found.insert(2, Gate("… both in bf16", whole["best_bf16"] / whole["ours_bf16"], 4, False))
    return found
