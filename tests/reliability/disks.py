"""Runs a whole investigation on disks that are full, read-only, elsewhere or gone, and under odd names.

    python tests/reliability/disks.py [--times 12] [--seed 0]

Real ones: small tmpfs disks and read-only mounts where the machine allows mounting, a limit on the size of files
everywhere. A bad ending is a message that does not say what to do, a finished result that was lost or altered, a half one
left behind, or a run that does not go on once there is room.
"""

import argparse
import errno
import os
import random
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

from full_disks import ODD, Trial, amiss, files_of, size_of, told, work
from isolation import (
    apart,
    disk,
    ending,
    free_again,
    largest_file,
    mounts_refused,
    own_mounts,
    read_only,
    refuse,
)
from job_disks import Fault, empty, fill, jumping, nothing, short_files, whole_job
from killing import SMALL
from record import keep, row

from core.experiment import Experiment

ROOM = ("are free", "make room", "--store")


def full_disk(trial: Trial, place: Path, kilobytes: int) -> list[str]:
    """Problems of a run on a disk of so many kilobytes, and of one after the disk has grown."""

    def inside() -> list[str]:
        own_mounts()
        disk(place, kilobytes)
        root = place / "store"
        problems = told(ending(work(trial.x, root)), *ROOM) + amiss(trial.x, root, trial.sound, whole=False)
        disk(place, 1 << 20, again=True)
        return problems + trial.going_on(root)

    return apart(inside)


def read_only_store(trial: Trial, root: Path, whole: bool) -> list[str]:
    """Problems of a run over a store that nobody may write; a finished one must be readable as it is."""

    def inside() -> list[str]:
        own_mounts()
        read_only(root)
        ended = ending(work(trial.x, root))
        if whole:
            return [f"a finished case does not open: {ended[:300]}"] if ended else []
        return told(ended, "may only read", "--store")

    return apart(inside) + amiss(trial.x, root, trial.sound, whole=whole)


def whole_jobs(counted: Any, trial: Trial, fresh: Callable[[], Path], times: int, draw: random.Random) -> Any:
    """Faults of the disk and of the clock through whole jobs, from the supervisor to the last result."""
    moments = [draw.randrange(1, 7) for _ in range(times)]

    def each(kind: Callable[[Path], Fault], *, mounting: bool = True) -> list[Callable[[], list[str]]]:
        def one(root: Path, reached: int) -> list[str]:
            if mounting:
                own_mounts()
            return whole_job(trial, root, kind(root), reached)

        return [lambda n=n, root=fresh(): apart(lambda: one(root, n)) for n in moments]

    said = "says to make room; tried again it goes on from the last finished step to the same results"
    yield counted(
        "a job no file of which may grow beyond 70 kB from some moment on",
        each(shortened, mounting=False),
        said,
    )
    told = "the supervisor goes on, nothing is lost or done twice"
    yield counted(
        "the clock jumps an hour back, then a day ahead, while a job runs", each(jumped, mounting=False), told
    )
    if mounts_refused():
        return
    yield counted("the disk of a job fills to the last byte while it runs", each(whole_disk), said)
    yield counted("the disk of a job is too small for it", each(small_disk), said)
    yield counted("the results' disk becomes read-only while a job runs", each(results_read_only), said)
    page = "the job goes on to its end; who asks for another one meanwhile is told to make room"
    yield counted("the job table's own disk is full while a job runs", each(table_disk), page)
    yield counted(
        "the disk of a job's log is full while it runs", each(log_disk), "the job goes on to its end"
    )


def shortened(root: Path) -> Fault:
    return Fault(short_files(root, 70_000), words=("make room", "--store"))


def jumped(root: Path) -> Fault:
    environment, jump = jumping(root.with_name(f"{root.name} clock"))
    os.environ |= environment
    shifts = iter([-3600.0, *[-3600.0] * 40, 86400.0])
    return Fault(lambda: jump(next(shifts, 86400.0)), lambda: jump(0), state="done")


def mounted(place: Path, kilobytes: int = 1 << 18) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    disk(place, kilobytes)
    return place


def whole_disk(root: Path) -> Fault:
    mounted(root)
    return Fault(fill(root), empty(root), table_full=True)


