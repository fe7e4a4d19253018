"""Tries hostile inputs, each in a child process with limits of its own, and judges how it ended.

    PYTHONPATH=tests python -m hostile.warden KIND ...

prints a line of JSON for each. Let through is whatever crashes, takes too long or too much memory, raises an error that
is not ours, or comes out in a form that could do harm.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hostile import doors
from hostile.corpus import Hostile, inputs
from hostile.judge import judged

SECONDS = 20
MEGABYTES = 640
"""What one input may cost beyond what the program takes anyway: an image of 40 million pixels, twice."""
ADDRESS_SPACE = 6 * 2**30
QUICK = ("addresses", "names")
"""Kinds whose inputs are short words: they need no child of their own."""


class Verdict(NamedTuple):
    """How an input ended: refused, harmless or let through."""

    name: str
    door: str
    state: str
    told: str
    megabytes: int = 0


class Ended(NamedTuple):
    """What a child said, and None last where it ended in another way or took too much."""

    said: list[Any]
    told: str
    megabytes: int


def tried(item: Hostile) -> Verdict:
    """Knock with one input, in a child process."""
    ended = _ended(lambda folder: [judged(item, folder)])
    state, told = ended.said[0] or ("let through", ended.told)
    if ended.said[-1] is None:
        state, told = "let through", f"{ended.told} ({told})"
    return Verdict(item.name, item.door, state, told, ended.megabytes)


def _ended(work: Callable[[Path], list[tuple[str, str]]]) -> Ended:
    before, folder = _resident(), tempfile.mkdtemp(prefix="hostile-")
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        _child(work, Path(folder), into)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        said = json.loads(pipe.read() or "[]")
    _, status, usage = os.wait4(pid, 0)
    subprocess.run(
        ["rm", "-rf", folder], check=True
    )  # a thousand folders in each other are too deep for Python
    grown = max(0, usage.ru_maxrss // 1024 - before)
    if status or not said:
        how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        return Ended([*said, None], f"ended by {how}", grown)
    return Ended(said + [None] * (grown > MEGABYTES), f"took {grown} MB", grown)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def _child(work: Callable[[Path], list[tuple[str, str]]], folder: Path, into: int) -> None:
    """Never returns."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, used + ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(10 * SECONDS)  # of a busy machine; the processor time is what counts
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    os.environ |= {"INFLUENCE_STORE": str(folder / "store"), "INFLUENCE_DATA": str(folder / "data")}
    told = work(folder)
    with os.fdopen(into, "w") as pipe:
        json.dump(told, pipe)
    os._exit(0)


def verdicts(kind: str) -> Iterator[Verdict]:
    """How every input of a kind ended."""
    doors.warm_up(kind)
    for item in inputs(kind):
        if kind in QUICK:
            yield Verdict(item.name, item.door, *judged(item, Path(tempfile.gettempdir())))
        else:
            yield tried(item)


def main(kinds: list[str]) -> None:
    """Try every input of these kinds."""
    for kind in kinds:
        for verdict in verdicts(kind):
            told: dict[str, Any] = {"kind": kind} | verdict._asdict()
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
