"""Runs a network and hands out, for every tracked layer, what entered it and the gradient of what left it."""

import copy
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core import device
from core.influence.layers import Layer, NotHandled, Scratch, tracked
from core.influence.sweep import workers

Objective = Callable[[Tensor], Tensor]
"""A scalar made from logits [b k]; its gradient is taken."""


def taps(network: nn.Module, precision: device.Precision = "fp32") -> "list[Taps]":
    """One for each worker of a sweep, sharing the weights; nothing of the network itself is changed."""
    layers, (network, scales) = tracked(network), folded(network)
    shared = {id(t): t for t in (*network.parameters(), *network.buffers())}
    return [Taps(copy.deepcopy(network, dict(shared)), layers, scales, precision) for _ in range(workers())]


def folded(network: nn.Module) -> tuple[nn.Module, dict[str, Tensor]]:
    """A frozen copy without the batch normalisations that follow a convolution, and the factors that they applied.

    In evaluation such a layer only scales and shifts each channel, which the convolution's weights can do; it costs a
    fifth of a pass. What is found at the new output, times the factor [o], is the gradient at the convolution's own.
    """
    network = copy.deepcopy(network).eval().requires_grad_(False)
    names, scales = {module: name for name, module in network.named_modules()}, {}
    for parent in list(names):
        if isinstance(parent, nn.Sequential):
            for place, (conv, norm) in enumerate(pairwise(parent)):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and _fixed(norm):
                    fused = fuse_conv_bn_eval(conv, norm)
                    scales[names[conv]] = norm.weight * (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator]
                    conv.weight, conv.bias = fused.weight, fused.bias
                    parent[place + 1] = nn.Identity()
    return network.requires_grad_(False), scales


def _fixed(norm: nn.BatchNorm2d) -> bool:
    """Whether it scales and shifts by numbers of its own, whatever the batch."""
    return norm.affine and norm.running_var is not None


class Taps:
    """A frozen network whose tracked layers are listened to. One thread at a time may use it."""

    def __init__(
        self, network: nn.Module, layers: list[Layer], scales: dict[str, Tensor], precision: device.Precision
    ) -> None:
        self.network, self.layers = network, layers
        self.precision: device.Precision = precision
        self.scales, self.scratch = scales, Scratch()
        self._entered: dict[str, Tensor] = {}
        self._left: dict[str, Tensor] = {}
        self._logits = torch.empty(0)
        for layer in layers:
            network.get_submodule(layer.name).register_forward_hook(self._listener(layer.name))

    def _listener(self, name: str):
        def listen(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if name in self._left:
                raise NotHandled(f"layer '{name}' runs more than once per image")
            if inputs[0].ndim not in (2, 4):
                raise NotHandled(f"layer '{name}': inputs of {inputs[0].ndim} dimensions")
            if not output.requires_grad:
                output.requires_grad_()  # the first layer: no gradient of the image itself is needed
            self._entered[name], self._left[name] = inputs[0].detach(), output

        return listen

    def forward(self, images: Tensor) -> Tensor:
        """Logits in fp32 for standardised images; keeps what `gradients` needs until the next call."""
        self._entered.clear()
        self._left.clear()
        with torch.enable_grad(), device.autocast(self.precision):
            self._logits = self.network(images).float()
        return self._logits.detach()

    def columns(self, objective: Objective, again: bool = False) -> list[Tensor]:
        """Gradient of a scalar made from the last logits, at every layer's output, [b s o] each.

        With `again` the same forward pass can be asked again with another objective.
        """
        outputs = [self._left[layer.name] for layer in self.layers]
        with torch.enable_grad():
            found = torch.autograd.grad(objective(self._logits), outputs, retain_graph=again)
        return [self._columns(layer, g) for layer, g in zip(self.layers, found, strict=True)]

    def entered(self) -> Iterator[tuple[Layer, Tensor]]:
        """Each layer and what entered it."""
        for layer in self.layers:
            yield layer, self._typed(self._entered[layer.name])

    def gradients(self, objective: Objective, again: bool = False) -> Iterator[tuple[Layer, Tensor, Tensor]]:
        """Layer, rows [b s i] and columns [b s o]; the gradient of image b is columnsᵀ · rows.

        Rows are overwritten when the next layer is asked for.
        """
        columns = self.columns(objective, again)
        for (layer, x), column in zip(self.entered(), columns, strict=True):
            yield layer, layer.rows(x, self.scratch), column

    def _columns(self, layer: Layer, gradient: Tensor) -> Tensor:
        columns, scale = layer.columns(gradient), self.scales.get(layer.name)
        return self._typed(columns if scale is None else columns * scale)

    def _typed(self, tensor: Tensor) -> Tensor:
        return tensor.to(torch.bfloat16 if self.precision == "bf16" else torch.float32)
