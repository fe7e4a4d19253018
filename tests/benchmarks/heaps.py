"""How much memory does the page's process take with app/heaps.py, and as glibc likes it?

    python tests/benchmarks/heaps.py [--turns 3] [--minutes 2] [--people 6] [--out FILE.json]

The same hurried day of a team (tests/reliability/working_day.py, without uploads and jobs), turn by turn at fresh
servers. Anonymous memory, a sample each second, and processor time.
"""

import argparse
import asyncio
import json
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

COMPARED = ("most_mb", "ms_per_gesture")


def main() -> None:
    """Measure both and print the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    day = Day(people=chosen.people, rare={}, longest=60 * chosen.minutes)
    taken: dict[str, list[dict[str, Any]]] = {"ours": [], "glibcs": []}
    for turn in range(chosen.turns):
        for kind in ("ours", "glibcs") if turn % 2 else ("glibcs", "ours"):
            taken[kind].append(one_day(day, as_glibc_likes=kind == "glibcs"))
            print(turn, kind, taken[kind][-1], file=sys.stderr)
    pairs = list(zip(taken["ours"], taken["glibcs"], strict=True))
    told = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": device.describe(),
        **taken,
        **{f"ratios_of_{name}": [round(a[name] / b[name], 3) for a, b in pairs] for name in COMPARED},
    }
    text = json.dumps(told, indent=1)
    print(text)
    if chosen.out:
        chosen.out.write_text(text + "\n")


def one_day(day: Day, *, as_glibc_likes: bool) -> dict[str, Any]:
    """The most memory of a fresh server, its processor time, and how many gestures it had by the end."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        expected = Expected(cases.all_cases(runs.open_store(root))[0])
        with serving(root, as_glibc_likes=as_glibc_likes) as served:
            counts, most = asyncio.run(lived(served, expected, day))
            seconds = served.process.cpu_seconds()
    return {
        "most_mb": most,
        "ms_per_gesture": round(1000 * seconds / max(1, counts.actions), 1),
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
