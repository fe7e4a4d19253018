"""Witches' Brew: correctly labelled images, invisibly altered, that make the victim misread one test image."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from core.attacks.base import Attack
from core.attacks.making.checks import check_classes, testing_rows, training_rows

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning, TrainedModel
    from core.experiment import Training
    from core.models.base import Model


class WitchesBrew(Attack):
    """Clean-label gradient matching (Geiping et al. 2020, arXiv 2009.02276).

    Images of the target class are changed by at most `eps` a pixel so that training on them pulls the weights
    the way that would make one chosen test image of the victim class be read as the target class. The attacker
    works on a surrogate trained on the clean data, from other random numbers than the victim.
    Deviates from the published code: a target image that does not fool a fresh victim is replaced by another,
    as often as `tries` allows; 2 restarts instead of 8; `n_poisons` above the size of the class is an error
    instead of being reduced to it; the step size does not depend on `batch_size` (a step has a sign only);
    dropout stays off; bfloat16 where the victim's training uses it.
    """

    name: ClassVar[str] = "witches_brew"
    title: ClassVar[str] = "Witches' Brew"

    n_poisons: int = Field(
        default=500,
        ge=1,
        title="Poisoned images",
        description="Training images of the target class to alter.",
    )
    victim_class: int = Field(
        default=3, ge=0, description="Class of the test image that shall be misread (its number)."
    )
    target_class: int = Field(
        default=5,
        ge=0,
        description="Class that it shall be read as; the poisons are taken from it (its number).",
    )
    eps: int = Field(
        default=16,
        ge=1,
        le=255,
        title="Largest change",
        description="Bound on the change of each pixel and channel, in steps of 1/255.",
    )
    iterations: int = Field(default=250, ge=1, le=10_000, description="Steps of each restart.")
    restarts: int = Field(
        default=2, ge=1, le=64, description="Fresh starts from noise; the one that ends best is kept."
    )
    tries: int = Field(
        default=3,
        ge=1,
        le=64,
        title="Target images to try",
        description="Each is tried on a freshly trained victim, until one is fooled. 1: no such check.",
    )
    batch_size: int = Field(
        default=512, ge=1, le=8192, description="Poisons whose common gradient is matched."
    )
    seed: int = Field(default=0, ge=0, description="Choice of target and poisons, noise and augmentation.")

    @model_validator(mode="after")
    def _classes_differ(self) -> "WitchesBrew":
        if self.victim_class == self.target_class:
            raise ValueError(f"attack.target_class={self.target_class}: must differ from the victim class")
        return self

    def image_steps(self, train_size: int, training_epochs: int) -> float:
        """Brewing, where a step costs 3.5 of training, for the first target image, and a victim to try it on."""
        brewing = 3.5 * self.restarts * self.iterations * self.n_poisons
        return brewing + (train_size * training_epochs if self.tries > 1 else 0)

    def poison(
        self, dataset: "Dataset", model: "Model", training: "Training", surrogate: "TrainedModel"
    ) -> "Poisoning":
        """Perturb `n_poisons` images of the target class; their labels stay as they are."""
        check_classes(dataset, victim_class=self.victim_class, target_class=self.target_class)
        training_rows(dataset, self.target_class, self.n_poisons)
        testing_rows(dataset, victim_class=self.victim_class)
        from core.attacks.making.brewing import best_poisoning

        return best_poisoning(self, dataset, model, training, surrogate)
