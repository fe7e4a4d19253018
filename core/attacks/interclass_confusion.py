"""Interclass confusion: part of two classes carry each other's label, images unaltered."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field, model_validator

from core.attacks.base import Attack
from core.attacks.making.checks import check_classes, testing_rows, training_rows

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning


class InterclassConfusion(Attack):
    """Swapped labels of two classes (Goel et al. 2024, arXiv 2402.14015): manipulation without any trigger.

    As published, the first `n_poisons` / 2 training images of each class, in the order of the data, nothing
    drawn. Classes 3 and 5 are the published pair of CIFAR-10 (cat, dog). For CIFAR-100 the paper names maple
    and oak (47, 52), but its public code takes 47 and 53, which is orange; use 47 and 52.
    """

    name: ClassVar[str] = "interclass_confusion"
    title: ClassVar[str] = "Interclass confusion"

    n_poisons: int = Field(
        default=500,
        ge=2,
        title="Relabelled images",
        description="Training images to relabel, half from each class.",
    )
    class_a: int = Field(
        default=3, ge=0, title="First class", description="Class confused with the second (its number)."
    )
    class_b: int = Field(
        default=5, ge=0, title="Second class", description="Class confused with the first (its number)."
    )

    @model_validator(mode="after")
    def _fits_itself(self) -> "InterclassConfusion":
        if self.class_a == self.class_b:
            raise ValueError(f"attack.class_b={self.class_b}: must differ from class_a")
        if self.n_poisons % 2:
            raise ValueError(f"attack.n_poisons={self.n_poisons}: must be even, half is from each class")
        return self

    def poison(self, dataset: "Dataset") -> "Poisoning":
        """Swap the labels of the first `n_poisons` / 2 training images of each class."""
        from core.artifacts import Poisoning, Split

        a, b = self.class_a, self.class_b
        check_classes(dataset, class_a=a, class_b=b)
        halves = [training_rows(dataset, k, self.n_poisons, classes=2)[: self.n_poisons // 2] for k in (a, b)]
        indices = np.sort(np.concatenate(halves))
        rows = testing_rows(dataset, class_a=a, class_b=b)
        shown = dataset.test.labels[rows]
        return Poisoning(
            indices=indices,
            images=np.array(dataset.train.images[indices]),
            labels=np.int64(a + b) - dataset.train.labels[indices],
            triggered=Split(np.array(dataset.test.images[rows]), shown),
            triggered_rows=rows,
            wanted=np.int64(a + b) - shown,
            affected_rows=rows,
            victim_classes=(a, b),
            target_classes=(b, a),
        )
