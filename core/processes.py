"""How many processes share the large passes over a training set: one, unless somebody asks for more or has more GPUs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

VARIABLE = "INFLUENCE_PROCESSES"
MOST = 64
_wanted: ContextVar[int | None] = ContextVar("processes", default=None)


@contextmanager
def use(n: int | None) -> Iterator[None]:
    """Share large passes inside the block among `n` processes; None leaves it to the environment."""
    if n is not None and not 1 <= n <= MOST:
        raise ValueError(f"processes={n}: expected a number from 1 to {MOST}")
    token = _wanted.set(n)
    try:
        yield
    finally:
        _wanted.reset(token)


def wanted() -> int:
    """How many were asked for: in the block, else in the environment, else one for each GPU in use."""
    if (n := _wanted.get()) is not None:
        return n
    if text := os.environ.get(VARIABLE, ""):
        if not text.isdigit() or not 1 <= int(text) <= MOST:
            raise ValueError(f"{VARIABLE}={text!r}: expected a number from 1 to {MOST}")
        return int(text)
    from core import device

    return max(1, len(gpus())) if device.current().type == "cuda" else 1


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return named[:count] if named else [str(n) for n in range(count)]
