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
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Name = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16"]
_chosen: ContextVar[str] = ContextVar("device", default="auto")


class NoCuda(RuntimeError):
    """CUDA was asked for and there is none; the message says why and how to go on."""


def chosen() -> str:
    """What was asked for: auto, cpu or cuda."""
    return _chosen.get()


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
    """The device to compute on; raises NoCuda when CUDA was asked for and there is none."""
    import torch

    name = _chosen.get()
    if name == "cuda" and not torch.cuda.is_available():
        raise NoCuda(
            f"device=cuda: this machine offers no CUDA device; use --device auto or cpu. {why_no_cuda()}"
        )
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.set_float32_matmul_precision("high")  # TF32: about 3x on Ampere and later
    torch.backends.cudnn.allow_tf32 = True
    return torch.device("cuda")


def why_no_cuda() -> str:
    """In words why torch finds no CUDA device here; empty where it finds one."""
    import torch

    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None:
        return "This torch was built without CUDA: install one that has it."
    if (hidden := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None and hidden in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides every device: unset it."
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return "There is no NVIDIA device: no driver is loaded, or none was handed to this container."
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return f"The NVIDIA driver does not start: {str(error).splitlines()[0][:160]}."
    return "The NVIDIA driver reports no usable device: see nvidia-smi."


def native(precision: Precision) -> Precision:
    """bf16 only where the hardware multiplies it; elsewhere it would be slower than fp32."""
    import torch

    on_gpu = current().type == "cuda"
    has = torch.cuda.is_bf16_supported() if on_gpu else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return precision if has else "fp32"


def autocast(precision: Precision) -> "torch.autocast":
    """bfloat16 matrix products where asked for, else a context that changes nothing."""
    import torch

    return torch.autocast(current().type, dtype=torch.bfloat16, enabled=precision == "bf16")


@contextmanager
def fast_products() -> Iterator[None]:
    """fp32 matrix products inside the block by the fastest kernel that is as exact as the plain one.

    Some CPUs multiply fp32 numbers twice as fast when each is split into bf16 parts. oneDNN's switch for it
    promises no exactness, so it is tried once against fp64 and left alone where it rounds.
    """
    import torch

    setting: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # absent from torch's own stubs
    before = setting.fp32_precision
    setting.fp32_precision = "bf16" if current().type == "cpu" and _splits_exactly() else before
    try:
        yield
    finally:
        setting.fp32_precision = before


@cache
def _splits_exactly() -> bool:
    """Whether products with oneDNN's bf16 switch err no more than eight times as much as plain fp32 ones."""
    import torch

    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=draw) for _ in range(2))
    setting: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    exact = a.double() @ b.double()
    plain, before = (a @ b - exact).abs().max(), setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        return bool((a @ b - exact).abs().max() <= 8 * plain)
    finally:
        setting.fp32_precision = before


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
