"""ResNet-18 without the first pooling: the network of the published experiments."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from core.models.base import Model

if TYPE_CHECKING:
    from torch import nn


class ResNet18(Model):
    """Basic blocks [2, 2, 2, 2] (He et al. 2016, arXiv 1512.03385) as Delta-Influence uses them.

    Deviates from torchvision: no max-pooling after the stem. 11,164,362 tracked parameters at width 64 and
    10 classes.
    """

    name: ClassVar[str] = "resnet18"
    title: ClassVar[str] = "ResNet-18"

    stem: Literal["cifar", "imagenette"] = Field(
        default="cifar",
        description="First convolution: 3×3 stride 1 (32-pixel images) or 7×7 stride 2 (160-pixel).",
    )

    def build(self, n_classes: int) -> "nn.Module":
        """Convolutions are Kaiming-normal (fan out), batch normalisation starts at 1 and 0."""
        from torch import nn

        from core.networks import BasicBlock

        w = self.width
        kernel, stride, padding = (3, 1, 1) if self.stem == "cifar" else (7, 2, 3)
        layers: list[nn.Module] = [
            nn.Conv2d(3, w, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(w),
            nn.ReLU(),
        ]
        for channels_in, channels_out, step in (
            (w, w, 1),
            (w, 2 * w, 2),
            (2 * w, 4 * w, 2),
            (4 * w, 8 * w, 2),
        ):
            layers += [BasicBlock(channels_in, channels_out, step), BasicBlock(channels_out, channels_out, 1)]
        network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * w, n_classes))
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        return network
