"""Is this still the process we started? And how to stop it together with its children.

A process number is reused after its process has ended, so a process is known by three things: its number, its
start time (field 22 of /proc/PID/stat, proc_pid_stat(5)) and the boot it belongs to. Linux only.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """One process, never confused with a later one of the same number. `started` is in clock ticks."""

    pid: int
    started: int
    boot: str


class _Stat(NamedTuple):
    state: str
    group: int
    started: int


def _stat(pid: int) -> _Stat | None:
    """The fields we need of /proc/PID/stat, or None when there is no such process."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the command name may itself hold blanks and brackets
    return _Stat(fields[0], int(fields[2]), int(fields[19]))


@cache
def boot_id() -> str:
    """The name of this run of the machine; in a container, of this run of the container.

    A container shares the kernel's boot id with its host, so the start time of process 1 is added.
    """
    first = _stat(1)
    return f"{(PROC / 'sys/kernel/random/boot_id').read_text().strip()}/{first.started if first else 0}"


def identify(pid: int) -> Identity:
    """The identity of the process that has this number now."""
    stat = _stat(pid)
    if stat is None:
        raise ProcessLookupError(f"process {pid} has ended: it can only be identified while it runs")
    return Identity(pid, stat.started, boot_id())


def is_alive(process: Identity) -> bool:
    """Whether exactly this process still runs; one that ended and waits to be collected does not."""
    stat = _stat(process.pid)
    if stat is None or stat.state in "ZX":
        return False
    return stat.started == process.started and process.boot == boot_id()


def ask_to_stop(process: Identity) -> None:
    """Send SIGTERM to the process alone: its children are for it to end."""
    if is_alive(process):
        _send(os.kill, process.pid, signal.SIGTERM)


def kill_group(process: Identity) -> None:
    """End the process and what it started by force, also when only its children are left.

    The process must lead its group. While a member lives the kernel gives the group's number to no one else;
    a process of that number with another start time therefore means that the whole group has gone.
    """
    stat = _stat(process.pid)
    if process.boot != boot_id() or (stat is not None and stat.started != process.started):
        return
    if stat is None or stat.group == process.pid:
        _send(os.killpg, process.pid, signal.SIGKILL)


def _send(send: Callable[[int, int], None], number: int, what: signal.Signals) -> None:
    try:
        send(number, what)
    except ProcessLookupError:
        return  # it ended by itself meanwhile: nothing left to stop
