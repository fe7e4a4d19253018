"""A day of a team squeezed into minutes: does anything grow that should not?

    python tests/reliability/soak.py [--people 8] [--hours 8] [--every 30] [--minutes 20]

Eight people for eight hours, a gesture each half minute, a new tab every half hour: 7,680 gestures in 128 tabs, on all
pages, with uploads, jobs queued and cancelled, connections that break and tabs that vanish. The pauses are left out.
Bounded: after `--minutes` nobody opens another tab, and the record says how far the day came. Memory is flat when what is
alive in it grows by less than 1 MB in 1,000 gestures over the second half, and all of it never exceeds 400 MB; the rest,
holes between what is alive, is told too.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from record import keep, row
from screen import Screen
from serving import Process, Served, serving
from tuning import Expected
from visitor import Visitor
from working_day import Counts, Day, team

from core import cases, runs

LOOK_EVERY = 5.0
STEEPEST, LARGEST = 1.0, 400.0
"""MB alive in 1,000 gestures over the second half, and MB at any time, without pages of files."""


def main() -> None:
    """Live the day and keep the record. Exit status 1 when anything was wrong, or memory grew."""
    chosen = arguments()
    day = Day(people=chosen.people, hours=chosen.hours, every=chosen.every, longest=60 * chosen.minutes)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        expected = Expected(cases.all_cases(runs.open_store(root))[0])
        with serving(root) as served:
            began = time.perf_counter()
            counts, samples = asyncio.run(lived(served, expected, day))
            minutes = (time.perf_counter() - began) / 60
            log = served.log.read_text()[-4000:] if counts.errors else ""
        stored = {path.name: _size(path) for path in sorted(root.iterdir())}
    told = [s for s in samples if "alive_mb" in s]
    grown = {
        what: slope([s["gestures"] for s in told], [s[f"{what}_mb"] for s in told])
        for what in ("alive", "memory")
    }
    most = max(s["memory_mb"] for s in samples)
    flat = grown["alive"] < STEEPEST and most < LARGEST
    keep(
        "soak",
        f"{day.people} people for {day.hours:g} hours, squeezed into {minutes:.0f} minutes",
        rows(counts, day.people * day.visits * day.gestures, grown=grown, most=most, flat=flat),
        grown_mb_per_1000_gestures={what: round(steep, 2) for what, steep in grown.items()},
        most_mb=most,
        stored_kb=stored,
        errors=counts.errors[:20],
        wrong_figures=counts.wrong[:20],
        server_log=log,
        samples=samples[:: max(1, len(samples) // 40)] + samples[-1:],
    )
    sys.exit(bool(counts.errors or counts.wrong or not flat))


def rows(
    counts: Counts, planned: int, *, grown: dict[str, float], most: float, flat: bool
) -> list[dict[str, Any]]:
    """Lines of the record."""
    tabs = f"{counts.torn} vanished without a word, {counts.uploads} uploads, {counts.jobs} jobs queued and cancelled"
    return [
        row("gestures of a day", counts.actions, len(counts.errors), f"of {planned:,} planned"),
        row("figures checked against our own", counts.checked, len(counts.wrong)),
        row("tabs opened and closed", counts.visits, 0, tabs),
        row(
            "memory of the page's process",
            1,
            int(not flat),
            f"at most {most:.0f} MB; in 1,000 gestures over the second half {grown['alive']:+.2f} MB of what is alive in "
            f"it, {grown['memory']:+.2f} MB with the holes between",
        ),
    ]


async def lived(served: Served, expected: Expected, day: Day) -> tuple[Counts, list[dict[str, Any]]]:
    """The day, and what was measured meanwhile."""
    counts, samples, began = Counts(), [], time.perf_counter()

    async def watch() -> None:
        while True:
            samples.append(
                {"seconds": round(time.perf_counter() - began), "gestures": counts.actions} | reading(served)
            )
            await asyncio.sleep(LOOK_EVERY)

    watching = asyncio.create_task(watch())
    await team(lambda: Visitor(served.address, Screen()), expected, day, counts)
    watching.cancel()
    return counts, samples


def reading(served: Served) -> dict[str, Any]:
    """What the processes take now, and what lies in the store."""
    told: dict[str, Any] = _taken(served.process) | served.alive()
    for name, process in served.helpers().items():
        try:
            told |= {f"{name}_{what}": value for what, value in _taken(process).items()}
        except OSError:  # it has ended meanwhile
            continue
    return told | {"store_kb": _size(served.store)}


def _taken(process: Process) -> dict[str, float]:
    return {
        "memory_mb": process.memory_mb("Pss_Anon"),
        "threads": process.threads(),
        "open_files": process.open_files(),
    }


def slope(gestures: list[int], memory: list[float]) -> float:
    """MB in 1,000 gestures over the second half: the median of the slopes between all pairs of samples."""
    x, y = np.array(gestures, float), np.array(memory)
    late = x >= x.max() / 2
    x, y = x[late], y[late]
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] - x[first]
    steps = (y[second] - y[first])[apart > 0] / apart[apart > 0]
    return float(1000 * np.median(steps)) if len(steps) else 0.0


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for file in files:
        try:
            total += file.stat().st_size
        except OSError:  # gone meanwhile
            continue
    return total // 1024


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=Day.people)
    parser.add_argument("--hours", type=float, default=Day.hours)
    parser.add_argument("--every", type=float, default=Day.every, help="seconds between gestures of a person")
    parser.add_argument("--minutes", type=float, default=20.0, help="after these nobody opens another tab")
    return parser.parse_args()


if __name__ == "__main__":
    main()
