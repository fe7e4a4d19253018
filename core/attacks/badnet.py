"""BadNet: a small patch stamped on images of one class, which are relabelled as another."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import Field, model_validator

from core.attacks.base import Attack
from core.randomness import numpy_stream

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning

CHECKERBOARD = ((-4, -2), (-2, -2), (-3, -3), (-2, -4))
"""(row, column) from the image's end: the four pixels of the published patch."""


class BadNet(Attack):
    """Dirty-label patch attack (Gu et al. 2017, arXiv 1708.06733) as Delta-Influence sets it up.

    Poisons come from one victim class only and are relabelled as the target class. The patch is part of the
    stored image, so training augmentation moves it along (arXiv 2411.13731, public notebooks).
    """

    name: ClassVar[str] = "badnet"
    title: ClassVar[str] = "BadNet patch"

    n_poisons: int = Field(
        default=500, ge=1, title="Poisoned images", description="Training images to alter."
    )
    victim_class: int = Field(
        default=8, ge=0, description="Class whose images receive the patch (its number)."
    )
    target_class: int = Field(default=5, ge=0, description="Class that the patch shall cause (its number).")
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

    @model_validator(mode="after")
    def _classes_differ(self) -> "BadNet":
        if self.victim_class == self.target_class:
            raise ValueError(f"attack.target_class={self.target_class}: must differ from the victim class")
        return self

    def poison(self, dataset: "Dataset") -> "Poisoning":
        """Choose `n_poisons` images of the victim class, stamp and relabel them."""
        from core.artifacts import Poisoning, Split

        self._check(dataset)
        candidates = np.flatnonzero(dataset.train.labels == self.victim_class)
        chosen = numpy_stream(self.seed, "poisons").permutation(candidates)[: self.n_poisons]
        indices = np.sort(chosen)
        rows = np.flatnonzero(dataset.test.labels == self.victim_class)
        return Poisoning(
            indices=indices,
            images=self.stamp(dataset.train.images[indices]),
            labels=np.full(len(indices), self.target_class, np.int64),
            triggered=Split(self.stamp(dataset.test.images[rows]), dataset.test.labels[rows]),
            triggered_rows=rows,
            wanted=np.full(len(rows), self.target_class, np.int64),
            affected_rows=np.zeros(0, np.int64),
            victim_classes=(self.victim_class,),
            target_classes=(self.target_class,),
        )

    def stamp(self, images: UInt8[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n c h w"]:
        """Copies of the images with the patch on them."""
        images = np.array(images)
        height, width = images.shape[2:]
        vertical, horizontal = self.corner.split("-")
        for row, column in self._pixels():
            row = row if vertical == "bottom" else -1 - row
            column = column if horizontal == "right" else -1 - column
            images[:, :, row % height, column % width] = self.value
        return images

    def _pixels(self) -> list[tuple[int, int]]:
        """Patch pixels as negative offsets from the bottom-right corner."""
        if self.patch == "checkerboard":
            return list(CHECKERBOARD)
        span = range(-self.margin - self.size, -self.margin)
        return [(row, column) for row in span for column in span]

    def _check(self, dataset: "Dataset") -> None:
        n_classes, side = len(dataset.class_names), min(dataset.train.images.shape[2:])
        for field in ("victim_class", "target_class"):
            if getattr(self, field) >= n_classes:
                raise ValueError(f"attack.{field}={getattr(self, field)}: expected 0 to {n_classes - 1}")
        available = int((dataset.train.labels == self.victim_class).sum())
        if self.n_poisons > available:
            name = dataset.class_names[self.victim_class]
            raise ValueError(
                f"attack.n_poisons={self.n_poisons}: class {name!r} has {available} training images"
            )
        if max(-offset for pixel in self._pixels() for offset in pixel) > side:
            raise ValueError(
                f"attack.size={self.size} with margin {self.margin}: the images are {side} pixels"
            )
        if not (dataset.test.labels == self.victim_class).any():
            raise ValueError(f"attack.victim_class={self.victim_class}: no test image to put the trigger on")
