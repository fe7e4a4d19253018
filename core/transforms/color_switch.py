"""Swaps the red and the green channel."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class ColorSwitch(Transform):
    """Swaps the red and the green channel."""

    name: ClassVar[str] = "color_switch"
    title: ClassVar[str] = "Colour switch"

    def apply(self, images: "Tensor") -> "Tensor":
        """Deterministic."""
        return images[:, [1, 0, 2]]
