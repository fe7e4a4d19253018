"""SCRUB's loss and its order of steps: up on the flagged images, down on the retained ones."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from core.training import Loader
from core.unlearners.steps.distillation import Turn, divergence

TEMPERATURE = 4.0


def loss(student: Tensor, teacher: Tensor, turn: Turn, *, alpha: float, only_divergence: bool) -> Tensor:
    """Mean over images of CE + α·KD for retained, and of minus that, or minus KD alone, for flagged ones."""
    apart = divergence(student, teacher, TEMPERATURE)
    both = F.cross_entropy(student, turn.labels, reduction="none") + alpha * apart
    return torch.where(turn.forget, -(apart if only_divergence else both), both).mean()


def turns(order: Iterator[tuple[bool, int]], retain: Loader, forget: Loader) -> Iterator[Turn]:
    """The batches of the steps; each loader goes on where it stopped."""
    up, down = forget.endless(), retain.endless()
    for ascends, cycle in order:
        batch = next(up if ascends else down)
        yield Turn(batch, torch.full_like(batch.labels, ascends, dtype=torch.bool), cycle)
