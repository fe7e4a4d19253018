"""Runs a network and hands out, for every tracked layer, what entered it and the gradient of what left it."""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from core import device
from core.influence.layers import Layer, NotHandled, Scratch, tracked

Objective = Callable[[Tensor], Tensor]
"""A scalar made from logits [b k]; its gradient is taken."""


class Taps:
    """A frozen network whose tracked layers are listened to.

    Weights are shared with the original; nothing of it is changed. One thread at a time may use an instance.
    """

    def __init__(self, network: nn.Module, precision: device.Precision = "fp32") -> None:
        shared = {id(t): t for t in (*network.parameters(), *network.buffers())}
        self.network = copy.deepcopy(network, shared).eval().requires_grad_(False)
        self.precision: device.Precision = precision
        self.layers = tracked(self.network)
        self.scratch = Scratch()
        self._entered: dict[str, Tensor] = {}
        self._left: dict[str, Tensor] = {}
        self._logits = torch.empty(0)
        for layer in self.layers:
            layer.module.register_forward_hook(self._listener(layer.name))

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
        return [self._typed(x.columns(g)) for x, g in zip(self.layers, found, strict=True)]

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

    def _typed(self, tensor: Tensor) -> Tensor:
        return tensor.to(torch.bfloat16 if self.precision == "bf16" else torch.float32)
