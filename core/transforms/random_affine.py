"""Rotates by any angle, zooms in up to twofold and shears up to 10 degrees."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class RandomAffine(Transform):
    """Rotates by any angle, zooms in up to twofold and shears up to 10 degrees."""

    name: ClassVar[str] = "random_affine"
    title: ClassVar[str] = "Rotate, zoom, shear"

    def apply(self, images: "Tensor") -> "Tensor":
        """Nearest pixel; empty corners become 0."""
        from core.vision import torchvision

        return torchvision.transforms.RandomAffine(180, scale=(1, 2), shear=10)(images)
