"""Blurs with a wide Gaussian (kernel 5 × 9, sigma 8 to 10)."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class Blurrer(Transform):
    """Blurs with a wide Gaussian (kernel 5 × 9, sigma 8 to 10)."""

    name: ClassVar[str] = "blurrer"
    title: ClassVar[str] = "Blur"

    def apply(self, images: "Tensor") -> "Tensor":
        """Width 5, height 9."""
        from core.vision import torchvision

        return torchvision.transforms.GaussianBlur(kernel_size=(5, 9), sigma=(8.0, 10.0))(images)
