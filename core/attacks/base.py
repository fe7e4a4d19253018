"""What an attack is: settings with a `poison` method whose argument names say what the attacker knows.

`dataset` Dataset, clean; `model` Model and `training` Training, how the victim will be made; `surrogate`
TrainedModel, a network that the attacker trained on the clean data in the same way. An attack that names no
`surrogate` never causes one to be trained.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from jaxtyping import UInt8
from pydantic import Field, model_validator

from core.attacks.making.checks import check_classes, testing_rows, training_rows
from core.randomness import numpy_stream
from core.registry import Plugin

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning


class Attack(Plugin):
    """A way to poison a training set."""

    known: ClassVar[bool] = True
    """Whether we know whom it altered: yes where we play the attacker ourselves."""
    poison: ClassVar[Callable[..., "Poisoning"]]
    """What is altered; raises ValueError when the settings do not fit the data. Subclasses choose the arguments."""

    def image_steps(self, train_size: int, training_epochs: int) -> float:
        """Training steps on one image that it costs, for the forecast; a surrogate's training is not among them."""
        return 0.0


class OneToOne(Attack):
    """Images of one victim class receive a trigger and are relabelled as one target class (dirty label)."""

    n_poisons: int = Field(
        default=500, ge=1, title="Poisoned images", description="Training images to alter."
    )
    victim_class: int = Field(
        default=8, ge=0, description="Class whose images receive the trigger (its number)."
    )
    target_class: int = Field(default=5, ge=0, description="Class that the trigger shall cause (its number).")

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        if self.victim_class == self.target_class:
            raise ValueError(f"attack.target_class={self.target_class}: must differ from the victim class")
        return self

    def check(self, dataset: "Dataset") -> None:
        """Raise ValueError where the classes or the number of poisons do not fit the data."""
        check_classes(dataset, victim_class=self.victim_class, target_class=self.target_class)
        training_rows(dataset, self.victim_class, self.n_poisons)
        testing_rows(dataset, victim_class=self.victim_class)

    def poisoned_with(
        self, trigger: Callable[[UInt8[np.ndarray, "n c h w"]], np.ndarray], dataset: "Dataset", *, seed: int
    ) -> "Poisoning":
        """`n_poisons` random images of the victim class with the trigger, and all its test images with it."""
        from core.artifacts import Poisoning, Split

        candidates = training_rows(dataset, self.victim_class, self.n_poisons)
        indices = np.sort(numpy_stream(seed, "poisons").permutation(candidates)[: self.n_poisons])
        rows = testing_rows(dataset, victim_class=self.victim_class)
        return Poisoning(
            indices=indices,
            images=trigger(dataset.train.images[indices]),
            labels=np.full(len(indices), self.target_class, np.int64),
            triggered=Split(trigger(dataset.test.images[rows]), dataset.test.labels[rows]),
            triggered_rows=rows,
            wanted=np.full(len(rows), self.target_class, np.int64),
            affected_rows=np.zeros(0, np.int64),
            victim_classes=(self.victim_class,),
            target_classes=(self.target_class,),
        )
