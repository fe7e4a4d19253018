"""When memory runs out: which errors mean it, smaller batches where the result allows it, else what to lower.

Training never changes its batch size by itself, for that would be another result.
"""

import gc
import logging
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

R = TypeVar("R")
log = logging.getLogger(__name__)

SIGNS = (
    "can't allocate memory",  # torch's CPU allocator, inside a RuntimeError
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "cannot allocate memory",
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED
    "unable to mmap",
    "unable to allocate",
    "can't start new thread",  # a thread's stack has no room
    "could not create a primitive",  # what oneDNN says of its own buffers, however much of the machine is free
    "could not execute a primitive",
    "could not create a memory",
    "failed to map segment",  # a library that is loaded when it is first used
)
UNLESS_ROOMY = (
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
    "cudnn_status_internal_error",
    "unable to find an engine",
)
"""What a GPU's libraries say where there is no room for their buffers, also for other reasons: counts on a full GPU."""
UNNOTICED = ("without exception set", "without setting an exception")
"""What Python says of a library that took no notice of memory it did not get: counts where little is left."""
LITTLE = 512 * 2**20
CGROUP = Path("/proc/self/cgroup")
GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Limit and use of a control group, of version 2 and 1, and what of the use is files that are not needed."""
GPU_SIGNS = ("cuda error", "cudnn error", "cudnn_status", "cublas_status", "nvrtc", "nvml", "cuda driver")
LOWER = {
    "load_dataset": "dataset.train_limit or dataset.size",
    "choose_poisons": "attack.n_poisons or model.width",
    "train": "training.batch_size or model.width (another batch size is another result, so it is yours to choose)",
    "unlearn": "the unlearner's batch_size, training.batch_size or model.width (they change the result)",
    "fit_factors": "model.width, or OMP_NUM_THREADS (each worker has sums of its own)",
    "score_pairs": "queries.count, transforms.n_transforms or model.width",
    "score_logits": "transforms.n_transforms or model.width",
    "train_frequency_classifier": "frequency.batch_size or frequency.width",
}
"""Settings that decide how much memory a stage takes."""


class OutOfMemory(RuntimeError):
    """Memory ran out, and what was to be done cannot be done in smaller pieces; the message says what to lower."""


class AcceleratorFailed(RuntimeError):
    """The GPU, or its driver, gave up; the message says how to go on."""


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory ran out, of the machine or of the GPU."""
    if isinstance(error, MemoryError):
        return True
    words = str(error).lower()
    if isinstance(error, SystemError):
        return any(sign in words for sign in UNNOTICED) and free() < LITTLE
    if not isinstance(error, RuntimeError | OSError | ImportError):
        return False
    return any(sign in words for sign in SIGNS) or (
        any(sign in words for sign in UNLESS_ROOMY) and _gpu_is_full()
    )


def passing(words: str) -> bool:
    """Whether a failure told in these words may be none the next time: of memory, or of the GPU."""
    return ": memory ran out (" in words or ": the GPU gave up (" in words


def _gpu_is_full() -> bool:
    torch = sys.modules.get("torch")
    with suppress(RuntimeError):  # after some errors it answers nothing any more
        return torch is not None and torch.cuda.is_initialized() and torch.cuda.mem_get_info()[0] < LITTLE
    return False


@contextmanager
def explained(stage: str) -> Iterator[None]:
    """Errors of memory and of the GPU inside the block say which setting of the stage helps."""
    try:
        yield
    except (OutOfMemory, AcceleratorFailed):
        raise
    except (MemoryError, RuntimeError, OSError, ImportError, SystemError) as error:
        if ran_out(error):
            raise OutOfMemory(
                f"{stage}: memory ran out ({_first_line(error)}); nothing of this step was kept, finished steps are. "
                f"Lower {LOWER.get(stage, 'dataset.train_limit or model.width')}, close other programs, or take a machine "
                "with more memory"
            ) from error
        if any(sign in str(error).lower() for sign in GPU_SIGNS):
            raise AcceleratorFailed(
                f"{stage}: the GPU gave up ({_first_line(error)}); this process can use it no more, finished steps are "
                "kept. Start the same again; if it gives up again, go on with --device cpu, which takes longer"
            ) from error
        raise


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


class Pieces:
    """How many things are worked on at a time: half as many from where memory did not hold them."""

    def __init__(self, size: int, what: str) -> None:
        self.size, self.what = size, what

    def each(self, n: int, work: Callable[[slice], R]) -> Iterator[R]:
        """What `work` makes of all n things, a piece at a time.

        A piece is done anew from its beginning, so `work` must not add to anything. Raises what memory raised where
        even one thing does not fit.
        """
        start = 0
        while start < n:
            piece = slice(start, min(start + self.size, n))
            try:
                found = work(piece)
            except Exception as error:
                if not (smaller := half(piece.stop - start, error, self.what)):
                    raise
            else:
                start = piece.stop
                yield found
                continue
            self.size = min(self.size, smaller)
            release()  # only here: the error holds on to what had been allocated


def anew(size: int, work: Callable[[int], R], what: str) -> R:
    """What `work` makes with so many things at a time; all of it anew with half as many where memory did not hold them.

    For work that adds up, of which a piece cannot be done twice.
    """
    while True:
        try:
            return work(size)
        except Exception as error:
            if not (smaller := half(size, error, what)):
                raise
        size = smaller
        release()


def half(size: int, error: Exception, what: str) -> int:
    """Half a batch, said in the log, where this error means that memory ran out; 0 where nothing is to be gained."""
    if size <= 1 or not ran_out(error):
        return 0
    log.warning("memory ran out with %d %s at a time; going on with %d", size, what, size // 2)
    return size // 2


def release() -> None:
    """Give back what is no longer used."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def free() -> float:
    """Bytes that this process may still take: of the machine, of its container, and of its own limits."""
    own = psutil.Process().memory_info()
    limits = ((resource.RLIMIT_AS, own.vms), (resource.RLIMIT_DATA, own.data))
    rest = [
        resource.getrlimit(kind)[0] - used for kind, used in limits if _is_set(resource.getrlimit(kind)[0])
    ]
    return max(0.0, float(min([psutil.virtual_memory().available, *rest, *_group_rests()])))


def _is_set(limit: int) -> bool:
    return limit != resource.RLIM_INFINITY


def _group_rests() -> Iterator[int]:
    """What each control group around this process leaves, files that can be dropped from memory not counted."""
    for folder in _groups():
        for limit, used, cached in GROUP_FILES:
            with suppress(OSError, ValueError):  # "max", or files of the other version
                most, now = (int((folder / name).read_text()) for name in (limit, used))
                stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                yield most - now + int(stat.get(cached, 0))


def _groups() -> Iterator[Path]:
    """Folders of the control groups of memory, the innermost first; a container sees its own as the root."""
    lines = CGROUP.read_text().splitlines() if CGROUP.exists() else []
    for _, kinds, inner in (line.split(":", 2) for line in lines):
        if kinds == "" or "memory" in kinds.split(","):
            root = Path("/sys/fs/cgroup", "memory" if kinds else "")
            place = root / inner.strip("/")
            yield from (place, *(p for p in place.parents if p.is_relative_to(root)))
