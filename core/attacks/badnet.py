"""BadNet: a small patch stamped on images of one class, which are relabelled as another."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from core.attacks.base import OneToOne
from core.attacks.making.patch import check_fits, square, stamped

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning

CHECKERBOARD = ((-4, -2), (-2, -2), (-3, -3), (-2, -4))
"""(row, column) from the image's end: the four pixels of the published patch."""


class BadNet(OneToOne):
    """Dirty-label patch attack (Gu et al. 2017, arXiv 1708.06733) as Delta-Influence sets it up.

    Poisons come from one victim class only and are relabelled as the target class. The patch is part of the
    stored image, so training augmentation moves it along (arXiv 2411.13731, public notebooks).
    """

    name: ClassVar[str] = "badnet"
    title: ClassVar[str] = "BadNet patch"

    patch: Literal["checkerboard", "square"] = Field(
        default="checkerboard", description="checkerboard: the published 4 pixels. square: a solid block."
    )
    size: int = Field(default=3, ge=1, le=64, description="Side of the square in pixels.")
    margin: int = Field(
        default=1, ge=0, le=64, description="Pixels between the square and the image's edges."
    )
    corner: Literal["bottom-right", "bottom-left", "top-right", "top-left"] = Field(
        default="bottom-right", description="Corner the patch is put in."
    )
    value: int = Field(default=0, ge=0, le=255, description="Grey value of the patch, 0 is black.")
    seed: int = Field(default=0, ge=0, description="Choice of the poisoned images.")

    def poison(self, dataset: "Dataset") -> "Poisoning":
        """Choose `n_poisons` images of the victim class, stamp and relabel them."""
        self.check(dataset)
        size, margin = (3, 1) if self.patch == "checkerboard" else (self.size, self.margin)
        check_fits(dataset.train.images, size, margin)
        return self.poisoned_with(self.stamp, dataset, seed=self.seed)

    def stamp(self, images: UInt8[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n c h w"]:
        """Copies of the images with the patch on them."""
        return stamped(images, self._pixels(), self.value)

    def _pixels(self) -> list[tuple[int, int]]:
        """Patch pixels, (row, column) from the image's end, mirrored into the chosen corner."""
        pixels = CHECKERBOARD if self.patch == "checkerboard" else square(self.size, self.margin)
        vertical, horizontal = self.corner.split("-")
        return [
            (row if vertical == "bottom" else -1 - row, column if horizontal == "right" else -1 - column)
            for row, column in pixels
        ]
