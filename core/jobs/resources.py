"""What a job needs and what a place offers, counted: processor threads, graphics cards, megabytes of memory.

Nothing here loads torch: the page and the supervisor count without it.
"""

import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CARDS = Path("/proc/driver/nvidia/gpus")
CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")
SMI_SECONDS = 10.0
PREFIX = "INFLUENCE_JOBS_"
MOST_THREADS = 8


@dataclass(frozen=True)
class Resources:
    """An amount of each resource. `memory` is in MB; 0 means not known, which is never refused."""

    cpu: int = 1
    gpu: int = 0
    memory: int = 0

    def __post_init__(self) -> None:
        if min(self.cpu, self.gpu, self.memory) < 0:
            raise ValueError(f"{self.words}: expected amounts of 0 or more")

    def fits(self, free: "Resources") -> bool:
        """Whether this much can be had where `free` is left."""
        return (
            self.cpu <= free.cpu and self.gpu <= free.gpu and (self.memory <= free.memory or not free.memory)
        )

    def without(self, taken: "Resources") -> "Resources":
        """What is left after `taken`, never below nothing; unknown memory stays unknown."""
        memory = max(1, self.memory - taken.memory) if self.memory else 0
        return Resources(max(0, self.cpu - taken.cpu), max(0, self.gpu - taken.gpu), memory)

    @property
    def words(self) -> str:
        """As a sentence says it: 2 threads, 1 GPU, 4,000 MB."""
        threads = f"{self.cpu} thread" + "s" * (self.cpu != 1)
        cards = f", {self.gpu} GPU" + "s" * (self.gpu != 1) if self.gpu else ""
        return threads + cards + (f", {self.memory:,} MB" if self.memory else "")


def offered() -> Resources:
    """What this machine offers to jobs; INFLUENCE_JOBS_CPU, _GPU and _MEMORY (MB) offer less, or more threads."""
    return Resources(
        cpu=setting("CPU", usable_threads()),
        gpu=min(len(devices()), setting("GPU", len(devices()))),
        memory=setting("MEMORY", _machine_memory()),
    )


def expected(options: Mapping[str, Any], offers: Collection[Resources] = ()) -> Resources:
    """What a job needs that says no more than its options: `threads` and `device`.

    A job takes as many threads as it may have, at most eight: more make these computations no faster. What its options
    leave open is never more than one of the `offers` has.
    """
    usable = usable_threads()
    most = max((offer.cpu for offer in offers), default=usable)
    threads = options.get("threads") or min(int(os.environ.get("OMP_NUM_THREADS") or usable), max(1, most))
    device = str(options.get("device", "auto"))
    there = device == "cuda" or not offers or any(offer.gpu for offer in offers)
    wants_card = device != "cpu" and there and bool(devices())
    return Resources(max(1, min(int(threads), usable, MOST_THREADS)), int(wants_card))


def setting(name: str, default: int) -> int:
    """The number in the environment variable INFLUENCE_JOBS_`name`, or the default without one."""
    told = os.environ.get(PREFIX + name, "").strip()
    if told and not told.isdigit():
        raise ValueError(f"{PREFIX}{name}={told!r}: expected a whole number, or leave it unset for {default}")
    return int(told) if told else default


def _machine_memory() -> int:
    """Megabytes this machine, or this container, may use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        told = CONTAINER_MEMORY.read_text().strip()
    except OSError:
        told = "max"
    return min(whole, int(told) if told.isdigit() else whole) // 2**20


def usable_threads() -> int:
    """Processors this process may use: fewer than the machine has, in most containers."""
    return len(os.sched_getaffinity(0))


@cache
def devices() -> tuple[str, ...]:
    """Names of the CUDA devices jobs may use, as CUDA_VISIBLE_DEVICES writes them; empty without any."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        names = [name.strip() for name in told.split(",") if name.strip()]
        return tuple(names[: names.index("-1")] if "-1" in names else names)
    if CARDS.is_dir():
        return tuple(map(str, range(len(list(CARDS.iterdir())))))
    return tuple(map(str, range(_listed_cards())))


def _listed_cards() -> int:
    command = ["nvidia-smi", "-L"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0  # no driver: no card that CUDA could use
    return sum(line.startswith("GPU ") for line in told.splitlines())
