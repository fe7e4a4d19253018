"""What an unlearner is: settings that turn a victim and a flagged set into a cleaner model."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.registry import Plugin

if TYPE_CHECKING:
    from core.artifacts import Dataset, Split, TrainedModel
    from core.experiment import Training
    from core.models.base import Model


@dataclass(frozen=True)
class Task:
    """What an unlearner works with. It sees the labels as given, poisoned ones included."""

    recipe: "Training"
    model: "Model"
    victim: "TrainedModel"
    dataset: "Dataset"
    retain: "Split"
    forget: "Split"


class Unlearner(Plugin):
    """A way to remove the effect of some training images."""

    def passes(self, training_epochs: int) -> float:
        """Training passes over the images that it costs, for the forecast; without `epochs` the victim's."""
        return float(getattr(self, "epochs", training_epochs))

    @abstractmethod
    def unlearn(self, task: Task) -> "TrainedModel":
        """A model without the effect of `task.forget`."""
