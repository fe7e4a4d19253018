"""Warps the image like a rubber sheet (alpha 150, sigma 5)."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class Elastic(Transform):
    """Warps the image like a rubber sheet (alpha 150, sigma 5)."""

    name: ClassVar[str] = "elastic"
    title: ClassVar[str] = "Elastic"

    def apply(self, images: "Tensor") -> "Tensor":
        """Bilinear; empty places become 0."""
        from core.vision import torchvision

        return torchvision.transforms.ElasticTransform(alpha=150.0, sigma=5.0)(images)
