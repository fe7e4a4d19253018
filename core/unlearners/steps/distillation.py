"""Gradient steps on a student that is drawn to frozen teachers, or away from them: SCRUB and BadTeacher."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import device
from core.course import Course
from core.device import Precision
from core.experiment import Training
from core.training import Batch, descend, optimiser_for


@dataclass(frozen=True)
class Turn:
    """One step's images, whether each is flagged [b], and the epoch it belongs to."""

    batch: Batch
    forget: Tensor
    epoch: int

    @property
    def inputs(self) -> Tensor:
        """[b c h w]"""
        return self.batch.inputs

    @property
    def labels(self) -> Tensor:
        """[b]"""
        return self.batch.labels


def learn(
    student: nn.Module,
    recipe: Training,
    *,
    turns: Iterable[Turn],
    total: int,
    objective: Callable[[Tensor, Turn], Tensor],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Train `student` in place to minimise `objective(logits, turn)` for `total` steps of the schedule.

    Returns cross-entropy and accuracy on the augmented retained images of each epoch.
    """
    one_epoch = recipe.model_copy(update={"epochs": 1})  # the linear schedule knows only the sum of the steps
    optimiser, schedule = optimiser_for(student, one_epoch, total)
    student.train()
    course = Course("steps", student, optimiser, schedule)
    seen = list(course.extra.get("seen", ()))
    for step, turn in enumerate(islice(turns, course.first, None), course.first + 1):
        with device.autocast(recipe.precision):
            logits = student(turn.inputs).float()
        descend(objective(logits, turn), optimiser)
        schedule.step()
        seen += [torch.zeros(3, device=logits.device)] * (turn.epoch + 1 - len(seen))
        seen[turn.epoch] = seen[turn.epoch] + _retained(logits.detach(), turn)
        course.offer(step, f"step {step} of {total}", last=step == total, extra=_stacked(seen))
    points = [(loss / n, hits / n) for loss, hits, n in torch.stack(seen).tolist() if n]
    return tuple(loss for loss, _ in points), tuple(accuracy for _, accuracy in points)


def _stacked(seen: list[Tensor]) -> dict[str, Tensor]:
    return {"seen": torch.stack(seen)}


def _retained(logits: Tensor, turn: Turn) -> Tensor:
    """Summed loss, hits and number of the retained images of a step."""
    losses = F.cross_entropy(logits, turn.labels, reduction="none")
    hits = (logits.argmax(1) == turn.labels).float()
    kept = ~turn.forget
    return torch.stack([torch.where(kept, losses, 0).sum(), (hits * kept).sum(), kept.sum()])


@torch.no_grad()
def taught(teacher: nn.Module, inputs: Tensor, precision: Precision) -> Tensor:
    """A teacher's logits, in fp32."""
    with device.autocast(precision):
        return teacher(inputs).float()


def divergence(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """T²·KL(softmax(teacher / T) ‖ softmax(student / T)) of each image's logits [b k], nats [b]."""
    wanted, found = ((logits / temperature).log_softmax(1) for logits in (teacher, student))
    return temperature**2 * (wanted.exp() * (wanted - found)).sum(1)


def blended(competent: Tensor, incompetent: Tensor, forget: Tensor) -> Tensor:
    """The logits to learn from: the incompetent teacher's for flagged images, else the competent one's."""
    return torch.where(forget[:, None], incompetent, competent)
