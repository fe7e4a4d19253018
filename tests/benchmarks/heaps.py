"""How much memory does the page's process take with few heaps (app/heaps.py) and with as many as glibc likes?

    python tests/benchmarks/heaps.py [--turns 3] [--minutes 2] [--people 6] [--out FILE.json]

The same hurried day of a team (tests/reliability/working_day.py, without uploads and jobs), turn by turn at fresh
servers; MALLOC_ARENA_MAX gives glibc its own choice back. Anonymous memory, a sample each second.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from reliability.screen import Screen  # noqa: E402
from reliability.serving import Served, serving  # noqa: E402
from reliability.tuning import Expected  # noqa: E402
from reliability.visitor import Visitor  # noqa: E402
from reliability.working_day import Counts, Day, team  # noqa: E402

from core import cases, device, runs  # noqa: E402

GLIBCS_CHOICE = str(8 * (os.cpu_count() or 1))


def main() -> None:
    """Measure both and print the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    day = Day(people=chosen.people, rare={}, longest=60 * chosen.minutes)
    taken: dict[str, list[dict[str, Any]]] = {"few": [], "many": []}
    for turn in range(chosen.turns):
        for kind in ("few", "many") if turn % 2 else ("many", "few"):
            os.environ.pop("MALLOC_ARENA_MAX", None)
            if kind == "many":
                os.environ["MALLOC_ARENA_MAX"] = GLIBCS_CHOICE
            taken[kind].append(one_day(day))
            print(turn, kind, taken[kind][-1], file=sys.stderr)
    ratios = [f["most_mb"] / m["most_mb"] for f, m in zip(taken["few"], taken["many"], strict=True)]
    told = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": device.describe(),
        **taken,
        "ratio_of_most_mb": round(statistics.median(ratios), 3),
        "ratios": [round(r, 3) for r in ratios],
    }
    text = json.dumps(told, indent=1)
    print(text)
    if chosen.out:
        chosen.out.write_text(text + "\n")


def one_day(day: Day) -> dict[str, Any]:
    """The most memory of a fresh server, and how many gestures it had by the end."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        expected = Expected(cases.all_cases(runs.open_store(root))[0])
        with serving(root) as served:
            counts, most = asyncio.run(lived(served, expected, day))
    return {
        "most_mb": most,
        "gestures": counts.actions,
        "errors": len(counts.errors),
        "wrong": len(counts.wrong),
    }


async def lived(served: Served, expected: Expected, day: Day) -> tuple[Counts, float]:
    """A day at a server."""
    counts, samples = Counts(), [0.0]

    async def watch() -> None:
        while True:
            samples.append(served.process.memory_mb("Pss_Anon"))
            await asyncio.sleep(1)

    watching = asyncio.create_task(watch())
    await team(lambda: Visitor(served.address, Screen()), expected, day, counts)
    watching.cancel()
    return counts, max(samples)


if __name__ == "__main__":
    main()
