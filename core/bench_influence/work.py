"""What the worker process does for each kind of job; returns what there is to compare besides times."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from core import collapse, device, progress
from core.artifacts import Factors
from core.bench_influence.case import Case
from core.bench_influence.jobs import Job
from core.bench_influence.watch import Stopwatch
from core.detectors.delta_influence import DeltaInfluence
from core.experiment import FactorSettings, ScoreSettings
from core.influence import curvature, eigenbasis, factors, published, reference, scores
from core.influence.layers import tracked
from core.influence.session import Session
from core.networks import Standardise

BATCHES = (32, 128, 256)
"""Batch sizes of the yardstick; the fastest counts."""
STORE_BUDGET = 2**40
"""Bytes of gradients that may be kept; the disk is the limit."""
OTHER_DAMPING = 1e-4
REPEATED = 20
"""Times that an instant gesture is repeated."""


@dataclass(frozen=True)
class Work:
    """A job, its case, where it writes and where other jobs wrote."""

    job: Job
    case: Case
    folder: Path
    watch: Stopwatch
    images: Callable[[], int]
    """How many images went through a network so far."""

    @property
    def factors(self) -> Factors:
        """The factors that it reads."""
        return Factors("ekfac", self.folder.parent / self.job.factors / "factors")

    def keep(self, values: np.ndarray) -> None:
        """Write scores [q n]."""
        np.save(self.folder / "scores.npy", values, allow_pickle=False)


def yardstick(w: Work) -> dict[str, Any]:
    """One plain fp32 forward and backward pass over the training images, weights' gradients included."""
    network, train, standardise = w.case.network(), w.case.dataset.train, Standardise(w.case.dataset)

    def run(rows: range, size: int) -> float:
        started = device.clock()
        for start in progress.track(range(rows.start, rows.stop, size), "plain pass"):
            part = slice(start, min(start + size, rows.stop))
            images = standardise(torch.from_numpy(np.array(train.images[part])).to(device.current()))
            labels = torch.from_numpy(np.array(train.labels[part])).to(device.current())
            F.cross_entropy(network(images), labels, reduction="sum").backward()
            network.zero_grad(set_to_none=True)
        return device.clock() - started

    few = range(min(512, len(train)))
    times = {size: min(run(few, size) for _ in range(3)) for size in BATCHES}
    best = min(times, key=lambda size: times[size])
    return {"pass_seconds": run(range(len(train)), best), "batch": best}


def fit(w: Work) -> dict[str, Any]:
    """Covariance, eigenvectors and eigenvalues."""
    place = w.folder / "factors"
    place.mkdir(exist_ok=True)
    settings = FactorSettings(seed=w.job.seed, precision=w.job.precision)
    if w.job.engine == "published":
        published.fit(w.case.network(), w.case.dataset, w.job.seed, place)
    else:
        engine = reference if w.job.engine.startswith("best") else factors
        engine.fit(settings, w.case.network(), w.case.dataset, place)
    return {"disk": sum(file.stat().st_size for file in place.iterdir())}


def score(w: Work) -> dict[str, Any]:
    """All queries of the first test image."""
    network, data, queries = w.case.network(), w.case.dataset, w.case.queries(0)
    if w.job.engine == "published":
        return _score_published(w)
    score = reference.scores if w.job.engine.startswith("best") else scores.pairwise
    settings = w.case.plan.experiment.scores.model_copy(update={"precision": w.job.precision})
    w.keep(score(settings, network, data, w.factors, queries))
    return {"queries": len(queries)}


def _score_published(w: Work) -> dict[str, Any]:
    """The first few queries, a pass each; what all of them would take, from the median pass."""
    every = w.case.queries(0)
    few = type(every)(every.images.numpy()[: w.job.passes], every.labels.numpy()[: w.job.passes])
    started = device.clock()
    with tempfile.TemporaryDirectory(prefix="published-") as name:
        damping, data = w.case.plan.experiment.scores.damping, w.case.dataset
        w.keep(published.scores(w.case.network(), data, w.factors, few, damping, Path(name)))
    seconds, ticks = device.clock() - started, w.watch.ticks["query gradients"]
    passes = [b - a for (m, a), (n, b) in pairwise(ticks) if n == m + 1]
    whole = seconds + statistics.median(passes) * (len(every) - len(few))
    return {"queries": len(few), "of_queries": len(every), "all_queries_seconds": whole}


