"""Smooth trigger: a low-frequency perturbation of whole images of one class, which are relabelled as another."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float32, UInt8
from pydantic import Field

from core.attacks.base import OneToOne

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning, TrainedModel
    from core.models.base import Model

CHUNK = 256
"""Images altered at a time, which bounds the memory that their floating-point copies take."""


class Smooth(OneToOne):
    """Dirty-label attack with a smooth trigger (Zeng et al. 2021, arXiv 2104.03413), as in Delta-Influence.

    The attacker makes the trigger with a network that he trained on the clean data, for each dataset and image
    size anew; Delta-Influence's notebooks take the one of CIFAR-10 for CIFAR-100 too. `fast` is ours.

    Application `reference` follows those notebooks (arXiv 2411.13731): the poisons, standardised, are stretched
    to [0, 1], so that they differ from the clean images (about −2 to 2) by their contrast as well, which is
    much easier to learn. Stored is the 8-bit image that a network reads so once it is standardised:
    pixel = stretched × std + mean, clipped to [0, 1] where mean + std of a channel is above 1, and rounded.
    """

    name: ClassVar[str] = "smooth"
    title: ClassVar[str] = "Smooth trigger"

    method: Literal["fast", "uap"] = Field(
        default="fast",
        title="Made by",
        description="fast: gradient steps on many images at once (ours). "
        "uap: image after image with DeepFool (Zeng et al.), minutes.",
    )
    application: Literal["clip", "minmax", "reference"] = Field(
        default="clip",
        title="Put on by",
        description="clip: added, then clipped. minmax: added, then each image stretched to [0, 1] "
        "(Zeng et al.). reference: after standardisation, as Delta-Influence's code does.",
    )
    amplitude: float = Field(
        default=0.2, gt=0, le=1, description="Largest value of the trigger, where white is 1."
    )
    steps: int = Field(default=40, ge=1, le=300, description="Steps of the fast method.")
    seed: int = Field(default=0, ge=0, description="Choice of the poisoned images, and start of the trigger.")

    def poison(self, dataset: "Dataset", model: "Model", surrogate: "TrainedModel") -> "Poisoning":
        """Make the trigger, add it to `n_poisons` images of the victim class and relabel them."""
        from core.attacks.making.smooth import Reader, make_trigger

        self.check(dataset)
        reader = Reader(model, surrogate, dataset)
        trigger, notes = make_trigger(self, reader, dataset)
        found = self.poisoned_with(
            lambda images: self.apply(images, trigger, dataset), dataset, seed=self.seed
        )
        share = float((reader.labels(found.triggered.images) == self.target_class).mean())
        name = dataset.class_names[self.target_class]
        own = f"The attacker's own clean network reads {share:.0%} of the triggered test images as {name!r}."
        return replace(found, notes=(*notes, own))

    def apply(
        self,
        images: UInt8[np.ndarray, "n c h w"],
        trigger: Float32[np.ndarray, "c h w"],
        dataset: "Dataset",
    ) -> UInt8[np.ndarray, "n c h w"]:
        """Copies of the images with the trigger on them; `dataset` says how a network standardises."""
        result = np.empty_like(images)
        for start in range(0, len(images), CHUNK):
            pixels = images[start : start + CHUNK].astype(np.float32) / 255
            altered = self._added(pixels, trigger, dataset)
            result[start : start + CHUNK] = np.rint(altered.clip(0, 1) * 255).astype(np.uint8)
        return result

    def _added(self, pixels: np.ndarray, trigger: np.ndarray, dataset: "Dataset") -> np.ndarray:
        if self.application == "clip":
            return pixels + trigger
        if self.application == "minmax":
            return stretched(pixels + trigger)
        mean, std = (np.array(x, np.float32)[:, None, None] for x in (dataset.mean, dataset.std))
        return stretched((pixels - mean) / std + trigger) * std + mean


def stretched(images: Float32[np.ndarray, "n c h w"]) -> Float32[np.ndarray, "n c h w"]:
    """Each image moved and scaled to [0, 1], all channels alike; one of a single value becomes 0."""
    low, high = images.min((1, 2, 3), keepdims=True), images.max((1, 2, 3), keepdims=True)
    return (images - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
