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
from isolation import apart, disk, ending, largest_file, mounts_refused, own_mounts, read_only, refuse
from killing import small
from record import keep, row

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
    work(small(), sound)()
    trial = Trial(small(), files_of(small(), sound), ending)
    found = list(rows(trial, base, sound, chosen.times, random.Random(chosen.seed)))
    problems = [problem for _, bad in found for problem in bad]
    keep(
        "disks", "Full, read-only, foreign and vanishing disks", [r for r, _ in found], problems=problems[:20]
    )


if __name__ == "__main__":
    main()
