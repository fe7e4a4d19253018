"""A trained network as a fixed function whose gradient by the weights can itself be differentiated by the images."""

from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from core import device


@dataclass(frozen=True)
class Fold:
    """A batch normalisation that became part of the convolution before it: names, and its fixed statistics."""

    convolution: str
    normalisation: str
    mean: Tensor
    scale: Tensor


class FrozenNetwork:
    """Gradients of a network in evaluation mode by all of its parameters.

    Where a convolution is followed by batch normalisation they are computed as one convolution, which halves
    the time of second derivatives. The gradients remain those by the original parameters.
    """

    def __init__(self, network: nn.Module, precision: device.Precision) -> None:
        self.precision: device.Precision = precision
        self.parameters = {name: p.detach().requires_grad_() for name, p in network.named_parameters()}
        self.network = deepcopy(network).eval()
        self.folds = fold_normalisations(self.network)

    def logits(self, images: Tensor) -> Tensor:
        """What the original network answers to standardised images, float32 [n k]."""
        with device.autocast(self.precision):
            return functional_call(self.network, self._folded(), (images,)).float()

    def gradient(self, images: Tensor, labels: Tensor, *, differentiable: bool = False) -> Tensor:
        """Gradient of the mean cross-entropy by all parameters, as one vector."""
        loss = F.cross_entropy(self.logits(images), labels)
        parts = torch.autograd.grad(loss, list(self.parameters.values()), create_graph=differentiable)
        return torch.cat([part.flatten() for part in parts])

    def _folded(self) -> dict[str, Tensor]:
        """Parameters of the folded network as functions of the original ones."""
        p = dict(self.parameters)
        for fold in self.folds:
            weight, bias = f"{fold.convolution}.weight", f"{fold.convolution}.bias"
            scale = p.pop(f"{fold.normalisation}.weight") * fold.scale
            shift = p.get(bias, torch.zeros_like(fold.mean)) - fold.mean
            p[weight] = (p[weight] * scale.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)
            p[bias] = p.pop(f"{fold.normalisation}.bias") + shift * scale
        return p


def fold_normalisations(network: nn.Module) -> list[Fold]:
    """Replace each batch normalisation that follows a convolution in a Sequential by nothing; say which."""
    folds: list[Fold] = []
    for path, module in list(network.named_modules()):
        if not isinstance(module, nn.Sequential):
            continue
        children = list(module.named_children())
        for (before, conv), (name, norm) in pairwise(children):
            if (
                isinstance(conv, nn.Conv2d)
                and isinstance(norm, nn.BatchNorm2d)
                and _is_fixed_and_affine(norm)
            ):
                folds.append(
                    _folded_into(conv, norm, f"{path}.{before}".lstrip("."), f"{path}.{name}".lstrip("."))
                )
                setattr(module, name, nn.Identity())
    return folds


def _is_fixed_and_affine(norm: nn.BatchNorm2d) -> bool:
    return norm.affine and norm.track_running_stats


def _folded_into(conv: nn.Conv2d, norm: nn.BatchNorm2d, convolution: str, normalisation: str) -> Fold:
    assert norm.running_mean is not None and norm.running_var is not None
    if conv.bias is None:
        conv.bias = nn.Parameter(torch.zeros_like(norm.running_mean))
    return Fold(convolution, normalisation, norm.running_mean, (norm.running_var + norm.eps).rsqrt())
