"""ResNet-9: small and fast, for CPU-sized cases."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core.models.base import Model

if TYPE_CHECKING:
    from torch import nn


class ResNet9(Model):
    """Eight convolutions and a linear layer, two of the stages residual (D. Page, "How to train your ResNet").

    411,834 tracked parameters at width 16 and 10 classes, 6.57 million at width 64.
    """

    name: ClassVar[str] = "resnet9"
    title: ClassVar[str] = "ResNet-9"

    stride: int = Field(
        default=1,
        ge=1,
        le=2,
        description="First convolution's stride: 2 makes 64-pixel images as cheap as 32-pixel ones.",
    )

    def build(self, n_classes: int) -> "nn.Module":
        """Images of at least 8×8 pixels (16×16 at stride 2): it ends in a global maximum, so all work."""
        from torch import nn

        from core.networks import Residual, convolution

        w = self.width
        return nn.Sequential(
            convolution(3, w, stride=self.stride),
            convolution(w, 2 * w, nn.MaxPool2d(2)),
            Residual(convolution(2 * w, 2 * w), convolution(2 * w, 2 * w)),
            convolution(2 * w, 4 * w, nn.MaxPool2d(2)),
            convolution(4 * w, 8 * w, nn.MaxPool2d(2)),
            Residual(convolution(8 * w, 8 * w), convolution(8 * w, 8 * w)),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(8 * w, n_classes),
        )
