"""How much each weight matters to some images, and the dampening of those that matter to the flagged ones."""

import copy
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import device, partial, progress
from core.device import Precision
from core.training import Loader


def importance(network: nn.Module, loader: Loader, precision: Precision) -> dict[str, Tensor]:
    """Per parameter, the mean over batches of the squared gradient of a batch's mean cross-entropy.

    Every named parameter counts, those of batch normalisation too; the network is in evaluation mode. The
    larger the batches, the more the gradients of their images cancel: values depend on the batch size.
    """
    parameters = dict(network.eval().named_parameters())
    total = {name: torch.zeros_like(p) for name, p in parameters.items()}
    work, first = partial.work("importance"), 0
    if state := work.latest():
        first = state.plain["batches"]
        for name in total:
            total[name].copy_(torch.from_numpy(state.arrays[name]))
    for done, batch in enumerate(islice(loader, first, None), first + 1):
        with device.autocast(precision):
            logits = network(batch.inputs).float()
        gradients = torch.autograd.grad(F.cross_entropy(logits, batch.labels), list(parameters.values()))
        for name, gradient in zip(parameters, gradients, strict=True):
            total[name] += gradient.square() / len(loader)
        progress.update("importance", done, len(loader))
        work.offer(lambda done=done: _state(total, done, len(loader)), last=done == len(loader))
    return total


def _state(total: dict[str, Tensor], done: int, of: int) -> partial.State:
    arrays = {name: t.detach().cpu().numpy() for name, t in total.items()}
    return partial.State(arrays, {"batches": done}, f"importances, batch {done} of {of}")


@torch.no_grad()
def dampened_copy(
    network: nn.Module,
    to_forget: dict[str, Tensor],
    elsewhere: dict[str, Tensor],
    *,
    alpha: float,
    strength: float,
) -> nn.Module:
    """A copy of the network with each parameter dampened by its two importances."""
    weaker = copy.deepcopy(network)
    for name, weight in weaker.named_parameters():
        weight.copy_(dampened(weight, to_forget[name], elsewhere[name], alpha=alpha, strength=strength))
    return weaker


def dampened(
    weight: Tensor, to_forget: Tensor, elsewhere: Tensor, *, alpha: float, strength: float
) -> Tensor:
    """θ·min(1, λ·I_D/I_F) where I_F > α·I_D, θ elsewhere; `strength` is λ. Weights with I_F = 0 stay."""
    selected = to_forget > alpha * elsewhere
    ratio = strength * elsewhere / torch.where(selected, to_forget, 1.0)
    return torch.where(selected, weight * ratio.clamp(max=1.0), weight)
