"""All processes of one job, also those that left its session, and how to end every one of them.

A process belongs to a job when it descends from the worker, shares its session or group, or carries the job's mark
in its environment. Workers and supervisors adopt orphans (PR_SET_CHILD_SUBREAPER, prctl(2)), so that a descendant
stays one whatever its parents do.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Collection, Mapping

from core.jobs.process import PROC, Identity, Stat, boot_id, stat

MARK = "INFLUENCE_JOB"
ROUNDS = 50  # a tree that forks faster than it is stopped is met again in the next tick
PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, instead of process 1."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def everything() -> dict[int, Stat]:
    """All processes that run, by number."""
    found = {pid: stat(pid) for pid in map(int, filter(str.isdigit, os.listdir(PROC)))}
    return {pid: known for pid, known in found.items() if known is not None and known.state not in "ZX"}


def mark_of(pid: int) -> str:
    """The job's mark that a process carries; empty without one, or where it may not be read."""
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return ""
    prefix = f"{MARK}=".encode()
    found = (part for part in environment.split(b"\0") if part.startswith(prefix))
    return next(found, prefix)[len(prefix) :].decode(errors="replace")


def marked(prefix: str) -> dict[int, str]:
    """The marks that begin with `prefix`, by the processes that carry them."""
    marks = {pid: mark_of(pid) for pid in everything()}
    return {pid: mark for pid, mark in marks.items() if mark.startswith(prefix)}


def members(worker: Identity, mark: str) -> set[int]:
    """Numbers of all living processes of a job; never this process."""
    running = everything()
    own = running.get(worker.pid)
    same_boot = worker.boot == boot_id()
    whole = same_boot and (own is None or own.started == worker.started)  # else the number belongs to another
    found = {pid for pid in running if mark and mark_of(pid) == mark}
    if whole:
        found |= {p for p, s in running.items() if worker.pid in (p, s.group, s.session)}
    return _with_descendants(found, running) - {os.getpid()}


def _with_descendants(found: set[int], running: Mapping[int, Stat]) -> set[int]:
    while more := {pid for pid, s in running.items() if s.parent in found} - found:
        found = found | more
    return found


def adopts_orphans() -> bool:
    """Whether orphans come to this process."""
    answer = ctypes.c_int(0)
    ctypes.CDLL(None, use_errno=True).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


def strays(workers: Collection[int]) -> set[int]:
    """What dead workers left to this process, with all descendants: from other sessions, and no worker itself."""
    running, mine = everything(), os.getsid(0)
    left = {pid for pid, s in running.items() if s.parent == os.getpid() and s.session != mine}
    return _with_descendants(left - set(workers), running)


def end(worker: Identity, mark: str) -> int:
    """End every process of a job by force; returns how many there were."""
    return _end_all(lambda: members(worker, mark))


def end_strays(workers: Collection[int]) -> int:
    """End what dead workers left to this process; returns how many there were."""
    return _end_all(lambda: strays(workers))


def _end_all(find: Callable[[], set[int]]) -> int:
    """Processes are stopped first and counted again until no new one appears, so that none can fork away."""
    found: set[int] = set()
    for _ in range(ROUNDS):
        more = find() - found
        if not more:
            break
        _signal(more, signal.SIGSTOP)
        found |= more
    kill(found)
    return len(found)


def kill(numbers: set[int]) -> None:
    """End processes by force; those that have gone are passed over."""
    _signal(numbers, signal.SIGKILL)


def _signal(numbers: set[int], what: signal.Signals) -> None:
    for number in numbers:
        try:
            os.kill(number, what)
        except (ProcessLookupError, PermissionError):
            continue
