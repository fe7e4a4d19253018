"""BadNet of Goel et al.: a white square stamped on images of any class, all relabelled as one class."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from core.attacks.base import Attack
from core.attacks.making.checks import check_classes, check_some_stay
from core.attacks.making.patch import check_fits, square, stamped
from core.randomness import numpy_stream

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning


class BadNetAnyClass(Attack):
    """Dirty-label patch attack (Gu et al. 2017, arXiv 1708.06733) as Goel et al. (arXiv 2402.14015) set it up.

    Poisons come from all classes, the target class included, whose images keep their label. The published grey
    value, the maximum of the standardised training set, is white within what 8 bits can store. Deviates: the
    public code puts the patch on after augmentation, ours is part of the stored image and moves along with it.
    """

    name: ClassVar[str] = "badnet_any_class"
    title: ClassVar[str] = "BadNet patch on any class"

    n_poisons: int = Field(
        default=500, ge=1, title="Poisoned images", description="Training images to alter."
    )
    target_class: int = Field(default=0, ge=0, description="Class that the patch shall cause (its number).")
    size: int = Field(
        default=3,
        ge=1,
        le=64,
        description="Side in pixels of the square, which fills the bottom-right corner.",
    )
    value: int = Field(default=255, ge=0, le=255, description="Grey value of the square, 255 is white.")
    seed: int = Field(default=0, ge=0, description="Choice of the poisoned images.")

    def poison(self, dataset: "Dataset") -> "Poisoning":
        """Choose `n_poisons` of all training images, stamp and relabel them."""
        from core.artifacts import Poisoning, Split

        indices = self._chosen(dataset)
        others = [k for k in range(len(dataset.class_names)) if k != self.target_class]
        return Poisoning(
            indices=indices,
            images=self.stamp(dataset.train.images[indices]),
            labels=np.full(len(indices), self.target_class, np.int64),
            triggered=Split(self.stamp(dataset.test.images), np.array(dataset.test.labels)),
            triggered_rows=np.arange(len(dataset.test)),
            wanted=np.full(len(dataset.test), self.target_class, np.int64),
            affected_rows=np.zeros(0, np.int64),
            victim_classes=tuple(others),
            target_classes=(self.target_class,),
        )

    def stamp(self, images: UInt8[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n c h w"]:
        """Copies of the images with the square on them."""
        return stamped(images, square(self.size, 0), self.value)

    def _chosen(self, dataset: "Dataset") -> np.ndarray:
        """Training rows to alter, ascending. Raises ValueError where the settings do not fit the data."""
        check_classes(dataset, target_class=self.target_class)
        check_fits(dataset.train.images, self.size, 0)
        n = len(dataset.train)
        if self.n_poisons >= n:
            raise ValueError(f"attack.n_poisons={self.n_poisons}: there are {n} training images")
        indices = np.sort(numpy_stream(self.seed, "poisons").permutation(n)[: self.n_poisons])
        check_some_stay(dataset, self.n_poisons, indices)
        return indices
