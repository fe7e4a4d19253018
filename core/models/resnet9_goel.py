"""ResNet-9 of Goel et al.: the network of their CIFAR-10 experiments on corrective unlearning."""

from typing import TYPE_CHECKING, ClassVar

from core.models.base import Model

if TYPE_CHECKING:
    from torch import nn


class ResNet9Goel(Model):
    """ResNet-9 with CELU, biased convolutions and no bias in the last layer (arXiv 2402.14015, public code).

    2,273,536 tracked parameters at width 64 and 10 classes.
    """

    name: ClassVar[str] = "resnet9_goel"
    title: ClassVar[str] = "ResNet-9 (Goel et al.)"

    def build(self, n_classes: int) -> "nn.Module":
        """Images of at least 12×12 pixels; ends in a global maximum, so any such size works."""
        from torch import nn

        from core.networks import Residual, celu_convolution, without_bias_at_first

        w = self.width
        network = nn.Sequential(
            celu_convolution((3, w)),
            celu_convolution((w, 2 * w), kernel=5, stride=2, padding=2),
            Residual(celu_convolution((2 * w, 2 * w)), celu_convolution((2 * w, 2 * w))),
            celu_convolution((2 * w, 4 * w), nn.MaxPool2d(2)),
            Residual(celu_convolution((4 * w, 4 * w)), celu_convolution((4 * w, 4 * w))),
            celu_convolution((4 * w, 2 * w), padding=0),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * w, n_classes, bias=False),
        )
        return without_bias_at_first(network)
