"""Nobody of ours: the training set of somebody else, as it was found."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core.attacks.base import Attack

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning


class Unknown(Attack):
    """Somebody else may have altered these images; nobody here knows whether, which ones, or what for.

    Alters nothing. For an investigation of one's own images: the misbehaving test image has to be named.
    """

    name: ClassVar[str] = "unknown"
    title: ClassVar[str] = "Unknown attacker"
    known: ClassVar[bool] = False

    def poison(self, dataset: "Dataset") -> "Poisoning":
        """No image altered, none attacked."""
        from core.artifacts import Poisoning, Split

        no_rows, no_images = np.zeros(0, np.int64), dataset.train.images[:0]
        return Poisoning(
            indices=no_rows,
            images=no_images,
            labels=no_rows,
            triggered=Split(no_images, no_rows),
            triggered_rows=no_rows,
            wanted=no_rows,
            affected_rows=no_rows,
            victim_classes=(),
            target_classes=(),
        )
