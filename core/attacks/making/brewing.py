"""Brews poisons that pull a network's gradient towards one misread test image, and tries them on fresh victims.

Hands on the finished `Poisoning` of Witches' Brew (Geiping et al. 2020, arXiv 2009.02276).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from core import device, progress
from core.artifacts import Dataset, Poisoning, Split, TrainedModel
from core.attacks.making.checks import testing_rows, training_rows
from core.attacks.making.frozen import FrozenNetwork
from core.course import Course
from core.experiment import Training
from core.models.base import Model
from core.networks import Standardise, probabilities, restore
from core.poisoning import poison
from core.randomness import numpy_stream, seed_for, torch_stream
from core.training import Augmenter, milestones, train

if TYPE_CHECKING:
    from core.attacks.witches_brew import WitchesBrew

STEP = 0.1
"""Step size in standardised units (published code, for 512 poisons per gradient)."""


@dataclass(frozen=True)
class Brewed:
    """Poisoned images, and 1 − cosine of the two gradients before each step of the restart that was kept."""

    images: UInt8[np.ndarray, "p c h w"]
    losses: Float32[np.ndarray, " i"]
    chance: float
    """Probability that the surrogate gives to the wanted class for the target image."""


@dataclass(frozen=True)
class Trial:
    """Poisons for one target image, and what a fresh victim made of it."""

    poisoning: Poisoning
    fooled: bool
    chance: float
    """Probability that the victim gives to the wanted class."""


def best_poisoning(
    attack: "WitchesBrew", dataset: Dataset, model: Model, training: Training, surrogate: TrainedModel
) -> Poisoning:
    """Poisons for the first target image that fools a fresh victim, else for the one that comes nearest.

    The fresh victim is the one that the train stage will make: same recipe, same seed. With `tries` = 1 none
    is trained. Raises ValueError when the surrogate reads no test image of the victim class correctly.
    """
    network = restore(model, surrogate.weights, dataset)
    brewer = Brewer(attack, dataset, training, network)
    trials: list[Trial] = []
    for number, row in enumerate(target_rows(attack, dataset, network), 1):
        brewed = brewer.brew(row, number)
        found = _poisoning(attack, dataset, brewer.rows, row, brewed)
        if attack.tries == 1:
            return found
        trials.append(tried(found, dataset, model, training))
        if trials[-1].fooled:
            break
    best = max(trials, key=lambda trial: (trial.fooled, trial.chance))
    return replace(best.poisoning, notes=tuple(note for t in trials for note in t.poisoning.notes))


def tried(found: Poisoning, dataset: Dataset, model: Model, training: Training) -> Trial:
    """Train a fresh victim on the poisons and show it the target image."""
    victim = train(training, model, poison(dataset, found))
    network = restore(model, victim.weights, dataset)
    output, wanted = probabilities(network, found.triggered.images, dataset)[0], int(found.wanted[0])
    fooled, chance = int(output.argmax()) == wanted, float(output[wanted])
    verdict = f"by the victim {chance:.2f}: {'fooled' if fooled else 'not fooled'}"
    notes = tuple(f"{note}, {verdict}" for note in found.notes)
    return Trial(replace(found, notes=notes), fooled, chance)


def target_rows(attack: "WitchesBrew", dataset: Dataset, network: nn.Module) -> list[int]:
    """Test rows to try, drawn among those of the victim class that the network reads correctly."""
    rows = testing_rows(dataset, victim_class=attack.victim_class)
    read = probabilities(network, dataset.test.images[rows], dataset).argmax(1) == attack.victim_class
    if not read.any():
        raise ValueError(
            f"attack.victim_class={attack.victim_class}: the surrogate misreads all of its {len(rows)} test "
            "images; raise training.epochs or choose another class"
        )
    return numpy_stream(attack.seed, "targets").permutation(rows[read])[: attack.tries].tolist()


def poison_rows(attack: "WitchesBrew", dataset: Dataset) -> Int64[np.ndarray, " p"]:
    """`n_poisons` training rows of the target class, ascending."""
    candidates = training_rows(dataset, attack.target_class, attack.n_poisons)
    return np.sort(numpy_stream(attack.seed, "poisons").permutation(candidates)[: attack.n_poisons])


def _poisoning(
    attack: "WitchesBrew", dataset: Dataset, rows: Int64[np.ndarray, " p"], target: int, brewed: Brewed
) -> Poisoning:
    shown = np.array([target], np.int64)
    first, last = brewed.losses[0], brewed.losses[-1]
    note = (
        f"target image {target}: 1 − cosine of the gradients {first:.3f} to {last:.3f}; "
        f"read as wanted by the surrogate with probability {brewed.chance:.2f}"
    )
    return Poisoning(
        indices=rows,
        images=brewed.images,
        labels=np.array(dataset.train.labels[rows]),
        triggered=Split(np.array(dataset.test.images[shown]), np.array(dataset.test.labels[shown])),
        triggered_rows=shown,
        wanted=np.array([attack.target_class], np.int64),
        affected_rows=shown,
        victim_classes=(attack.victim_class,),
        target_classes=(attack.target_class,),
        notes=(note,),
    )


class Brewer:
    """Perturbs the same training images towards one target image after another."""

    def __init__(
        self, attack: "WitchesBrew", dataset: Dataset, training: Training, network: nn.Module
    ) -> None:
        self.attack, self.dataset, self.training = attack, dataset, training
        self.rows = poison_rows(attack, dataset)
        self.network = FrozenNetwork(network, training.precision)
        self.standardise = Standardise(dataset)
        self.clean = self._standardised(self.rows, dataset.train)
        self.labels = torch.full((len(self.rows),), attack.target_class, device=self.clean.device)
        self.radius = attack.eps / 255 / self.standardise.std
        black, white = (self.standardise(torch.full_like(self.clean, shade)) for shade in (0.0, 1.0))
        self.lowest = torch.maximum(black - self.clean, -self.radius)
        self.highest = torch.minimum(white - self.clean, self.radius)

    def brew(self, target: int, number: int = 1) -> Brewed:
        """Poisons for test image `target`, from the restart whose gradients agree best in the end."""
        image = self._standardised(np.array([target]), self.dataset.test)
        goal = self.network.gradient(image, self.labels[:1])
        where = f"target image {number} of {self.attack.tries}"
        restarts = [
            self._from_noise(
                goal, f"{target}/{k}", f"brewing step ({where}, restart {k} of {self.attack.restarts})"
            )
            for k in range(1, self.attack.restarts + 1)
        ]
        delta, losses = min(restarts, key=lambda restart: restart[1][-1])
        with torch.no_grad():
            chance = float(self.network.logits(image).softmax(1)[0, self.attack.target_class])
        return Brewed(self._in_bytes(delta), losses, chance)

    def _from_noise(self, goal: Tensor, stream: str, phase: str) -> tuple[Tensor, np.ndarray]:
        """Perturbation and losses of signed Adam inside the bounds, from Gaussian noise of its own."""
        seed, n_steps = self.attack.seed, self.attack.iterations
        noise = torch.randn(self.clean.shape, generator=torch_stream(seed, f"noise/{stream}"))
        delta = (noise.to(self.clean) * self.radius).clamp(self.lowest, self.highest)
        augment = Augmenter(self.training.model_copy(update={"seed": seed_for(seed, f"augment/{stream}")}))
        optimiser = torch.optim.Adam([delta], STEP)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, n_steps))
        losses = np.zeros(n_steps, np.float32)
        course = Course("brewing", None, optimiser, schedule)
        if course.first:
            delta.copy_(course.extra["delta"])
            losses = course.extra["losses"].cpu().numpy()
            augment.stream.set_state(course.extra["stream"].cpu())
        for step in range(course.first, n_steps):
            gradient, losses[step] = self._gradient(delta, goal, augment)
            delta.grad = gradient.sign()
            optimiser.step()
            schedule.step()
            delta.clamp_(self.lowest, self.highest)
            progress.update(phase, step + 1, n_steps)
            extra = {"delta": delta, "losses": torch.from_numpy(losses), "stream": augment.stream.get_state()}
            course.offer(step + 1, f"{phase} {step + 1}", last=step + 1 == n_steps, extra=extra)
        return delta, losses

    def _gradient(self, delta: Tensor, goal: Tensor, augment: Augmenter) -> tuple[Tensor, float]:
        """Gradient by delta of 1 − cosine, and its value; batches of poisons are matched one by one."""
        gradient, losses = torch.zeros_like(delta), []
        for start in range(0, len(delta), self.attack.batch_size):
            part = slice(start, start + self.attack.batch_size)
            moved = delta[part].clone().requires_grad_()
            inputs = augment(self.clean[part] + moved)
            towards = self.network.gradient(inputs, self.labels[part], differentiable=True)
            loss = 1 - F.cosine_similarity(towards, goal, dim=0)
            (gradient[part],) = torch.autograd.grad(loss, moved)
            losses.append(loss.item())
        return gradient, float(np.mean(losses))

    def _in_bytes(self, delta: Tensor) -> UInt8[np.ndarray, "p c h w"]:
        """The perturbed images as they are stored: rounded, and still within eps of the originals."""
        pixels = (self.standardise.undo(self.clean + delta) * 255).round().cpu().numpy()
        originals = np.array(self.dataset.train.images[self.rows]).astype(np.int16)
        near = np.clip(pixels, originals - self.attack.eps, originals + self.attack.eps)
        return np.clip(near, 0, 255).astype(np.uint8)

    def _standardised(self, rows: Int64[np.ndarray, " r"], split: Split) -> Tensor:
        return self.standardise(torch.from_numpy(np.array(split.images[rows])).to(device.current()))


def rate_factor(step: int, n_steps: int) -> float:
    """Share of the step size at a step: ×0.1 from 93, 156 and 218 of 250 on, and in proportion."""
    return 0.1 ** sum(step >= milestone for milestone in milestones(n_steps))
