"""Processes that share one pass over a training set: each takes partitions, this one puts the results together.

They are started afresh (never forked), one for each GPU or with one thread each. One that ends before its task is done
is started again; all of them end with the block, and by themselves when this process is gone.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from core import device, memory, partial, processes
from core.artifacts import Dataset
from core.influence import forecast, parcel
from core.influence.remote import Remote
from core.models.base import Model

log = logging.getLogger(__name__)
MEMORY_SHARE = 0.8
"""Of the free memory may go to other processes."""
_model: ContextVar[Model | None] = ContextVar("shared_model", default=None)


class Parcel(Protocol):
    """A pass that can be sent to another process."""

    @property
    def network(self) -> nn.Module:
        """The victim."""
        ...

    @property
    def dataset(self) -> Dataset:
        """Whose training images it goes over."""
        ...

    def packed(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What it needs beside these: plain values, and tensors by name."""
        ...


@contextmanager
def sharing(model: Model) -> Iterator[None]:
    """Passes inside the block may be shared among processes, which build the network by these settings."""
    token = _model.set(model)
    try:
        yield
    finally:
        _model.reset(token)


@contextmanager
def lanes(work: Parcel, tasks: int) -> Iterator[list[Remote]]:
    """Processes for a pass of so many tasks; none where one process does it all."""
    model, wanted = _model.get(), min(processes.wanted(), tasks)
    n = affordable(work, wanted) if model is not None and wanted > 1 else 1
    if model is None or n < 2:
        yield []
        return
    with TemporaryDirectory(prefix="partitions-", dir=partial.scratch()) as name:
        folder = Path(name)
        parcel.pack(work, model, folder)
        crew = [Remote(folder, number) for number in range(n)]
        try:
            yield crew
        finally:
            for each in crew:
                each.end()


def affordable(work: Parcel, wanted: int) -> int:
    """As many of these processes as the free memory holds."""
    shape = work.dataset.train.images.shape[1:]
    parts = forecast.layers_of(copy.deepcopy(work.network).cpu().eval(), shape)
    on_gpu = device.current().type == "cuda"
    _, tensors = work.packed()
    sent = float(sum(t.nbytes for t in tensors.values()))
    each = forecast.worker_bytes(parts, on_gpu) + 2 * forecast.factor_bytes(parts) + sent
    free = memory.free() - work.dataset.train.images.nbytes
    fits = int(free * MEMORY_SHARE / (forecast.LIBRARIES + each))
    if on_gpu:
        per_gpu = int(torch.cuda.mem_get_info()[0] * MEMORY_SHARE / (forecast.LIBRARIES + each))
        fits = min(fits, max(1, per_gpu) * len(processes.gpus()))
    if fits < wanted:
        log.warning(
            "processes=%d: each needs %.1f GB of memory, %.1f GB are free; going on with %d",
            wanted,
            (forecast.LIBRARIES + each) / 1e9,
            free / 1e9,
            max(1, fits),
        )
    return max(1, min(wanted, fits))
