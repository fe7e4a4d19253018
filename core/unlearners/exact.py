"""Exact unlearning (EU): train again from scratch without the flagged images."""

from typing import TYPE_CHECKING, ClassVar

from core.unlearners.base import Task, Unlearner

if TYPE_CHECKING:
    from core.artifacts import TrainedModel


class Exact(Unlearner):
    """The victim's own recipe from a fresh initialisation on the retained images (Goel et al. 2024, "EU")."""

    name: ClassVar[str] = "exact"
    title: ClassVar[str] = "Exact retraining (EU)"

    def unlearn(self, task: Task) -> "TrainedModel":
        """A model that has never seen the flagged images."""
        from core.networks import build
        from core.randomness import seed_for
        from core.training import fit

        network = build(task.model, task.dataset, seed_for(task.recipe.seed, "fresh weights"))
        return fit(network, task.dataset, task.retain, task.recipe)
