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

    @property
    def text(self) -> str:
        """In words that `read` understands: number/start time/boot."""
        return f"{self.pid}/{self.started}/{self.boot}"

    @classmethod
    def read(cls, text: str) -> "Identity":
        """The identity written as `text`."""
        try:
            pid, started, boot = text.split("/", 2)
            return cls(int(pid), int(started), boot)
        except ValueError as error:
            raise ValueError(f"process {text!r}: expected number/start time/boot") from error


class Stat(NamedTuple):
    """What the kernel says about a process."""

    state: str
    parent: int
    group: int
    session: int
    started: int


def stat(pid: int) -> Stat | None:
    """The fields we need of /proc/PID/stat, or None when there is no such process."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the command name may itself hold blanks and brackets
    return Stat(fields[0], *map(int, (*fields[1:4], fields[19])))


@cache
def boot_id() -> str:
    """The name of this run of the machine; in a container, of this run of the container.

    A container shares the kernel's boot id with its host, so the start time of process 1 is added.
    """
    first = stat(1)
    return f"{(PROC / 'sys/kernel/random/boot_id').read_text().strip()}/{first.started if first else 0}"


def identify(pid: int) -> Identity:
    """The identity of the process that has this number now."""
    found = stat(pid)
    if found is None:
        raise ProcessLookupError(f"process {pid} has ended: it can only be identified while it runs")
    return Identity(pid, found.started, boot_id())


def is_alive(process: Identity) -> bool:
    """Whether exactly this process still runs; one that ended and waits to be collected does not."""
    found = stat(process.pid)
    if found is None or found.state in "ZX":
        return False
    return found.started == process.started and process.boot == boot_id()


def ask_to_stop(process: Identity) -> None:
    """Send SIGTERM to the process alone: its children are for it to end."""
    if is_alive(process):
        _send(os.kill, process.pid, signal.SIGTERM)


def kill(process: Identity) -> None:
    """End the process alone by force."""
    if is_alive(process):
        _send(os.kill, process.pid, signal.SIGKILL)


def kill_group(process: Identity) -> None:
    """End the process and what it started by force, also when only its children are left.

    The process must lead its group. While a member lives the kernel gives the group's number to no one else;
    a process of that number with another start time therefore means that the whole group has gone.
    """
    found = stat(process.pid)
    if process.boot != boot_id() or (found is not None and found.started != process.started):
        return
    if found is None or found.group == process.pid:
        _send(os.killpg, process.pid, signal.SIGKILL)


def _send(send: Callable[[int, int], None], number: int, what: signal.Signals) -> None:
    try:
        send(number, what)
    except ProcessLookupError:
        return  # it ended by itself meanwhile: nothing left to stop
