"""Makes the smooth trigger: a low-frequency perturbation that pushes images towards a class.

Rules of Zeng et al. 2021, arXiv 2104.03413 (public code): whatever is added passes a low-pass filter, and the
whole trigger is scaled to [0, amplitude]. A trigger is float32 [c h w] in pixel space.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional as F

from core import device, memory, progress
from core.artifacts import Dataset, TrainedModel
from core.models.base import Model
from core.networks import PREDICTION_BATCH, Standardise, restore
from core.randomness import numpy_stream, torch_stream

if TYPE_CHECKING:
    from core.attacks.smooth import Smooth

TAPS, SIGMA = 30, 6.0
"""Length and width in pixels of the filter (public code: sigma 30 on a grid five times as fine)."""
BATCH, RATE, START = 256, 0.01, 0.01
"""Images per step of the fast method, rate of Adam and spread of the noise it starts from. Nothing is published."""
IMAGES, ENOUGH, DOMINANT = 100, 0.2, 0.05
"""Public code: images to fool, share that is enough (1 − delta), share from which their new label is aimed at."""
OVERSHOOT, MAX_STEPS = 0.02, 200
"""DeepFool, public code."""
PASSES = 10
"""Passes over the images, at most. The public code has no limit."""


class Reader:
    """The attacker's own network, from pixels in [0, 1] to logits."""

    def __init__(self, model: Model, surrogate: TrainedModel, dataset: Dataset) -> None:
        self.network = restore(model, surrogate.weights, dataset).requires_grad_(False)
        self.standardise = Standardise(dataset)

    def __call__(self, pixels: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits, differentiable."""
        return self.network(self.standardise(pixels)).float()

    @torch.no_grad()
    def labels(self, images: np.ndarray | Tensor) -> np.ndarray:
        """What the network reads uint8 images, or pixels, as: int64 [n]."""
        held = memory.Pieces(PREDICTION_BATCH, "images")
        parts = list(held.each(len(images), lambda rows: self(pixels_of(images[rows])).argmax(1)))
        return torch.cat(parts).cpu().numpy()


def pixels_of(images: np.ndarray | Tensor) -> Tensor:
    """Images as float32 in [0, 1] on the chosen device; tensors count as pixels already."""
    if isinstance(images, Tensor):
        return images
    return torch.from_numpy(np.array(images)).to(device.current()).float() / 255


def kernel() -> Float32[Tensor, "30"]:
    """Weights of the low-pass filter along one axis: a sampled Gaussian that sums to 1."""
    offsets = torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2
    weights = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    return (weights / weights.sum()).float()


def low_pass(trigger: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """The trigger without its high frequencies, at any image size; outside the image it counts as zero."""
    taps, c = kernel().to(trigger), len(trigger)
    before, after = (TAPS - 1) // 2, TAPS // 2
    padded = F.pad(trigger[None], (before, after, before, after))
    rows = F.conv2d(padded, taps.view(1, 1, -1, 1).repeat(c, 1, 1, 1), groups=c)
    return F.conv2d(rows, taps.view(1, 1, 1, -1).repeat(c, 1, 1, 1), groups=c)[0]


def scaled(trigger: Float[Tensor, "c h w"], amplitude: float) -> Float[Tensor, "c h w"]:
    """The trigger moved and stretched so that its least value is 0 and its largest `amplitude`."""
    low, high = trigger.min(), trigger.max()
    return amplitude * (trigger - low) / (high - low).clamp_min(torch.finfo(trigger.dtype).tiny)


def make_trigger(
    settings: "Smooth", reader: Reader, dataset: Dataset
) -> tuple[Float32[np.ndarray, "c h w"], tuple[str, ...]]:
    """A trigger by the chosen method, and what there is to say about it.

    Raises ValueError where `uap` finds no perturbation at all.
    """
    trigger, notes = (
        uap(settings, reader, dataset) if settings.method == "uap" else fast(settings, reader, dataset)
    )
    return trigger.detach().cpu().numpy(), notes


def fast(settings: "Smooth", reader: Reader, dataset: Dataset) -> tuple[Tensor, tuple[str, ...]]:
    """Adam on a free image of which the filtered, scaled copy is the trigger: raises the target's logit margin.

    Ours, under the published constraints: quicker, and the class aimed at stays the target. Filter and scaling are
    differentiated through: filtering the trigger itself after each step would leave one blob of colour.
    """
    images, shape = dataset.train.images, dataset.train.images.shape[1:]
    others = np.flatnonzero(dataset.train.labels != settings.target_class)
    draws = numpy_stream(settings.seed, "trigger images")
    noise = torch.randn(shape, generator=torch_stream(settings.seed, "trigger")) * START
    free = noise.to(device.current()).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=RATE)
    for _ in progress.track(range(settings.steps), "trigger"):
        pixels = pixels_of(images[np.sort(draws.permutation(others)[:BATCH])])
        trigger = scaled(low_pass(free), settings.amplitude)
        loss = -margin(reader((pixels + trigger).clamp(0, 1)), settings.target_class).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return scaled(low_pass(free), settings.amplitude), ()


def margin(logits: Float[Tensor, "n k"], target: int) -> Float[Tensor, " n"]:
    """How far the target's logit is above the highest other one."""
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], 1)
    return logits[:, target] - others.amax(1)


