"""Trains classifiers: the victim, and every model that an unlearner makes. Hands on weights and curves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import device, partial, progress
from core.artifacts import Dataset, Split, TrainedModel
from core.course import Course
from core.experiment import Training
from core.models.base import Model
from core.networks import Standardise, batches, build, weights_of
from core.randomness import seed_for, torch_stream


class TrainingDiverged(RuntimeError):
    """The loss became infinite or NaN; nothing is stored."""


def train(recipe: Training, model: Model, poisoned: Dataset) -> TrainedModel:
    """The victim: a fresh network trained on the (poisoned) training set."""
    network = build(model, poisoned, seed_for(recipe.seed, "weights"))
    return fit(network, poisoned, poisoned.train, recipe)


def fit(network: nn.Module, dataset: Dataset, split: Split, recipe: Training) -> TrainedModel:
    """Train `network` in place on `split` by `recipe`; standardisation is the dataset's.

    Raises TrainingDiverged when the loss is no longer finite.
    """
    started = partial.clock()
    curves = _epochs(network, Loader(dataset, split, recipe), recipe)
    seconds = partial.clock() - started
    return TrainedModel(
        weights=weights_of(network),
        loss=np.array([loss for loss, _ in curves], np.float32),
        accuracy=np.array([accuracy for _, accuracy in curves], np.float32),
        train_loss=mean_loss(network, dataset, split),
        seconds=round(seconds, 4),
    )


@dataclass(frozen=True)
class Batch:
    """Some images of a split; they are made when first asked for."""

    labels: Tensor
    """[b]"""
    rows: Tensor
    """Places in the split, [b]."""
    make: Callable[[], Tensor]

    @cached_property
    def inputs(self) -> Tensor:
        """Standardised and augmented images [b c h w]."""
        return self.make()


class Loader:
    """Augmented batches of a split on the device; every pass has an order of its own, drawn from the seed.

    A last batch of one image would break batch normalisation and is dropped.
    """

    def __init__(self, dataset: Dataset, split: Split, recipe: Training) -> None:
        if len(split) < 2:
            raise ValueError(f"training set of {len(split)} images: expected at least 2")
        self.place = device.current()
        self.images = torch.from_numpy(np.array(split.images)).to(self.place)
        self.labels = torch.from_numpy(np.array(split.labels)).to(self.place)
        self.size = recipe.batch_size
        self.order, self.augmenter = torch_stream(recipe.seed, "order"), Augmenter(recipe)
        self.standardise = Standardise(dataset)

    def __len__(self) -> int:
        return -(-(len(self.labels) - 1) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        shuffled = torch.randperm(len(self.labels), generator=self.order).to(self.place)
        for start in range(0, len(self) * self.size, self.size):
            rows = shuffled[start : start + self.size]
            yield self._batch(rows, self.augmenter.draw(len(rows)))

    def endless(self) -> Iterator[Batch]:
        """Pass after pass."""
        while True:
            yield from self

    def _batch(self, rows: Tensor, draw: Tensor) -> Batch:
        def make() -> Tensor:
            return self.augmenter.moved(self.standardise(self.images[rows]), draw)

        return Batch(self.labels[rows], rows, make)


def _epochs(network: nn.Module, loader: Loader, recipe: Training) -> list[tuple[float, float]]:
    """Mean loss and accuracy of each epoch."""
    optimiser, schedule = optimiser_for(network, recipe, len(loader))
    course, total = Course("training", network, optimiser, schedule), recipe.epochs * len(loader)
    curves: list[tuple[float, float]] = course.plain.get("curves", [])
    seen = course.extra.get("seen", torch.zeros(3, device=loader.place))
    network.train()
    for step, batch in enumerate(islice(loader.endless(), course.first, total), course.first + 1):
        with device.autocast(recipe.precision):
            logits = network(batch.inputs).float()
        loss = F.cross_entropy(logits, batch.labels)
        descend(loss, optimiser)
        schedule.step()
        hits = (logits.argmax(1) == batch.labels).float().sum()
        seen = seen + torch.stack([loss.detach() * len(logits), hits, torch.full_like(hits, len(logits))])
        progress.update("training step", step, total)
        if step % len(loader) == 0:
            curves.append(_mean(seen, len(curves) + 1, recipe))
            seen = torch.zeros_like(seen)
        words = f"epoch {min(step // len(loader) + 1, recipe.epochs)} of {recipe.epochs}"
        course.offer(step, words, last=step == total, extra={"seen": seen}, curves=curves)
    return curves


def _mean(seen: Tensor, epoch: int, recipe: Training) -> tuple[float, float]:
    total, hit, count = seen.tolist()
    if not np.isfinite(total):
        raise TrainingDiverged(
            f"training loss became {total} in epoch {epoch}: "
            f"lower training.learning_rate (now {recipe.learning_rate}) or use precision fp32"
        )
    return total / count, hit / count


def descend(loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
    """One gradient step."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def optimiser_for(
    network: nn.Module, recipe: Training, steps_per_epoch: int
) -> tuple[torch.optim.SGD, torch.optim.lr_scheduler.LambdaLR]:
    """SGD and its per-step schedule."""
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
    )
    total = recipe.epochs * steps_per_epoch
    return optimiser, torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_factor(recipe, step, steps_per_epoch, total)
    )


