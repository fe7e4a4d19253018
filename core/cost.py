"""What a run will cost before it starts: seconds, memory and disk of every step that is still to be done.

Operations are counted from the network's layers; how many this machine does in a second is measured by a short
probe of every pass. Expect the seconds to be right within a factor of two.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from typing import Any

import numpy as np

from core import runs
from core.artifacts import Dataset
from core.engine.desk import GRADIENT_BYTES
from core.experiment import Experiment
from core.influence import forecast as influence
from core.influence import probe
from core.influence.forecast import Layer, layers
from core.influence.probe import Rates
from core.pipeline import Plan
from core.room import Asked, Room, disk_refused, room

__all__ = ["Layer", "Step", "forecast", "layers", "operations"]

BASE_MEMORY = 7e8
"""Bytes that the libraries and the activations of a batch take while training, beside the images."""


@dataclass(frozen=True)
class Step:
    """One step of a plan; unknown costs are None."""

    stage: str
    key: str
    done: bool
    seconds: float | None = None
    memory_mb: float | None = None
    disk_mb: float | None = None
    fits: bool = True
    remark: str = ""
    """Where it does not fit, or could be cheaper: the setting that helps."""


def asked(x: Experiment, dataset: Dataset) -> Asked:
    """What an experiment asks about influence."""
    n = len(dataset.train)
    return Asked(
        layers=layers(x.model, dataset.train.images.shape[1:], len(dataset.class_names)),
        class_sizes=np.bincount(dataset.train.labels, minlength=len(dataset.class_names)).tolist(),
        image_bytes=dataset.train.images.nbytes,
        picks=x.queries.count,
        per_pick=1 + x.transforms.n_transforms,
        controls=x.controls.count,
        fitted=0 if x.factors.strategy == "identity" else min(n, x.factors.max_examples),
    )


def operations(x: Experiment, dataset: Dataset, parts: list[Layer]) -> dict[str, float]:
    """Operations of the stages that train or predict, for the whole training set."""
    n, step = len(dataset.train), influence.operations(parts)["train"]
    forward, queries = step / 3, x.queries.count * (1 + x.transforms.n_transforms)
    return {
        "choose_poisons": step * x.attack.image_steps(n, x.recipe.epochs),
        "train": step * n * x.recipe.epochs,
        "brought_victim": 2 * forward * n,
        "unlearn": step * n,
        "evaluate": forward * len(dataset.test),
        "transform_queries": forward * queries,
        "affected_queries": forward * len(dataset.test) / len(dataset.class_names),
    }


def influence_seconds(a: Asked, rates: Rates, r: Room, strategy: str = "ekfac") -> dict[str, float]:
    """Seconds of fitting and of scoring."""
    each = influence.operations(a.layers)
    fit = 0.0
    if strategy != "identity":
        fit += (
            each["covariance"] * a.fitted / rates.covariance + influence.eigen_cubes(a.layers) * rates.eigen
        )
    if strategy == "ekfac":
        fit += each["eigenvalues"] * a.fitted / rates.eigenvalues
    products = influence.operations(a.layers, a.queries)["scores"] - each["scores"]
    passes = a.score_passes(r) * each["scores"] + products
    score = (passes * a.images + influence.query_operations(a.layers) * a.queries) / rates.scores
    return {"fit_factors": fit, "score_pairs": score}


def forecast(p: Plan, free: Room | None = None) -> list[Step]:
    """Every kept step of a plan; those not done yet with what they will cost, where that can be told.

    `free` is what this machine has left, measured unless told.
    """
    todo, r = runs.missing(p), free or room(p.dataset.store.root)
    estimate = _estimator(p, r) if len(todo) and p.dataset.done else None
    steps = [
        replace(Step(a.stage.name, a.key, a not in todo), **(estimate(a) if estimate and a in todo else {}))
        for a in runs.kept(p)
        if a in todo or a.store.find(a)
    ]
    need = sum(step.disk_mb or 0 for step in steps) * 1e6
    if not (refused := disk_refused(need, r)):
        return steps
    largest = max(steps, key=lambda step: step.disk_mb or 0)
    words = "; ".join(filter(None, [largest.remark, refused]))
    return [replace(s, fits=False, remark=words) if s is largest else s for s in steps]


def refusals(p: Plan, stages: Collection[str]) -> list[str]:
    """Why these steps do not fit into the memory and the disk that are free, by counting alone; reads the images."""
    a, r = asked(p.experiment, p.dataset.value), room(p.dataset.store.root)
    found = {"fit_factors": a.factors_refused(r), "score_pairs": a.scores_refused(r)}
    sizes = disk_bytes(a)
    need = sum(sizes[stage] for stage in stages if stage in sizes)
    return [why for stage, why in found.items() if why and stage in stages] + [
        why for why in (disk_refused(need, r),) if why
    ]


def disk_bytes(a: Asked) -> dict[str, float]:
    """Bytes of the larger results, by stage."""
    return {
        "load_dataset": a.image_bytes * 1.2,
        "score_pairs": 4.0 * a.images * a.queries,
        "fit_factors": influence.factor_bytes(a.layers),
    }


def _estimator(p: Plan, r: Room) -> Callable[[Any], dict[str, Any]]:
    x, dataset, root = p.experiment, p.dataset.value, p.dataset.store.root
    a = asked(x, dataset)
    rates = probe.rates(x.model, dataset, a.layers, root / "probes", x.factors.precision)
    work, weights = operations(x, dataset, list(a.layers)), 4 * influence.parameters(a.layers)
    seconds = influence_seconds(a, rates, r, x.factors.strategy)
    memory = {"fit_factors": a.factor_memory(r), "score_pairs": a.score_memory(r)}
    disk = disk_bytes(a)
    told = remarks(a, r, seconds)

    def estimate(artifact: Any) -> dict[str, Any]:
        stage = artifact.stage.name
        amount = work.get(stage, 0.0)
        if stage == "unlearn":
            amount *= artifact.arguments[0].passes(x.recipe.epochs)
        return {
            "seconds": float(ceil(1 + seconds.get(stage, amount / rates.train))),
            "memory_mb": float(ceil(memory.get(stage, BASE_MEMORY + 4 * a.image_bytes) / 1e6)),
            "disk_mb": float(ceil(disk.get(stage, weights) / 1e6)),
            **told.get(stage, {}),
        }

    return cache(estimate)


def remarks(a: Asked, r: Room, seconds: dict[str, float]) -> dict[str, dict[str, Any]]:
    """By stage: whether it fits, and what helps."""
    refused = {"fit_factors": a.factors_refused(r), "score_pairs": a.scores_refused(r)}
    advice = {
        "fit_factors": [a.fitting_advice(seconds["fit_factors"])],
        "score_pairs": [a.scoring_advice(r), a.keeping_advice(r, GRADIENT_BYTES)],
    }
    return {
        stage: {"fits": not why, "remark": why or "; ".join(filter(None, advice[stage]))}
        for stage, why in refused.items()
    }
