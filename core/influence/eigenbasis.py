"""Fitted curvature of a layer: the eigenbasis in which it is diagonal, and the diagonal (George et al. 2018).

In this basis a gradient G [o i] becomes R = Q_Gᵀ G Q_A and the inverse curvature a division, so damping, strategy
and the choice of layers never need another pass over the training set. Files are in kronfluence's format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core import device
from core.artifacts import Factors
from core.experiment import ScoreSettings
from core.influence.layers import Layer

HEURISTIC = 0.1
"""Share of the mean eigenvalue that heuristic damping adds, as kronfluence does."""
SERVES = {"ekfac": ("ekfac", "kfac", "identity"), "kfac": ("kfac", "identity"), "identity": ("identity",)}
"""What the files of a fit can be read as."""
CACHE_BYTES, GPU_BYTES = 4 * 2**20, 2**30
"""Rotated gradients that are made at a time: what a core's cache holds, and what keeps a GPU busy."""
SIDES = ("activation", "gradient")

Damping = float | Literal["heuristic"]


@dataclass(frozen=True)
class Eigenbasis:
    """Of one layer. `eigenvalues` are the curvature's, already averaged over images."""

    inputs: Tensor
    """Q_A [i i]."""
    outputs: Tensor
    """Q_G [o o]."""
    eigenvalues: Tensor | None
    """Λ [o i], float64; None where there is no curvature."""

    def rotate(self, rows: Tensor, columns: Tensor) -> Tensor:
        """R = Q_Gᵀ (columnsᵀ rows) Q_A of each image, [b o i]."""
        return torch.cat([rotated for _, rotated in self.pieces(rows, columns)])

    def pieces(self, rows: Tensor, columns: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """The same for a few images at a time, as many as the cache holds; rotating before or after the product,
        whichever is less work.
        """
        (b, s, i), o = rows.shape, len(self.outputs)
        inputs, outputs = self.inputs.to(rows.dtype), self.outputs.to(rows.dtype)
        before = s * (i * i + o * o) < o * i * (i + o)
        if before:
            rows, columns = _right(rows, inputs), _right(columns, outputs)
        room = GPU_BYTES if rows.is_cuda else CACHE_BYTES
        step = max(1, room // (o * i * rows.itemsize))
        for part in (slice(start, start + step) for start in range(0, b, step)):
            product = torch.bmm(columns[part].mT, rows[part])
            yield part, product if before else outputs.T @ _right(product, inputs)

    def back(self, rotated: Tensor) -> Tensor:
        """G = Q_G R Q_Aᵀ, [b o i]."""
        return self.outputs @ _right(rotated, self.inputs.T)

    def inverse(self, damping: Damping) -> Tensor:
        """1 / (Λ + damping), float32 [o i]; ones where there is no curvature."""
        if self.eigenvalues is None:
            return torch.ones(len(self.outputs), len(self.inputs), device=self.inputs.device)
        added = HEURISTIC * self.eigenvalues.mean() if damping == "heuristic" else damping
        return (self.eigenvalues + added).reciprocal().float()


def _right(batch: Tensor, matrix: Tensor) -> Tensor:
    """batch [b m n] @ matrix [n k] as one flat product, which is faster than many small ones."""
    return (batch.flatten(0, 1) @ matrix).unflatten(0, batch.shape[:2])


def load(factors: Factors, layers: Sequence[Layer], strategy: str | None = None) -> list[Eigenbasis]:
    """The eigenbasis of each layer. `strategy` reads the same files as another approximation.

    Raises ValueError where they do not serve it, and FileNotFoundError where one is missing.
    """
    strategy = strategy or factors.strategy
    if strategy not in SERVES[factors.strategy]:
        raise ValueError(
            f"scores.strategy={strategy}: the factors were fitted with {factors.strategy}, which serves "
            f"{SERVES[factors.strategy]}; set factors.strategy={strategy}"
        )
    if factors.strategy == "identity":
        return [plain(layer) for layer in layers]
    files = Files(factors.directory)
    return [files.eigenbasis(layer, strategy) for layer in layers]


def plain(layer: Layer) -> Eigenbasis:
    """No curvature at all: influence becomes the inner product of gradients."""
    place = device.current()
    return Eigenbasis(torch.eye(layer.inputs, device=place), torch.eye(layer.outputs, device=place), None)


def weights(bases: Sequence[Eigenbasis], layers: Sequence[Layer], settings: ScoreSettings) -> list[Tensor]:
    """What each coordinate of a layer is multiplied with, [o i]: inverse curvature, or 0 where it does not count."""
    names = [layer.name for layer in layers]
    if unknown := set(settings.layers) - set(names):
        raise ValueError(
            f"scores.layers={sorted(unknown)}: the network has no such layer; choose from {names}"
        )
    found = [basis.inverse(settings.damping) for basis in bases]
    counts = [not settings.layers or name in settings.layers for name in names]
    return [w if counted else torch.zeros_like(w) for w, counted in zip(found, counts, strict=True)]


class Files:
    """kronfluence's safetensors of one fit: eigenvectors, eigenvalues, Λ and its count, by layer name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._open: dict[str, dict[str, Tensor]] = {}

    def read(self, name: str, layer: Layer) -> Tensor:
        """One tensor; raises FileNotFoundError or KeyError where the fit did not make it."""
        if name not in self._open:
            self._open[name] = load_file(self.directory / f"{name}.safetensors")
        return self._open[name][layer.name]

    def eigenbasis(self, layer: Layer, strategy: str) -> Eigenbasis:
        """The layer's basis in our input order."""
        place = device.current()
        inputs = layer.from_file(self.read("activation_eigenvectors", layer), 0)
        outputs = self.read("gradient_eigenvectors", layer)
        if strategy == "identity":  # a rotation changes no inner product
            eigenvalues = None
        elif strategy == "kfac":
            values = [self.read(f"{side}_eigenvalues", layer).double() for side in SIDES]
            eigenvalues = torch.outer(values[1], values[0])
        else:
            count = self.read("num_lambda_processed", layer)
            eigenvalues = self.read("lambda_matrix", layer).double() / count
        eigenvalues = None if eigenvalues is None else eigenvalues.to(place)
        return Eigenbasis(inputs.to(place), outputs.to(place), eigenvalues)


def save(directory: Path, layers: Sequence[str], **tensors: Sequence[Tensor]) -> None:
    """Write tensors of the named layers, a file for each name, as kronfluence does."""
    for name, of_layers in tensors.items():
        whole = {layer: t.cpu().contiguous() for layer, t in zip(layers, of_layers, strict=True)}
        save_file(whole, directory / f"{name}.safetensors")
