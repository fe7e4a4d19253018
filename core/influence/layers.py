"""The layers whose gradients carry influence, written as matrix products.

The gradient of one image in a layer is columnsᵀ · rows: `rows` are the patches that enter the layer [b s i],
`columns` the gradients of what leaves it [b s o]. Axes: b images, s positions, i inputs (one more for a bias),
o outputs. Patches are kept kernel-major (y, x, channel), which in channels-last memory is plain copying;
kronfluence's files are channel-major, `to_file` and `from_file` translate.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NotHandled(ValueError):
    """The network has a layer whose gradient this engine cannot take apart."""


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer of a network."""

    name: str
    module: nn.Conv2d | nn.Linear

    @property
    def outputs(self) -> int:
        """o: output channels."""
        return self.module.weight.shape[0]

    @property
    def inputs(self) -> int:
        """i: weights per output channel, and one for the bias."""
        return self.module.weight[0].numel() + (self.module.bias is not None)

    @property
    def parameters(self) -> int:
        """Tracked parameters, o · i."""
        return self.outputs * self.inputs

    def rows(self, x: Tensor, scratch: "Scratch | None" = None) -> Tensor:
        """What the weights are multiplied with, [b s i]."""
        m = self.module
        patches = x.unsqueeze(1) if isinstance(m, nn.Linear) else patches_of(x, m, scratch)
        if self.module.bias is None:
            return patches
        return torch.cat([patches, patches.new_ones(*patches.shape[:2], 1)], 2)

    def columns(self, gradient: Tensor) -> Tensor:
        """Gradient of the layer's output, [b s o]."""
        return gradient.unsqueeze(1) if gradient.ndim == 2 else gradient.flatten(2).mT

    @cached_property
    def file_order(self) -> Tensor:
        """For each of our input positions, its place in kronfluence's files."""
        if isinstance(self.module, nn.Linear):
            return torch.arange(self.inputs)
        shape = self.module.weight.shape[1:]
        order = torch.arange(shape.numel()).reshape(shape).permute(1, 2, 0).flatten()
        return torch.cat([order, torch.arange(len(order), self.inputs)])

    def from_file(self, matrix: Tensor, axis: int) -> Tensor:
        """A matrix of kronfluence's with its input axis in our order."""
        return matrix.index_select(axis, self.file_order)

    def to_file(self, matrix: Tensor, axis: int) -> Tensor:
        """A matrix of ours with its input axis in kronfluence's order."""
        return matrix.index_select(axis, self.file_order.argsort())


class Scratch:
    """Memory for results that live until the next call only; asking the system for it anew costs a third more."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """An uninitialised tensor of this shape; what was taken under the same name before is overwritten."""
        size, key = math.prod(shape), (name, like.dtype)
        if key not in self._buffers or self._buffers[key].numel() < size:
            self._buffers[key] = like.new_empty(size)
        return self._buffers[key][:size].view(shape)


def patches_of(x: Tensor, conv: nn.Conv2d, scratch: Scratch | None = None) -> Tensor:
    """Patches under a kernel, [b s ky·kx·c]; a strided view and one copy."""
    (kh, kw), (sh, sw), (dh, dw) = conv.kernel_size, conv.stride, conv.dilation
    (ph, pw) = paddings(conv)
    padded = F.pad(x, (pw, pw, ph, ph)) if ph or pw else x
    nhwc = padded.permute(0, 2, 3, 1).contiguous()
    b, h, w, c = nhwc.shape
    out = ((h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1)
    image, line, pixel, _ = nhwc.stride()
    view = nhwc.as_strided(
        (b, *out, kh, kw, c), (image, line * sh, pixel * sw, line * dh, pixel * dw, 1)
    )  # b y x ky kx c
    patches = (scratch or Scratch()).take("patches", x, *view.shape).copy_(view)
    return patches.view(b, out[0] * out[1], kh * kw * c)


def paddings(conv: nn.Conv2d) -> tuple[int, int]:
    """Zeros added above and left; raises NotHandled where other padding is used."""
    padding = conv.padding
    if padding == "valid":
        return 0, 0
    if isinstance(padding, str):
        raise NotHandled(f"padding '{padding}'")
    return padding[0], padding[1]


def tracked(network: nn.Module) -> list[Layer]:
    """Every convolution and linear layer, in order. Raises NotHandled for kinds that need kronfluence.

    Normalisation layers are not tracked, as in kronfluence.
    """
    layers = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if isinstance(module, nn.Conv2d):
                paddings(module)
                if module.groups != 1 or module.padding_mode != "zeros":
                    raise NotHandled(
                        f"layer '{name}': groups={module.groups}, padding '{module.padding_mode}'"
                    )
            layers.append(Layer(name, module))
    if not layers:
        raise NotHandled("the network has no convolution and no linear layer")
    return layers