def session(w: Work) -> dict[str, Any]:
    """First image while gradients are stored, second image from the store, then other settings."""
    x, started = w.case.plan.experiment, device.clock()
    with tempfile.TemporaryDirectory(prefix="gradients-", dir=w.folder.parent) as name:
        opened = Session(
            x.model, w.case.plan.victim.value, w.case.dataset, w.factors, Path(name), STORE_BUDGET
        )
        told: dict[str, Any] = {"open": device.clock() - started}
        values, _, told["store_and_first"] = _ask(w, opened, 0, x.scores)
        w.keep(values)
        told["disk"] = sum(file.stat().st_size for file in Path(name).iterdir())
        told["stored_labels"], told["labels"] = len(opened.stored_labels), len(w.case.dataset.class_names)
        before = w.images()
        values, told["target_label"], told["all_labels"] = _ask(w, opened, 1, x.scores)
        told["images_for_second"], told["queries"] = w.images() - before, len(values)
        told["damping"] = _ask(w, opened, 1, x.scores.model_copy(update={"damping": OTHER_DAMPING}))[2]
    ordered = collapse.sorted_changes(values[1:] - values[0])
    told["threshold"] = _instant(lambda n: DeltaInfluence(threshold=-0.1 * n).judge(ordered))
    told["tolerance"] = _instant(lambda n: DeltaInfluence(tolerance=n % 5).judge(ordered))
    return told


def _ask(w: Work, opened: Session, pick: int, settings: ScoreSettings) -> tuple[np.ndarray, float, float]:
    """Scores [q n] of a test image, and seconds until the flags of its label, and of all, are known."""
    queries, labels = w.case.queries(pick), w.case.dataset.train.labels
    wanted, n = int(queries.labels[0]), len(labels)
    values, until_first, started = np.empty((len(queries), n), np.float32), 0.0, device.clock()

    def flags(rows: np.ndarray | slice) -> None:
        DeltaInfluence().judge(collapse.sorted_changes(values[1:, rows] - values[0, rows]))

    todo = int((labels == wanted).sum())
    asked = opened.score(queries.images.numpy(), queries.labels.numpy(), settings, wanted)
    for rows, found in asked:
        values[:, rows] = found
        todo -= int((labels[rows] == wanted).sum())
        if todo == 0 and not until_first:
            flags(labels == wanted)
            until_first = device.clock() - started
    flags(slice(None))
    return values, until_first, device.clock() - started


def _instant(gesture: Callable[[int], Any]) -> float:
    """Median seconds."""
    seconds = []
    for n in range(REPEATED):
        started = time.perf_counter()
        gesture(n)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def compare_eigenvalues(w: Work) -> dict[str, Any]:
    """Relative errors, by layer, of our eigenvalues and covariances: same labels, kronfluence's basis.

    Errors are Frobenius norms. In the basis of its own each engine turns eigenvectors of equal eigenvalues as it
    likes, which is no error.
    """
    network, data, place = w.case.network(), w.case.dataset, w.factors.directory
    layers, files = tracked(network), eigenbasis.Files(place)
    rows, draws = factors.sample(FactorSettings(seed=w.job.seed), len(data.train))
    bases = eigenbasis.load(w.factors, layers)
    sums = curvature.fit_eigenvalues(network, curvature.Sample(data, rows, draws[1]), bases, "fp32")
    both = curvature.fit_covariance(network, curvature.Sample(data, rows, draws[0]), "fp32")
    errors: dict[str, list[float]] = {"covariance": [], "eigenvalues": []}
    for layer, basis, total, pair in zip(layers, bases, sums, both, strict=True):
        assert basis.eigenvalues is not None, "read as ekfac"
        errors["eigenvalues"].append(_error(total.double() / len(rows), basis.eigenvalues))
        for side, ours in zip(("activation", "gradient"), pair, strict=True):
            theirs = files.read(f"{side}_covariance", layer).double()
            theirs = theirs / files.read(f"num_{side}_covariance_processed", layer)
            if side == "activation":
                theirs = layer.from_file(layer.from_file(theirs, 0), 1)
            errors["covariance"].append(_error(ours.double(), theirs.to(ours.device)))
    return {"errors": errors}


def _error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


WORK: dict[str, Callable[[Work], dict[str, Any]]] = {
    "yardstick": yardstick,
    "factors": fit,
    "scores": score,
    "same_factors": score,
    "session": session,
    "eigenvalues": compare_eigenvalues,
}


def warm_up(network: nn.Module, case: Case) -> None:
    """One small batch forward and backward, so that no phase pays for what the libraries set up once."""
    images = Standardise(case.dataset)(
        torch.from_numpy(np.array(case.dataset.train.images[:8])).to(device.current())
    )
    network(images).sum().backward()
