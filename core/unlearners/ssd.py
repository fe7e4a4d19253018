"""Selective synaptic dampening (SSD): shrink the weights that matter most to the flagged images."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.unlearners.base import Task, Unlearner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.artifacts import TrainedModel
    from core.unlearners.steps.selection import Attempt

Positive = Annotated[float, Field(gt=0)]


class SSD(Unlearner):
    """Dampens what matters more to flagged images than to others (Foster et al. 2023, arXiv 2308.07707).

    θ becomes θ·min(1, λ·I/I_flagged) where I_flagged > α·I; importance I is the mean squared gradient of a
    batch's mean loss. No training: importances are computed once, every pair of settings is tried on them.
    Grid, batch size and rule of choice are Goel et al.'s (2024, arXiv 2402.14015): half the share of flagged
    images no longer read as labelled, half the held-out accuracy. Their code takes the test set as held-out,
    which leaks; here it is a tenth of the retained images that nothing else uses. No ground truth enters.
    With one pair of settings nothing is held out.
    """

    name: ClassVar[str] = "ssd"
    title: ClassVar[str] = "Selective synaptic dampening (SSD)"

    alphas: tuple[Positive, ...] = Field(
        default=(0.1, 1.0, 10.0, 50.0, 100.0, 500.0, 1e3, 1e4, 1e5, 1e6),
        min_length=1,
        max_length=50,
        title="Selection thresholds α",
        description="Dampened are weights that matter over α times as much to flagged images. All are tried.",
    )
    dampenings: tuple[Positive, ...] = Field(
        default=(0.1, 0.5, 1.0, 5.0, 10.0),
        min_length=1,
        max_length=50,
        title="Dampening λ ÷ α",
        description="Smaller shrinks the selected weights more. Each is tried with each α.",
    )
    batch_size: int = Field(
        default=512,
        ge=2,
        le=8192,
        description="Images whose gradients are averaged before squaring: 512 as published, 2 to 32 is "
        "nearer to the Fisher information.",
    )
    compared_with: Literal["retained", "all"] = Field(
        default="retained",
        description="Images of the other importance. retained: as Goel et al.'s code. all: flagged ones "
        "included, as the original.",
    )

    def passes(self, training_epochs: int) -> float:
        """One pass for the importances, and a look at the held-out images for each pair of settings."""
        pairs = len(self.alphas) * len(self.dampenings)
        return 1 + (pairs if pairs > 1 else 0) * 0.1 / 3

    def unlearn(self, task: Task) -> "TrainedModel":
        """The victim with some weights shrunk."""
        from core.unlearners.steps.selection import best_of, hold_out

        rest, held = hold_out(task, wanted=len(self.alphas) * len(self.dampenings) > 1)
        return best_of(rest, held, self._attempts(rest))

    def _attempts(self, task: Task) -> "Iterator[Attempt]":
        from itertools import product

        from core import partial
        from core.networks import restore
        from core.progress import track
        from core.training import Loader
        from core.unlearners.steps.importance import dampened_copy, importance
        from core.unlearners.steps.loading import everything, forget_loader, recipe_for
        from core.unlearners.steps.selection import Attempt

        started = partial.clock()
        victim = restore(task.model, task.victim.weights, task.dataset)
        recipe = recipe_for(task, batch_size=self.batch_size)
        others = everything(task) if self.compared_with == "all" else task.retain
        matters = (
            importance(victim, forget_loader(task, recipe), recipe.precision),
            importance(victim, Loader(task.dataset, others, recipe), recipe.precision),
        )
        shared = partial.clock() - started
        for alpha, factor in track(list(product(self.alphas, self.dampenings)), "dampening"):
            started = partial.clock()
            network = dampened_copy(victim, *matters, alpha=alpha, strength=factor * alpha)
            seconds = shared + partial.clock() - started
            yield Attempt({"alpha": alpha, "dampening": factor}, network, seconds)
