"""Turns bright into dark: 1 − x."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class Inverter(Transform):
    """Turns bright into dark: 1 − x."""

    name: ClassVar[str] = "inverter"
    title: ClassVar[str] = "Invert"

    def apply(self, images: "Tensor") -> "Tensor":
        """Deterministic; a standardised image is inverted the same way, as the published code does."""
        return 1 - images
