"""A task in a process of its own, which may lose its disk, its permissions or a system call without us losing ours."""

import ctypes
import json
import os
import platform
import resource
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000
READ_ONLY, REMOUNT, BIND, PRIVATE, RECURSIVE = 0x1, 0x20, 0x1000, 0x40000, 0x4000
DETACH = 0x2
NUMBERS = {"x86_64": {"flock": 73, "fsync": 74}, "aarch64": {"flock": 32, "fsync": 82}}
"""Of system calls."""


class _Step(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def apart(task: Callable[[], Any]) -> Any:
    """What a task returns, as JSON, that runs in a forked process; RuntimeError with its traceback where it fails."""
    return together([task])[0]


def together(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """The same for several tasks at once, each in a process of its own."""
    begun = [_begun(task) for task in tasks]
    return [_answer(*each) for each in begun]


def _begun(task: Callable[[], Any]) -> tuple[int, int]:
    outlet, inlet = os.pipe()
    if pid := os.fork():
        os.close(inlet)
        return pid, outlet
    try:
        told = {"value": task()}
    except BaseException:
        told = {"error": traceback.format_exc()}
    with os.fdopen(inlet, "w") as out:
        out.write(json.dumps(told))
    os._exit(0)


def _answer(pid: int, outlet: int) -> Any:
    with os.fdopen(outlet) as answer:
        told = json.loads(answer.read() or '{"error": "the process ended without a word"}')
    os.waitpid(pid, 0)
    if "error" in told:
        raise RuntimeError(told["error"])
    return told["value"]


def ending(task: Callable[[], Any]) -> str:
    """How a task in a forked process ended: empty, or the kind and the words of its error."""

    def tried() -> str:
        try:
            task()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    return apart(tried)


def own_mounts() -> None:
    """From now on what this process mounts is seen by nobody else. Raises OSError where that is not allowed."""
    user, group = os.getuid(), os.getgid()
    _call(LIBC.unshare, NEW_MOUNTS | (0 if user == 0 else NEW_USER))
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _call(LIBC.mount, b"none", b"/", None, PRIVATE | RECURSIVE, None)


def mounts_refused() -> str:
    """Why this machine lets us mount nothing; empty where it does."""

    def tried() -> None:
        own_mounts()
        disk(Path("/mnt"), 64)

    return ending(tried)


def disk(place: Path, kilobytes: int, *, again: bool = False) -> None:
    """Put a small disk in place of a folder, or change the size of the one that is there `again`."""
    size = f"size={kilobytes}k".encode()
    _call(LIBC.mount, b"tmpfs", bytes(place), b"tmpfs", REMOUNT if again else 0, size)


def read_only(place: Path) -> None:
    """Let nobody write below a folder, whatever permissions say."""
    _call(LIBC.mount, bytes(place), bytes(place), None, BIND | RECURSIVE, None)
    _call(LIBC.mount, None, bytes(place), None, BIND | REMOUNT | READ_ONLY, None)


def free_again(place: Path) -> None:
    """Take away what `read_only` put over a folder."""
    _call(LIBC.umount2, bytes(place), DETACH)


def largest_file(size: int) -> None:
    """From now on no file of this process grows beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def refuse(call: str, error: int) -> None:
    """From now on the kernel answers a system call of this process with an error, as another file system would."""
    number = NUMBERS[platform.machine()][call]
    load, compare, answer = 0x20, 0x15, 0x06
    steps = (_Step * 4)(
        _Step(load, 0, 0, 0),
        _Step(compare, 0, 1, number),
        _Step(answer, 0, 0, 0x00050000 | error),
        _Step(answer, 0, 0, 0x7FFF0000),
    )
    _call(LIBC.prctl, 38, 1, 0, 0, 0)  # no new privileges, which lets anybody filter
    _call(LIBC.prctl, 22, 2, ctypes.byref(_Program(4, steps)), 0, 0)


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")
