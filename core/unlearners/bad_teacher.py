"""Bad teacher (BadT): learn noise about the flagged images, and the victim's own answers about the others."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core.unlearners.base import Task, Unlearner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from core.artifacts import TrainedModel
    from core.training import Loader
    from core.unlearners.steps.distillation import Turn


class BadTeacher(Unlearner):
    """Distils an untrained teacher on flagged images, the victim on others (Chundawat et al., arXiv 2205.08096).

    The loss is KL(teacher ‖ student) at temperature 1, averaged over images and classes as in the public code.
    Budget and rate are Goel et al.'s (2024, arXiv 2402.14015). Delta-Influence's notebooks stop after 40
    steps, in which many images are never seen. Nothing is held out, for there is nothing to choose.
    """

    name: ClassVar[str] = "bad_teacher"
    title: ClassVar[str] = "Bad teacher (BadT)"

    epochs: int = Field(default=10, ge=1, le=1000, description="Passes over the training images.")
    learning_rate: float = Field(default=0.025, gt=0, le=10, description="Peak learning rate.")
    batch_size: int = Field(default=512, ge=2, le=8192, description="Images per step.")

    def passes(self, training_epochs: int) -> float:
        """The epochs, two thirds dearer for the two teachers."""
        return self.epochs * 5 / 3

    def unlearn(self, task: Task) -> "TrainedModel":
        """The victim after learning from both teachers."""
        from core import partial
        from core.networks import build, restore
        from core.randomness import seed_for
        from core.training import Loader
        from core.unlearners.steps.distillation import blended, divergence, learn, taught
        from core.unlearners.steps.loading import everything, recipe_for
        from core.unlearners.steps.selection import Attempt, best_of

        started = partial.clock()
        recipe = recipe_for(task, learning_rate=self.learning_rate, batch_size=self.batch_size)
        student, competent = (restore(task.model, task.victim.weights, task.dataset) for _ in range(2))
        incompetent = build(task.model, task.dataset, seed_for(recipe.seed, "incompetent teacher")).eval()
        loader = Loader(task.dataset, everything(task), recipe)

        def objective(logits: "Tensor", turn: "Turn") -> "Tensor":
            good, bad = (taught(t, turn.inputs, recipe.precision) for t in (competent, incompetent))
            return divergence(logits, blended(good, bad, turn.forget)).mean() / logits.shape[1]

        loss, accuracy = learn(
            student,
            recipe,
            turns=self._turns(loader, len(task.retain)),
            total=self.epochs * len(loader),
            objective=objective,
        )
        attempt = Attempt({}, student, partial.clock() - started, loss, accuracy)
        return best_of(task, None, [attempt])

    def _turns(self, loader: "Loader", n_retained: int) -> "Iterator[Turn]":
        from core.progress import update
        from core.unlearners.steps.distillation import Turn

        for epoch in range(self.epochs):
            for step, batch in enumerate(loader, epoch * len(loader) + 1):
                yield Turn(batch, batch.rows >= n_retained, epoch)
                update("unlearning step", step, self.epochs * len(loader))
