"""Where tensors live: the chosen device, its precision switches and its description for provenance.

The device never enters a key: the same experiment gives the same result names on CPU and GPU.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Name = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16"]
_chosen: ContextVar[str] = ContextVar("device", default="auto")


@contextmanager
def use(name: Name) -> Iterator[None]:
    """Compute inside the block on `name`; `auto` takes CUDA where there is one."""
    token = _chosen.set(name)
    try:
        current()
        yield
    finally:
        _chosen.reset(token)


def current() -> "torch.device":
    """The device to compute on; raises RuntimeError when CUDA was asked for and there is none."""
    import torch

    name = _chosen.get()
    if name == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("device=cuda: this machine offers no CUDA device; use --device auto or cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.set_float32_matmul_precision("high")  # TF32: about 3x on Ampere and later
    torch.backends.cudnn.allow_tf32 = True
    return torch.device("cuda")


def autocast(precision: Precision) -> "torch.autocast":
    """bfloat16 matrix products where asked for, else a context that changes nothing."""
    import torch

    return torch.autocast(current().type, dtype=torch.bfloat16, enabled=precision == "bf16")


def clock() -> float:
    """Wall-clock seconds since some moment, read once the device has done all that it was asked to."""
    import torch

    if current().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def describe() -> str:
    """The hardware in words, for example `AMD EPYC, 2 cores` or `NVIDIA H100 80GB HBM3`."""
    if _chosen.get() != "cpu" and (name := _cuda_name()):
        return name
    return f"{_cpu_name()}, {len(os.sched_getaffinity(0))} cores"


def threads() -> int:
    """How many CPU threads matrix products use."""
    import torch

    return torch.get_num_threads()


@cache
def _cuda_name() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


@cache
def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (x.partition(":")[2].strip() for x in lines if x.startswith("model name")), platform.machine()
    )
