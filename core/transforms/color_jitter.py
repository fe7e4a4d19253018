"""Changes brightness, contrast, saturation and hue a little, in random order."""

from typing import TYPE_CHECKING, ClassVar

from core.transforms.base import Transform

if TYPE_CHECKING:
    from torch import Tensor


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue a little, in random order."""

    name: ClassVar[str] = "color_jitter"
    title: ClassVar[str] = "Colour jitter"

    def apply(self, images: "Tensor") -> "Tensor":
        """Clamps to [0, 1] inside, which matters in reference space."""
        from core.vision import torchvision

        jitter = torchvision.transforms.ColorJitter((0.9, 1.1), (0.9, 1.1), (0.6, 1.4), (-0.1, 0.1))
        return jitter(images)