def small_disk(root: Path) -> Fault:
    mounted(root, random.Random(str(root)).randrange(1700, 2600))
    return Fault(relieve=lambda: disk(root, 1 << 18, again=True), words=ROOM)


def results_read_only(root: Path) -> Fault:
    mounted(root)
    mounted(root / "jobs")
    once = iter([lambda: read_only(root)])
    return Fault(lambda: next(once, nothing)(), lambda: free_again(root), words=("may only read", "--store"))


def table_disk(root: Path) -> Fault:
    place = mounted(root / "jobs")
    return Fault(fill(place), empty(place), state="done", table_full=True)


def log_disk(root: Path) -> Fault:
    place = mounted(root / "logs")
    (root / "jobs").mkdir()
    (root / "jobs" / "1.log").symlink_to(place / "1.log")
    return Fault(fill(place), empty(place), state="done")


def rows(
    trial: Trial, base: Path, sound: Path, times: int, draw: random.Random
) -> Iterable[tuple[dict[str, Any], list[str]]]:
    """Every fault and how it ended."""
    largest = max(f.stat().st_size for f in sound.rglob("*") if f.is_file())
    numbers = iter(range(10_000))

    def fresh() -> Path:
        return base / f"{next(numbers)}"

    def counted(
        what: str, trials: Iterable[Callable[[], list[str]]], said: str = ""
    ) -> tuple[dict[str, Any], list[str]]:
        found = [each() for each in trials]
        return row(what, len(found), sum(map(bool, found)), said), [p for problems in found for p in problems]

    sizes = [draw.randrange(2000, largest) for _ in range(times)]
    yield counted(
        "a write that stops in the middle (limit on the size of files), then room",
        [lambda s=s: trial.hindered(fresh(), lambda: largest_file(s), "make room", "--store") for s in sizes],
    )
    yield counted(
        "the disk cannot write out (EIO from fsync), then it can",
        [lambda: trial.hindered(fresh(), lambda: refuse("fsync", errno.EIO), "disk is sound")] * 2,
    )
    yield counted(
        "the store is deleted while it is in use, then the run is started again",
        [lambda t=draw.uniform(0.2, 6): trial.deleted(fresh(), t) for _ in range(times)],
    )
    yield counted("odd names of the store's folder", [lambda n=n: trial.going_on(fresh() / n) for n in ODD])
    yield counted(
        "a path that is too long",
        [lambda: told(ending(work(trial.x, fresh() / ("b" * 300))), "shorter path", "--store")],
    )
    shared = Path(tempfile.mkdtemp(dir="/dev/shm"))
    other = shared.stat().st_dev != base.stat().st_dev
    yield counted(
        "temporary files on another device than the store",
        [lambda: trial.going_on(fresh(), shared)] if other else [],
    )
    yield from whole_jobs(counted, trial, fresh, max(1, times // 6), draw)
    if refused := mounts_refused():
        yield row(f"full and read-only disks: not tried, {refused}", 0, 0), []
        return
    place = fresh()
    place.mkdir()
    sizes = [draw.randrange(64, size_of(sound)) for _ in range(times)]
    yield counted(
        "a full disk (tmpfs), then it grows", [lambda s=s: full_disk(trial, place, s) for s in sizes]
    )
    half = fresh()
    ending(lambda: (largest_file(largest // 2), work(trial.x, half)()))
    yield counted(
        "a store on a read-only disk",
        [lambda: read_only_store(trial, sound, True), lambda: read_only_store(trial, half, False)],
        "a finished case opens, an unfinished one says where else to go",
    )


def main() -> None:
    """Try everything and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="disks-"))
    sound = base / "sound"
    x = Experiment.checked(SMALL)
    work(x, sound)()
    trial = Trial(x, files_of(x, sound), ending)
    found = list(rows(trial, base, sound, chosen.times, random.Random(chosen.seed)))
    problems = [problem for _, bad in found for problem in bad]
    keep(
        "disks", "Full, read-only, foreign and vanishing disks", [r for r, _ in found], problems=problems[:20]
    )


if __name__ == "__main__":
    main()