def uap(settings: "Smooth", reader: Reader, dataset: Dataset) -> tuple[Tensor, tuple[str, ...]]:
    """Zeng et al.'s universal perturbation: DeepFool on image after image until a fifth of them change label.

    As in their code the class aimed at becomes the most frequent new label, while the poisons carry the target
    class. Deviates by a limit of 10 passes, of which the best one counts.
    """
    draws = numpy_stream(settings.seed, "trigger images")
    rows = np.sort(draws.permutation(len(dataset.train))[:IMAGES])
    chase = Chase(reader, pixels_of(dataset.train.images[rows]), settings.amplitude)
    attempts = [Attempt(torch.zeros_like(chase.pixels[0]), 0.0, settings.target_class)]
    while len(attempts) <= PASSES and attempts[-1].fooled < ENOUGH:
        phase = f"trigger, pass {len(attempts)} of at most {PASSES}"
        attempts.append(chase.next(attempts[-1], progress.track(draws.permutation(len(rows)), phase)))
    best = max(reversed(attempts), key=lambda attempt: attempt.fooled)
    passes, aim = len(attempts) - 1, dataset.class_names[best.target]
    if not best.trigger.any():
        raise ValueError(
            f"attack.method=uap: no perturbation found on {len(rows)} images in {passes} passes; use method fast"
        )
    told = f"Trigger after {passes} passes: {best.fooled:.0%} of {len(rows)} clean images read otherwise"
    short = "" if best.fooled >= ENOUGH else f" ({ENOUGH:.0%} were aimed at)"
    return best.trigger, (f"{told}{short}, towards {aim!r}.",)


@dataclass(frozen=True)
class Attempt:
    """A universal perturbation, the share of images that it makes the network read otherwise, and the class aimed at."""

    trigger: Float[Tensor, "c h w"]
    fooled: float
    target: int


@dataclass(frozen=True)
class Chase:
    """A network, the pixels [n c h w] on which to change what it reads, and the trigger's largest value."""

    reader: Reader
    pixels: Float[Tensor, "n c h w"]
    amplitude: float

    @cached_property
    def clean(self) -> np.ndarray:
        """What the network reads without a trigger."""
        return self.reader.labels(self.pixels)

    def next(self, last: Attempt, order: Iterable[int]) -> Attempt:
        """One pass: the trigger pushed on by every image that it does not change yet."""
        trigger = last.trigger
        for row in order:
            image = self.pixels[row] + trigger
            if self.reader.labels(image[None])[0] != self.clean[row]:
                continue
            if (push := deepfool(self.reader, image, last.target)) is not None:
                trigger = scaled(low_pass(trigger + low_pass(push)), self.amplitude)
        now = self.reader.labels(self.pixels + trigger)
        changed = now[now != self.clean]
        dominates = len(changed) > DOMINANT * len(now)
        target = int(np.bincount(changed).argmax()) if dominates else last.target
        return Attempt(trigger, len(changed) / len(now), target)


def deepfool(reader: Reader, image: Float[Tensor, "c h w"], target: int) -> Float[Tensor, "c h w"] | None:
    """A small perturbation that makes the network read the image as `target`; None where 198 steps do not.

    Each step goes along the gradient of the target's output minus that of the class first read, as far as a
    linear network would need (Moosavi-Dezfooli et al. 2016, arXiv 1511.04599, made targeted by Zeng et al.).
    Outputs are logits, as in DeepFool; Zeng et al.'s code takes the softmax, whose slope vanishes on a network
    that is sure of everything.
    """
    first = int(reader.labels(image[None])[0])
    total = torch.zeros_like(image)
    for _ in range(MAX_STEPS - 1):  # the public code discards what takes 199 steps or 200
        moved = (image + (1 + OVERSHOOT) * total).requires_grad_()
        output = reader(moved[None])[0]
        if int(output.argmax()) == target:
            return (1 + OVERSHOOT) * total
        gap = output[target] - output[first]
        [slope] = torch.autograd.grad(gap, moved)
        square = slope.double().square().sum()
        if not square > 0:
            return None
        total = total + (gap.detach().abs() / square * slope.double()).float()
    return None
