"""Gestures on a page of which a part is drawn again by a timer: how many are answered by the figure before them?

    python tests/reliability/timers.py [--seconds 30] [--tabs 6] [--turns 3]

A page of twenty lines and a timer of 0.2 s, once as Streamlit runs it and once with app/ended_runs.py, turn by turn.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import ticking
import visitor
from record import keep, row
from screen import Screen
from serving import serving
from visitor import Failed, Visitor


def moved(folder: Path, heard: bool, tabs: int, seconds: float) -> tuple[int, int]:
    """All tabs at once at a server of their own: how many gestures, and how many of them went wrong."""
    script = folder / "page.py"
    script.write_text(ticking.page(heard))

    async def together(address: str) -> list[tuple[int, int]]:
        people = (ticking.move(Visitor(address, Screen()), Failed, i, seconds) for i in range(tabs))
        return await asyncio.gather(*people)

    with serving(folder / "store", script) as served:
        done = asyncio.run(together(served.address))
    return sum(n for n, _ in done), sum(wrong for _, wrong in done)


def main() -> None:
    """Try both, keep the record; exit status 1 when a gesture went wrong with our guard."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--tabs", type=int, default=6)
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args()
    visitor.PATIENCE = 3.0
    totals = {False: [0, 0], True: [0, 0]}
    for turn in range(chosen.turns):
        for heard in (False, True) if turn % 2 == 0 else (True, False):
            with tempfile.TemporaryDirectory() as folder:
                counts = moved(Path(folder), heard, chosen.tabs, chosen.seconds)
            totals[heard] = [old + new for old, new in zip(totals[heard], counts, strict=True)]
            print(f"turn {turn}, {heard=}: {counts}", file=sys.stderr)
    told = "as Streamlit runs it by itself, turn by turn: {1} of {0}".format(*totals[False])
    rows = [row("gestures while a timer draws a part of the page", *totals[True], told)]
    keep("timers", "Gestures beside a timer", rows, without=totals[False], with_it=totals[True])
    sys.exit(bool(totals[True][1]))


if __name__ == "__main__":
    main()
