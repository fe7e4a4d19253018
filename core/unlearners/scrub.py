"""SCRUB: drive the victim away from itself on the flagged images, and back to the labels on the others."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.unlearners.base import Task, Unlearner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.artifacts import TrainedModel
    from core.unlearners.steps.selection import Attempt


class SCRUB(Unlearner):
    """Ascends on flagged and descends on retained images by turns (Kurmanji et al. 2023, arXiv 2302.09880).

    The loss is CE + α·KD to the frozen victim at temperature 4. Budget, grid, ascent on the whole loss and
    rule of choice are Goel et al.'s (2024, arXiv 2402.14015): half the share of flagged images no longer read
    as labelled, half the held-out accuracy. Their code takes the test set as held-out, which leaks; here it is
    a tenth of the retained images that nothing else uses. No ground truth enters. With one α nothing is held
    out.
    Deviates: ascent per cycle is capped, so that a large flagged set cannot use up the budget.
    """

    name: ClassVar[str] = "scrub"
    title: ClassVar[str] = "SCRUB"

    epochs: int = Field(default=10, ge=1, le=1000, description="Passes over the training images, for each α.")
    learning_rate: float = Field(default=0.0025, gt=0, le=10, description="Peak learning rate.")
    batch_size: int = Field(default=512, ge=2, le=8192, description="Images per step.")
    alphas: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0),
        min_length=1,
        max_length=50,
        title="Distillation weights α",
        description="Weight of staying close to the victim's outputs. All are tried.",
    )
    ascent: Literal["loss", "divergence"] = Field(
        default="loss",
        description="What rises on flagged images. loss: CE + α·KD, as Goel et al.'s code. divergence: KD "
        "alone, as the original.",
    )
    ascent_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        title="Ascent until",
        description="Share of the steps after which no further ascent begins: 200 of 1,000 in Goel et al.'s "
        "text, 100 in their code.",
    )
    ascent_cap: int = Field(
        default=10,
        ge=0,
        le=100_000,
        description="Steps of ascent in a row at most. 0: all flagged images, as published.",
    )

    def passes(self, training_epochs: int) -> float:
        """The epochs of every α, a third dearer for the victim as teacher."""
        return len(self.alphas) * self.epochs * 4 / 3

    def unlearn(self, task: Task) -> "TrainedModel":
        """The victim after some ascent and more descent."""
        from core.unlearners.steps.selection import best_of, hold_out

        rest, held = hold_out(task, wanted=len(self.alphas) > 1)
        return best_of(rest, held, (self._attempt(rest, number) for number in range(len(self.alphas))))

    def order(self, total: int, *, ascent: int, descent: int) -> "Iterator[tuple[bool, int]]":
        """Of each of `total` steps, whether it ascends and in which cycle it is.

        A cycle is up to `ascent` steps on flagged images, unless the ascent is over when it begins, and
        `descent` steps on retained ones.
        """
        ascent = min(ascent, self.ascent_cap or ascent)
        done = cycle = 0
        while done < total:
            up = ascent if done < round(self.ascent_share * total) else 0
            steps = min(up + descent, total - done)
            yield from ((step < up, cycle) for step in range(steps))
            done, cycle = done + steps, cycle + 1

    def _attempt(self, task: Task, number: int) -> "Attempt":
        from core import partial
        from core.networks import restore
        from core.progress import track
        from core.training import Loader
        from core.unlearners.steps import scrubbing
        from core.unlearners.steps.distillation import learn, taught
        from core.unlearners.steps.loading import forget_loader, recipe_for
        from core.unlearners.steps.selection import Attempt

        started, alpha = partial.clock(), self.alphas[number]
        recipe = recipe_for(task, learning_rate=self.learning_rate, batch_size=self.batch_size)
        student, teacher = (restore(task.model, task.victim.weights, task.dataset) for _ in range(2))
        retain, forget = Loader(task.dataset, task.retain, recipe), forget_loader(task, recipe)
        total = self.epochs * -(-(len(task.retain) + len(task.forget)) // self.batch_size)
        order = self.order(total, ascent=len(forget), descent=len(retain))
        phase = f"setting {number + 1} of {len(self.alphas)}"
        loss, accuracy = learn(
            student,
            recipe,
            turns=track(scrubbing.turns(order, retain, forget), phase, total),
            total=total,
            objective=lambda logits, turn: scrubbing.loss(
                logits,
                taught(teacher, turn.inputs, recipe.precision),
                turn,
                alpha=alpha,
                only_divergence=self.ascent == "divergence",
            ),
        )
        return Attempt({"alpha": alpha}, student, partial.clock() - started, loss, accuracy)
