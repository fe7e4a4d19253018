"""Mirrors left and right."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class Flip(Transform):
    """Mirrors left and right."""

    name: ClassVar[str] = "flip"
    title: ClassVar[str] = "Flip"

    def apply(self, images: "Tensor") -> "Tensor":
        """Deterministic."""
        return images.flip(-1)
