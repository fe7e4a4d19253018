"""EK-FAC curvature of a network on its training set: two passes, covariance and then eigenvalues.

The mathematics is kronfluence's, nearer to what the arithmetic needs: covariance without patches, each layer's
gradients rotated in the cheaper order, every core on batches of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core import device
from core.artifacts import Dataset
from core.influence import covariance, sweep
from core.influence.eigenbasis import Eigenbasis
from core.influence.layers import Layer
from core.influence.taps import Objective, Taps, taps
from core.influence.task import cross_entropy, drawn_labels
from core.networks import Standardise


@dataclass(frozen=True)
class Sample:
    """Training images to fit on, and the random numbers that draw their labels from the model (true Fisher)."""

    dataset: Dataset
    rows: np.ndarray
    draws: np.ndarray
    """In [0, 1), one for each of `rows`."""

    def batches(self) -> list[np.ndarray]:
        """Places in `rows`, a batch at a time."""
        return sweep.batches(np.arange(len(self.rows)))

    def images(self, places: np.ndarray) -> Tensor:
        """Standardised images at these places."""
        images = torch.from_numpy(self.dataset.train.images[self.rows[places]])
        return Standardise(self.dataset)(images.to(device.current()))

    def loss(self, places: np.ndarray) -> Objective:
        """Summed cross-entropy against labels drawn from the model."""

        def objective(logits: Tensor) -> Tensor:
            draws = torch.from_numpy(self.draws[places]).to(logits.device)
            return cross_entropy(logits, drawn_labels(logits, draws))

        return objective


class Covariance:
    """One worker's Σ a aᵀ of every layer's rows and Σ δ δᵀ of its columns."""

    def __init__(self, taps: Taps, sample: Sample) -> None:
        self.taps, self.sample, place = taps, sample, device.current()
        self.inputs = [_input_sums(layer, place) for layer in taps.layers]
        self.outputs = [covariance.Outer(layer.outputs, place) for layer in taps.layers]
        self.positions = [0] * len(taps.layers)

    def __call__(self, places: np.ndarray) -> None:
        """Take in one batch."""
        self.taps.forward(self.sample.images(places))
        columns = self.taps.columns(self.sample.loss(places))
        for n, (layer, x) in enumerate(self.taps.entered()):
            sums = self.inputs[n]
            sums.add(x if isinstance(sums, covariance.Correlations) else layer.rows(x))
            self.outputs[n].add(columns[n])
            self.positions[n] += columns[n].shape[0] * columns[n].shape[1]


def _input_sums(layer: Layer, place: torch.device) -> covariance.Correlations | covariance.Outer:
    if covariance.correlates(layer):
        return covariance.Correlations(layer.module.weight.shape[1], layer.module.bias is not None, place)
    return covariance.Outer(layer.inputs, place)


def fit_covariance(
    network: nn.Module, sample: Sample, precision: device.Precision
) -> list[tuple[Tensor, Tensor]]:
    """Mean outer products of each layer's rows [i i] and columns [o o], over images and positions."""
    works = [Covariance(each, sample) for each in taps(network, precision)]
    for _ in sweep.sweep(sample.batches(), works, "covariance"):
        pass
    first, *others = works
    for n in range(len(first.taps.layers)):
        for side in ("inputs", "outputs"):
            mine = getattr(first, side)[n].tensors()
            theirs = (getattr(other, side)[n].tensors() for other in others)
            for total, *more in zip(mine, *theirs, strict=True):
                total += sum(more, torch.zeros_like(total))
    counts = [sum(work.positions[n] for work in works) for n in range(len(first.positions))]
    pairs = zip(first.inputs, first.outputs, counts, strict=True)
    return [(a.matrix() / count, g.matrix() / count) for a, g, count in pairs]


def eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix; computed in fp64, returned in fp32."""
    values, vectors = torch.linalg.eigh((matrix.double() + matrix.double().T) / 2)
    return values.float(), vectors.float().contiguous()


class Eigenvalues:
    """One worker's Σ R² of every layer, R the gradient in the eigenbasis."""

    def __init__(self, taps: Taps, sample: Sample, bases: Sequence[Eigenbasis]) -> None:
        self.taps, self.sample, self.bases = taps, sample, bases
        self.sums = [torch.zeros(len(b.outputs), len(b.inputs), device=b.inputs.device) for b in bases]

    def __call__(self, places: np.ndarray) -> None:
        """Take in one batch."""
        self.taps.forward(self.sample.images(places))
        found = self.taps.gradients(self.sample.loss(places))
        for total, basis, (_, rows, columns) in zip(self.sums, self.bases, found, strict=True):
            for _, rotated in basis.pieces(rows, columns):
                total += rotated.square_().sum(0)


def fit_eigenvalues(
    network: nn.Module, sample: Sample, bases: Sequence[Eigenbasis], precision: device.Precision
) -> list[Tensor]:
    """Σ over images of the squared gradient in each layer's eigenbasis, float32 [o i]."""
    works = [Eigenvalues(each, sample, bases) for each in taps(network, precision)]
    for _ in sweep.sweep(sample.batches(), works, "eigenvalues"):
        pass
    return [torch.stack(sums).sum(0) for sums in zip(*(work.sums for work in works), strict=True)]


def eigenbases(covariances: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[tuple[Tensor, Tensor], ...]]:
    """Eigenvalues and eigenvectors of both sides of each layer."""
    found = iter(sweep.each([side for pair in covariances for side in pair], eigen, "eigenvectors"))
    return list(zip(found, found, strict=True))
