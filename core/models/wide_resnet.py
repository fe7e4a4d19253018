"""Wide ResNet: WRN-28-10 is the network of Goel et al.'s CIFAR-100 experiments."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from core.models.base import Model

if TYPE_CHECKING:
    from torch import nn


class WideResNet(Model):
    """Wide residual network (Zagoruyko & Komodakis 2016, arXiv 1605.07146) of Goel et al. (2402.14015).

    Deviates from the paper as their public code does: see `WideBlock`, and no normalisation or ReLU before
    the pooling. 36,471,338 tracked parameters at the defaults (WRN-28-10) and 10 classes.
    """

    name: ClassVar[str] = "wide_resnet"
    title: ClassVar[str] = "Wide ResNet"

    width: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="Channels of the first layer; the stages have `widen` times as many.",
    )
    depth: int = Field(default=28, ge=10, le=100, description="Layers: 6 × blocks per stage + 4.")
    widen: int = Field(
        default=10, ge=1, le=20, description="How much wider than the first layer the stages are."
    )

    @field_validator("depth")
    @classmethod
    def _whole_blocks(cls, depth: int) -> int:
        if depth % 6 != 4:
            raise ValueError(f"depth={depth}: expected 6 × blocks + 4, for example 10, 16, 22 or 28")
        return depth

    def build(self, n_classes: int) -> "nn.Module":
        """Images of any size: the published 8×8 average pooling is global here, the same for 32 pixels."""
        from torch import nn

        from core.networks import WideBlock, without_bias_at_first

        stages = [self.width * self.widen * scale for scale in (1, 2, 4)]
        layers: list[nn.Module] = [nn.Conv2d(3, self.width, 3, padding=1)]
        before = self.width
        for channels, stride in zip(stages, (1, 2, 2), strict=True):
            layers.append(WideBlock(before, channels, stride))
            layers += [WideBlock(channels, channels, 1) for _ in range((self.depth - 4) // 6 - 1)]
            before = channels
        pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, n_classes))
        return without_bias_at_first(nn.Sequential(*layers, *pooled))
