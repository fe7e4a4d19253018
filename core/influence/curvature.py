"""EK-FAC curvature of a network on its training set: two passes, covariance and then eigenvalues.

The mathematics is kronfluence's, nearer to what the arithmetic needs: covariance without patches, each layer's
gradients rotated in the cheaper order, every core on batches of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core import device
from core.artifacts import Dataset
from core.influence import covariance, partitions, sweep
from core.influence.eigenbasis import Eigenbasis
from core.influence.layers import Layer
from core.influence.taps import Objective, Taps, taps
from core.influence.task import cross_entropy, drawn_labels
from core.networks import Standardise


class FactorsNotFinite(RuntimeError):
    """The curvature holds NaN or infinity; nothing is stored."""


@dataclass(frozen=True)
class Sample:
    """Training images to fit on, and the random numbers that draw their labels from the model (true Fisher)."""

    dataset: Dataset
    rows: np.ndarray
    draws: np.ndarray
    """In [0, 1), one for each of `rows`."""

    def images(self, places: np.ndarray) -> Tensor:
        """Standardised images at these places."""
        images = torch.from_numpy(self.dataset.train.images[self.rows[places]])
        return Standardise(self.dataset)(images.to(device.current()))

    def packed(self) -> dict[str, Tensor]:
        """The rows and the draws, for another process."""
        return {"rows": torch.from_numpy(self.rows), "draws": torch.from_numpy(self.draws)}

    def loss(self, places: np.ndarray) -> Objective:
        """Summed cross-entropy against labels drawn from the model."""

        def objective(logits: Tensor) -> Tensor:
            draws = torch.from_numpy(self.draws[places]).to(logits.device)
            return cross_entropy(logits, drawn_labels(logits, draws))

        return objective


class Covariance:
    """One lane's Σ a aᵀ of every layer's rows and Σ δ δᵀ of its columns."""

    def __init__(self, taps: Taps, sample: Sample) -> None:
        self.taps, self.sample = taps, sample
        self.begin()

    def begin(self) -> None:
        """Start from nothing."""
        place, layers = device.current(), self.taps.layers
        self.inputs = [_input_sums(layer, place) for layer in layers]
        self.outputs = [covariance.Outer(layer.outputs, place) for layer in layers]
        self.positions = torch.zeros(len(layers), dtype=torch.int64)

    def __call__(self, places: np.ndarray) -> None:
        """Take in one batch."""
        self.taps.forward(self.sample.images(places))
        columns = self.taps.columns(self.sample.loss(places))
        for n, (layer, x) in enumerate(self.taps.entered()):
            sums = self.inputs[n]
            sums.add(x if isinstance(sums, covariance.Correlations) else layer.rows(x))
            self.outputs[n].add(columns[n])
            self.positions[n] += columns[n].shape[0] * columns[n].shape[1]

    def tensors(self) -> list[Tensor]:
        """What has been summed, and the number of positions."""
        return [*(t for sums in (*self.inputs, *self.outputs) for t in sums.tensors()), self.positions]

    def means(self, total: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Mean outer products of each layer's rows [i i] and columns [o o], made of `tensors` of all lanes."""
        for mine, summed in zip(self.tensors(), total, strict=True):
            mine.copy_(summed)
        pairs = zip(self.inputs, self.outputs, self.positions.tolist(), strict=True)
        return [(a.matrix() / count, g.matrix() / count) for a, g, count in pairs]


def _input_sums(layer: Layer, place: torch.device) -> covariance.Correlations | covariance.Outer:
    if covariance.correlates(layer):
        return covariance.Correlations(layer.module.weight.shape[1], layer.module.bias is not None, place)
    return covariance.Outer(layer.inputs, place)


@dataclass(frozen=True)
class CovariancePass:
    """The first pass."""

    network: nn.Module
    sample: Sample
    precision: device.Precision

    @property
    def dataset(self) -> Dataset:
        """Its training images."""
        return self.sample.dataset

    def adders(self) -> list[Covariance]:
        """One for each lane of this process."""
        return [Covariance(each, self.sample) for each in taps(self.network, self.precision)]

    def packed(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What another process needs beside the network and the images."""
        return {"precision": self.precision}, self.sample.packed()


def fit_covariance(
    network: nn.Module, sample: Sample, precision: device.Precision
) -> list[tuple[Tensor, Tensor]]:
    """Mean outer products of each layer's rows [i i] and columns [o o], over images and positions."""
    work = CovariancePass(network, sample, precision)
    total = partitions.add_up(work, len(sample.rows), "covariance")
    return Covariance(taps(network, precision)[0], sample).means(total)


def eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix; computed in fp64, returned in fp32.

    Raises FactorsNotFinite.
    """
    if not matrix.isfinite().all():
        raise FactorsNotFinite(
            f"{int((~matrix.isfinite()).sum()):,} of {matrix.numel():,} entries of the curvature are NaN or infinite: the "
            "victim's weights are too large for its activations to stay finite; train with a lower learning rate, or "
            "bring weights of an earlier epoch"
        )
    values, vectors = torch.linalg.eigh((matrix.double() + matrix.double().T) / 2)
    return values.float(), vectors.float().contiguous()


class Eigenvalues:
    """One lane's Σ R² of every layer, R the gradient in the eigenbasis."""

    def __init__(self, taps: Taps, sample: Sample, bases: Sequence[Eigenbasis]) -> None:
        self.taps, self.sample, self.bases = taps, sample, bases
        self.begin()

    def begin(self) -> None:
        """Start from nothing."""
        self.sums = [torch.zeros(len(b.outputs), len(b.inputs), device=b.inputs.device) for b in self.bases]

    def __call__(self, places: np.ndarray) -> None:
        """Take in one batch."""
        self.taps.forward(self.sample.images(places))
        found = self.taps.gradients(self.sample.loss(places))
        for total, basis, (_, rows, columns) in zip(self.sums, self.bases, found, strict=True):
            for _, rotated in basis.pieces(rows, columns):
                total += rotated.square_().sum(0)

    def tensors(self) -> list[Tensor]:
        """What has been summed."""
        return self.sums


@dataclass(frozen=True)
class EigenvaluePass:
    """The second pass."""

    network: nn.Module
    sample: Sample
    precision: device.Precision
    bases: Sequence[Eigenbasis]

    @property
    def dataset(self) -> Dataset:
        """Its training images."""
        return self.sample.dataset

    def adders(self) -> list[Eigenvalues]:
        """One for each lane of this process."""
        return [Eigenvalues(each, self.sample, self.bases) for each in taps(self.network, self.precision)]

    def packed(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What another process needs beside the network and the images."""
        sides = {f"inputs{n}": basis.inputs for n, basis in enumerate(self.bases)}
        sides |= {f"outputs{n}": basis.outputs for n, basis in enumerate(self.bases)}
        return {"precision": self.precision, "bases": len(self.bases)}, self.sample.packed() | sides


def fit_eigenvalues(
    network: nn.Module, sample: Sample, bases: Sequence[Eigenbasis], precision: device.Precision
) -> list[Tensor]:
    """Σ over images of the squared gradient in each layer's eigenbasis, float32 [o i]."""
    work = EigenvaluePass(network, sample, precision, bases)
    return partitions.add_up(work, len(sample.rows), "eigenvalues")


def eigenbases(covariances: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[tuple[Tensor, Tensor], ...]]:
    """Eigenvalues and eigenvectors of both sides of each layer."""
    found = iter(sweep.each([side for pair in covariances for side in pair], eigen, "eigenvectors"))
    return list(zip(found, found, strict=True))
