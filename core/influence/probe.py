"""How fast this machine is at each pass of the method, from a second's work on a few images."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from core import device, progress
from core.artifacts import Dataset
from core.influence import curvature, eigenbasis, pairwise, sweep
from core.influence.forecast import Layer, operations, parameters
from core.influence.layers import NotHandled, tracked
from core.models.base import Model
from core.networks import Standardise, build

ENOUGH = 2e10
"""Operations of a probe; fewer images where one takes more."""
FRESH = 12 * 3600
"""Seconds that a probe is trusted."""
TRIES = 2
BATCHES = 4
"""Batches of each worker: making ready takes as long as one."""
EIGEN_SIZE = 384
QUERY_BYTES = 5e7
SLOWNESS = {"covariance": 2.6, "eigenvalues": 2.6, "scores": 2.6}
"""Time per operation relative to training where kronfluence does it: the most that was seen (2 CPU cores, fp32)."""


@dataclass(frozen=True)
class Rates:
    """Operations a second of each pass, and seconds of an eigendecomposition per cube of its size."""

    train: float
    covariance: float
    eigenvalues: float
    scores: float
    eigen: float


def rates(
    model: Model, dataset: Dataset, parts: Sequence[Layer], folder: Path, precision: device.Precision
) -> Rates:
    """Measured now, or within the last hours for the same network on this machine; `folder` remembers.

    Factors are fitted in `precision`.
    """
    shape = dataset.train.images.shape[1:]
    about = [model.name, model.model_dump(mode="json"), shape, len(dataset.class_names)]
    about += [device.native(precision), device.describe(), device.threads(), metadata.version("torch")]
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    file = folder / f"{key}.json"
    if file.exists() and time.time() - file.stat().st_mtime < FRESH:
        return Rates(**json.loads(file.read_text()))
    found = measured(model, dataset, parts, device.native(precision))
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(found)))
    return found


def measured(model: Model, dataset: Dataset, parts: Sequence[Layer], precision: device.Precision) -> Rates:
    """A few images through a freshly made network; reports no progress."""
    with progress.reporting(progress.Silence()), device.fast_products():
        train = _training(model, dataset, parts)
        try:
            passes = _passes(model, dataset, parts, precision)
        except NotHandled:
            passes = {name: train / slowness for name, slowness in SLOWNESS.items()}
        return Rates(train=train, eigen=_eigen(), **passes)


def _training(model: Model, dataset: Dataset, parts: Sequence[Layer]) -> float:
    network, each = build(model, dataset, 0), operations(parts)["train"]
    rows = _rows(dataset, each)
    images = Standardise(dataset)(torch.from_numpy(np.array(dataset.train.images[rows])).to(device.current()))
    labels = torch.from_numpy(np.array(dataset.train.labels[rows])).to(device.current())
    return each * len(rows) / _best(lambda: F.cross_entropy(network(images), labels).backward())


def _passes(
    model: Model, dataset: Dataset, parts: Sequence[Layer], precision: device.Precision
) -> dict[str, float]:
    network = build(model, dataset, 0).eval()
    bases = [eigenbasis.plain(layer) for layer in tracked(network)]
    queries = max(1, int(QUERY_BYTES / (4 * parameters(parts))))
    halves = [torch.randn(queries, len(b.outputs), len(b.inputs), device=device.current()) for b in bases]

    def sample(rows: np.ndarray) -> curvature.Sample:
        return curvature.Sample(dataset, rows, np.linspace(0, 0.99, len(rows)))

    works: dict[str, Callable[[np.ndarray], object]] = {
        "covariance": lambda rows: curvature.fit_covariance(network, sample(rows), precision),
        "eigenvalues": lambda rows: curvature.fit_eigenvalues(network, sample(rows), bases, precision),
        "scores": lambda rows: list(pairwise.stream(network, dataset, halves, rows)),
    }
    found = {}
    for name, work in works.items():
        each = operations(parts, queries)[name]
        rows = _rows(dataset, each)
        busy = min(len(sweep.batches(rows)), sweep.workers()) / sweep.workers()
        found[name] = each * len(rows) / _best(lambda work=work, rows=rows: work(rows)) / busy
    return found


def _rows(dataset: Dataset, each: float) -> np.ndarray:
    """Rows to probe with: a few batches for every worker, or as few as there is time for."""
    batch = sweep.CPU_BATCH if device.current().type == "cpu" else sweep.GPU_BATCH
    return np.arange(min(len(dataset.train), BATCHES * sweep.workers() * batch, max(4, int(ENOUGH / each))))


def _eigen() -> float:
    matrix = torch.randn(EIGEN_SIZE, EIGEN_SIZE, device=device.current())
    return _best(lambda: curvature.eigen(matrix @ matrix.T)) / EIGEN_SIZE**3


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of a few tries; the first ones warm up."""
    times = []
    for _ in range(TRIES):
        started = device.clock()
        work()
        times.append(device.clock() - started)
    return max(min(times), 1e-9)
