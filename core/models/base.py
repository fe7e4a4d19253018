"""What an architecture is: settings that can build a network."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from pydantic import Field

from core.registry import Plugin

if TYPE_CHECKING:
    from torch import nn


class Model(Plugin):
    """A classifier architecture."""

    width: int = Field(
        default=64, ge=1, le=1024, description="Channels of the first layer; the others scale along."
    )

    @abstractmethod
    def build(self, n_classes: int) -> "nn.Module":
        """A randomly initialised network from images [n 3 h w] to logits [n n_classes]."""
