"""What a run will cost before it starts: seconds, memory and disk of every step that is still to be done.

Operations are counted from the network's layers; how many this machine does in a second is measured by one
short training probe. Expect the seconds to be right within a factor of two.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from core import device, runs
from core.artifacts import Dataset
from core.experiment import Experiment
from core.models.base import Model
from core.networks import build
from core.pipeline import Plan

SLOWNESS = {"train": 1.0, "fit_factors": 1.6, "score_pairs": 2.6}
"""Time per operation relative to training: medians of the three runs in bench/investigation/cifar10-badnet-cpu.json."""
PROBE_IMAGES = 64
BASE_MEMORY = 7e8
"""Bytes that the libraries and the activations of a batch take, as seen in those runs, beside the images."""


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer seen as a matrix product: `positions` x `inputs` → `outputs`."""

    positions: int
    inputs: int
    outputs: int

    @property
    def forward(self) -> float:
        """Operations of a forward pass of one image."""
        return 2.0 * self.positions * self.inputs * self.outputs

    @property
    def parameters(self) -> int:
        """Weights of the layer."""
        return self.inputs * self.outputs


@dataclass(frozen=True)
class Step:
    """One step of a plan; unknown costs are None."""

    stage: str
    key: str
    done: bool
    seconds: float | None = None
    memory_mb: float | None = None
    disk_mb: float | None = None


def layers(model: Model, shape: tuple[int, ...], n_classes: int) -> list[Layer]:
    """The layers of a network for images of `shape` (c, h, w), measured with one forward pass on the CPU."""
    network, found = model.build(n_classes).eval(), []

    def note(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        found.append(Layer(output[0, 0].numel() if output.ndim == 4 else 1, weight[0].numel(), len(weight)))

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(note)
    with torch.no_grad():
        network(torch.zeros(1, *shape))
    return found


def training_rate(model: Model, dataset: Dataset) -> float:
    """Operations a second of a training step on the chosen device, from a short probe."""
    network = build(model, dataset, 0)
    images = torch.rand(PROBE_IMAGES, *dataset.train.images.shape[1:], device=device.current())
    images = images.contiguous(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        network(images).logsumexp(1).sum().backward()
        if images.is_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    forward = sum(x.forward for x in layers(model, dataset.train.images.shape[1:], len(dataset.class_names)))
    return 3 * forward * PROBE_IMAGES / best


def operations(x: Experiment, dataset: Dataset) -> dict[str, float]:
    """Operations of the long stages for the whole training set."""
    n = len(dataset.train)
    parts = layers(x.model, dataset.train.images.shape[1:], len(dataset.class_names))
    forward = sum(p.forward for p in parts)
    step = 3 * forward
    covariance = sum(2.0 * p.positions * (p.inputs**2 + p.outputs**2) for p in parts)
    rotation = sum(2.0 * p.inputs * p.outputs * (p.inputs + p.outputs) for p in parts)
    queries = x.queries.count * (1 + x.transforms.n_transforms)
    fitted = min(n, x.factors.max_examples)
    return {
        "choose_poisons": step * x.attack.image_steps(n, x.training.epochs),
        "train": step * n * x.training.epochs,
        "fit_factors": (2 * step + covariance + rotation) * fitted,
        "score_pairs": (step + 2.0 * queries * sum(p.parameters for p in parts)) * n,
        "unlearn": step * n,
        "evaluate": forward * len(dataset.test),
        "transform_queries": forward * queries,
        "affected_queries": forward * len(dataset.test) / len(dataset.class_names),
    }


def forecast(p: Plan) -> list[Step]:
    """Every kept step of a plan; those not done yet with what they will cost, where that can be told."""
    todo = runs.missing(p)
    estimate = _estimator(p) if len(todo) and p.dataset.done else None
    return [
        Step(a.stage.name, a.key, a not in todo, **(estimate(a) if estimate and a in todo else {}))
        for a in runs.kept(p)
        if a in todo or a.store.find(a)
    ]


def _estimator(p: Plan) -> Any:
    x, dataset = p.experiment, p.dataset.value
    rate, work = training_rate(x.model, dataset), operations(x, dataset)
    n, queries = len(dataset.train), x.queries.count * (1 + x.transforms.n_transforms)
    weights = sum(
        q.parameters for q in layers(x.model, dataset.train.images.shape[1:], len(dataset.class_names))
    )
    images = dataset.train.images.nbytes

    def estimate(artifact: Any) -> dict[str, float]:
        stage = artifact.stage.name
        amount = work.get(stage, 0.0)
        if stage == "unlearn":
            amount *= artifact.arguments[0].passes(x.training.epochs)
        memory = {"fit_factors": 12 * weights * 32, "score_pairs": 8 * weights * queries + 8 * n * queries}
        disk = {"load_dataset": images * 1.2, "score_pairs": 4 * n * queries, "fit_factors": 4 * weights * 6}
        return {
            "seconds": float(np.ceil(1 + amount * SLOWNESS.get(stage, 1.0) / rate)),
            "memory_mb": float(np.ceil((BASE_MEMORY + 4 * images + memory.get(stage, 0)) / 1e6)),
            "disk_mb": float(np.ceil(disk.get(stage, 4 * weights) / 1e6)),
        }

    return cache(estimate)
