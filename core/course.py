"""Gradient descent that can be taken up again: network, optimiser, schedule and step, kept in the stage's folder.

Random numbers are not kept but drawn again up to the step, which costs nothing, unless they come from torch's own stream.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from core import device, partial
from core.networks import weights_of

NETWORK, OPTIMISER, EXTRA, RANDOM = "network/", "optimiser/", "extra/", "random/"


class Course:
    """One training loop. `first` steps of it were done by somebody who was killed; 0 where there was nobody."""

    def __init__(
        self,
        name: str,
        network: nn.Module | None,
        optimiser: Optimizer,
        schedule: LambdaLR | None = None,
        *,
        dropout: bool = False,
    ) -> None:
        """Takes up what was kept, if anything. With `dropout` torch's own random stream is part of it."""
        self.network, self.optimiser, self.schedule, self.dropout = network, optimiser, schedule, dropout
        self.first, self.extra, self.plain = 0, dict[str, Tensor](), dict[str, Any]()
        self.work = partial.work(name)
        if state := self.work.latest():
            self._take_up(state)

    def offer(self, step: int, words: str, *, last: bool, extra: dict[str, Tensor], **plain: Any) -> None:
        """Keep where the loop is after `step` steps, if it is time to; `extra` and `plain` come back after a kill."""

        def state() -> partial.State:
            tensors = {EXTRA + name: tensor for name, tensor in extra.items()}
            tensors |= dict(_state_of(self.optimiser))
            if self.dropout:
                tensors |= dict(_streams())
            arrays = {name: t.detach().cpu().numpy() for name, t in tensors.items()}
            if self.network is not None:
                arrays |= {NETWORK + name: array for name, array in weights_of(self.network).items()}
            about = {"step": step, "plain": plain}
            if self.schedule is not None:
                about["schedule"] = {k: v for k, v in self.schedule.state_dict().items() if k != "lr_lambdas"}
            return partial.State(arrays, about, words)

        self.work.offer(state, last=last)

    def _take_up(self, state: partial.State) -> None:
        tensors = {name: torch.from_numpy(array) for name, array in state.arrays.items()}
        if self.network is not None:
            self.network.load_state_dict(_under(NETWORK, tensors))
        _restore(self.optimiser, _under(OPTIMISER, tensors))
        if self.schedule is not None:
            self.schedule.load_state_dict(state.plain["schedule"] | {"lr_lambdas": [None]})
            for group, rate in zip(self.optimiser.param_groups, self.schedule.get_last_lr(), strict=True):
                group["lr"] = rate
        if self.dropout:
            streams = _under(RANDOM, tensors)
            torch.set_rng_state(streams["cpu"])
            if "cuda" in streams:
                torch.cuda.set_rng_state(streams["cuda"])
        self.first, self.plain = state.plain["step"], state.plain["plain"]
        self.extra = {name: t.to(device.current()) for name, t in _under(EXTRA, tensors).items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _state_of(optimiser: Optimizer) -> Iterator[tuple[str, Tensor]]:
    for n, parameter in enumerate(_parameters(optimiser)):
        for name, value in optimiser.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                yield f"{OPTIMISER}{n}/{name}", value


def _restore(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = _parameters(optimiser)
    for place, tensor in tensors.items():
        n, name = place.split("/")
        parameter = parameters[int(n)]
        if tensor.shape == parameter.shape:  # lies in memory as the parameter does
            tensor = torch.empty_like(parameter).detach().copy_(tensor)
        optimiser.state[parameter][name] = tensor


def _parameters(optimiser: Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _streams() -> Iterator[tuple[str, Tensor]]:
    yield f"{RANDOM}cpu", torch.get_rng_state()
    if device.current().type == "cuda":
        yield f"{RANDOM}cuda", torch.cuda.get_rng_state()
