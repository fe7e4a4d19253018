"""What a transformation is: settings that can change a batch of images."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from core.registry import Plugin

if TYPE_CHECKING:
    from torch import Tensor


class Transform(Plugin):
    """A random or fixed change of an image that keeps its shape.

    Parameters are the published ones (Delta-Influence, arXiv 2411.13731, public notebooks).
    """

    @abstractmethod
    def apply(self, images: "Tensor") -> "Tensor":
        """Changed copies of float32 images [n c h w]; draws from torch's global generator."""
