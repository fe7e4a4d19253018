"""What influence costs, from the shapes of a network's layers: operations, bytes of memory, bytes on disk.

Axes as in `core.influence.layers`: s positions, i inputs, o outputs; q queries, n training images, P parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.influence.covariance import correlates
from core.influence.layers import Layer as Tracked
from core.influence.sweep import CPU_BATCH, GPU_BATCH
from core.models.base import Model

NUMBER = 4
"""Bytes of a number in fp32."""
STORED = 2
"""Bytes of a number of a kept gradient, bf16."""
CORRELATIONS = 25
"""Products of an input with itself, shifted, that make the covariance of a 3×3 convolution."""
KEPT_ACTIVATIONS = 4
"""Tensors of the size of each layer's output that live at the same time: output, its successors, its gradient."""
LIBRARIES = 5e8
"""Bytes that a process holds before it works: torch, kronfluence and the smallest image set."""


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer seen as a matrix product: `positions` x `inputs` → `outputs`."""

    positions: int
    inputs: int
    outputs: int
    correlates: bool = False
    """Whether its covariance is made from correlations of its input."""

    @property
    def forward(self) -> float:
        """Operations of a forward pass of one image; a gradient by input, or by weights, costs the same."""
        return 2.0 * self.positions * self.inputs * self.outputs

    @property
    def parameters(self) -> int:
        """Weights of the layer."""
        return self.inputs * self.outputs

    @property
    def covariance(self) -> float:
        """Operations of the outer products of one image, both sides."""
        of_inputs = CORRELATIONS * (self.inputs / 9) ** 2 if self.correlates else self.inputs**2
        return 2.0 * self.positions * (of_inputs + self.outputs**2)

    @property
    def rotation(self) -> float:
        """Operations that bring one image's gradient into the eigenbasis, in the cheaper order."""
        i, o = self.inputs, self.outputs
        return 2.0 * min(self.positions * (i**2 + o**2), o * i * (i + o))


def layers(model: Model, shape: tuple[int, ...], n_classes: int) -> list[Layer]:
    """The layers of a network for images of `shape` (c, h, w), measured with one forward pass on the CPU."""
    return layers_of(model.build(n_classes).eval(), shape)


def layers_of(network: nn.Module, shape: tuple[int, ...]) -> list[Layer]:
    """The same of a network of one's own, which must be on the CPU and is used up."""
    found: list[Layer] = []

    def note(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor) and isinstance(module, nn.Conv2d | nn.Linear)
        positions = output[0, 0].numel() if output.ndim == 4 else 1
        found.append(Layer(positions, weight[0].numel(), len(weight), correlates(Tracked("", module))))

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(note)
    with torch.no_grad():
        network(torch.zeros(1, *shape))
    return found


def operations(parts: Sequence[Layer], queries: int = 0) -> dict[str, float]:
    """Operations for one training image of each pass over the training set; only scores depend on the queries."""
    forward = sum(part.forward for part in parts)
    return {
        "train": 3 * forward,
        "covariance": 2 * forward + sum(part.covariance for part in parts),
        "eigenvalues": 3 * forward + sum(part.rotation for part in parts),
        "scores": 3 * forward + 2.0 * queries * parameters(parts),
    }


def query_operations(parts: Sequence[Layer]) -> float:
    """Operations for one query: its gradient, into the eigenbasis and back out of it."""
    return sum(
        3 * x.forward + x.rotation + 2.0 * x.outputs * x.inputs * (x.inputs + x.outputs) for x in parts
    )


def eigen_cubes(parts: Sequence[Layer]) -> float:
    """Σ of the cubed sizes of the matrices whose eigenvectors are asked for."""
    return float(sum(part.inputs**3 + part.outputs**3 for part in parts))


def parameters(parts: Sequence[Layer]) -> int:
    """P."""
    return sum(part.parameters for part in parts)


def worker_bytes(parts: Sequence[Layer], on_gpu: bool) -> float:
    """Memory of one worker: a batch's activations, the patches of the largest layer and its gradients."""
    batch = GPU_BATCH if on_gpu else CPU_BATCH
    activations = KEPT_ACTIVATIONS * sum(x.positions * x.outputs for x in parts)
    largest = max(x.positions * x.inputs for x in parts) + max(x.parameters for x in parts)
    return float(NUMBER * batch * (activations + largest))


def factor_bytes(parts: Sequence[Layer]) -> float:
    """The factors themselves: eigenvectors, eigenvalues, Λ. What their files take on disk, and a copy in memory."""
    return float(
        NUMBER * sum(x.inputs**2 + x.outputs**2 + x.parameters + x.inputs + x.outputs for x in parts)
    )


def query_bytes(parts: Sequence[Layer], queries: int) -> float:
    """Gradients of the queries, two copies."""
    return 2.0 * NUMBER * queries * parameters(parts)


def score_bytes(queries: int, images: int) -> float:
    """The scores, and once more while they are put in order."""
    return 2.0 * NUMBER * queries * images


def gradient_bytes(parts: Sequence[Layer], images: int) -> float:
    """Gradients of all training images, kept on disk for further questions."""
    return float(STORED) * parameters(parts) * images