def milestones(epochs: int) -> tuple[int, int, int]:
    """Epochs from which the rate is ×0.1, ×0.01, ×0.001: 14, 24, 35 of 40 (Witches' Brew "conservative")."""
    return int(epochs // 2.667), int(epochs // 1.6), int(epochs // 1.142)


def rate_factor(recipe: Training, step: int, steps_per_epoch: int, total: int) -> float:
    """Share of the peak learning rate at a step."""
    if recipe.schedule == "step":
        return 0.1 ** sum(step // steps_per_epoch >= m for m in milestones(recipe.epochs))
    if recipe.schedule == "warmup_linear":  # Goel et al. 2024, arXiv 2402.14015, code
        warmup = total // 100
        return (step + 1) / (warmup + 1) if step < warmup else 1 - (step - warmup) / (1.25 * total)
    rise = max(1, round(0.2 * total))
    return (step + 1) / rise if step < rise else max(0.0, (total - step) / (total - rise + 1))


class Augmenter:
    """Random sub-pixel shift and horizontal flip of each image, on the device, after standardisation.

    The shift is uniform within ±`recipe.shift` of the width, bilinear, zero-padded (zero is the mean colour).
    """

    def __init__(self, recipe: Training) -> None:
        self.shift, self.flip = recipe.shift, recipe.flip
        self.stream = torch_stream(recipe.seed, "augment")

    def __call__(self, images: Tensor) -> Tensor:
        """Augmented copies of standardised images [n c h w]."""
        return self.moved(images, self.draw(len(images)))

    def draw(self, n: int) -> Tensor:
        """The random numbers of the next n images, on the CPU; none where nothing is random."""
        still = self.shift == 0 and not self.flip
        return torch.empty(n, 0) if still else torch.rand(n, 3, generator=self.stream)

    def moved(self, images: Tensor, draw: Tensor) -> Tensor:
        """Copies of images, augmented by these numbers."""
        n, _, height, width = images.shape
        if not draw.numel():
            return images
        draw = draw.to(images.device)
        theta = torch.zeros(n, 2, 3, device=images.device)
        theta[:, 0, 0] = 1 - 2 * (draw[:, 0] < 0.5).float() if self.flip else 1
        theta[:, 1, 1] = 1
        for axis, size in ((0, width), (1, height)):  # in units of the [-1, 1] grid, align_corners
            theta[:, axis, 2] = (draw[:, 1 + axis] * 2 - 1) * self.shift * 2 * size / (size - 1)
        grid = F.affine_grid(theta, list(images.shape), align_corners=True)
        moved = F.grid_sample(images, grid, padding_mode="zeros", align_corners=True)
        return moved.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def mean_loss(network: nn.Module, dataset: Dataset, split: Split) -> float:
    """Mean cross-entropy on un-augmented images, nats. Near zero means vanishing gradients: scores are noise."""
    network.eval()

    def summed(inputs: Tensor, rows: slice) -> float:
        labels = torch.from_numpy(np.array(split.labels[rows])).to(inputs.device)
        return F.cross_entropy(network(inputs).float(), labels, reduction="sum").item()

    return sum(batches(split.images, dataset, summed)) / max(len(split), 1)
