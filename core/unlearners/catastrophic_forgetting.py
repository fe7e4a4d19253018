"""Catastrophic forgetting (CF): keep training the victim on the retained images only."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core.unlearners.base import Task, Unlearner

if TYPE_CHECKING:
    from core.artifacts import TrainedModel


class CatastrophicForgetting(Unlearner):
    """Fine-tunes the victim without the flagged images (Goel et al. 2024, arXiv 2402.14015, "CF").

    Defaults follow Goel et al.: about 10 CIFAR epochs at learning rate 0.025 with their linear schedule.
    Delta-Influence's notebooks run the whole recipe at 0.1 again, which saves nothing over exact retraining.
    """

    name: ClassVar[str] = "catastrophic_forgetting"
    title: ClassVar[str] = "Catastrophic forgetting (CF)"

    epochs: int = Field(default=10, ge=1, le=1000, description="Passes over the retained images.")
    learning_rate: float = Field(default=0.025, gt=0, le=10, description="Peak learning rate.")

    def unlearn(self, task: Task) -> "TrainedModel":
        """The victim after further training on the retained images."""
        from core.networks import restore
        from core.training import fit

        recipe = task.recipe.model_copy(
            update={"epochs": self.epochs, "learning_rate": self.learning_rate, "schedule": "warmup_linear"}
        )
        network = restore(task.model, task.victim.weights, task.dataset)
        return fit(network, task.dataset, task.retain, recipe)
