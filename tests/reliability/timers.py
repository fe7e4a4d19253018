"""Gestures beside a timer, and gestures that follow each other at once: how many does the page not take?

    python tests/reliability/timers.py [--seconds 30] [--tabs 6] [--turns 3]

A page of twenty lines and a timer of 0.2 s, once as Streamlit runs it and once with app/ended_runs.py, turn by turn; a
page with two sliders the same way, without and with app/whole_callbacks.py.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ticking
import visitor
from record import keep, row
from screen import Screen
from serving import serving
from visitor import Failed, Visitor

KINDS = {
    "gestures while a timer draws a part of the page": (ticking.page, ticking.move),
    "gestures, each followed by another within 0.07 s": (ticking.hasty, ticking.hurry),
}


def moved(page: str, act: Callable[..., Any], folder: Path, tabs: int, seconds: float) -> tuple[int, int]:
    """All tabs at once at a server of their own: how many gestures, and how many of them went wrong."""
    script = folder / "page.py"
    script.write_text(page)

    async def together(address: str) -> list[tuple[int, int]]:
        return await asyncio.gather(
            *(act(Visitor(address, Screen()), Failed, i, seconds) for i in range(tabs))
        )

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
    totals = {what: {False: [0, 0], True: [0, 0]} for what in KINDS}
    for turn in range(chosen.turns):
        for guarded in (False, True) if turn % 2 == 0 else (True, False):
            for what, (page, act) in KINDS.items():
                with tempfile.TemporaryDirectory() as folder:
                    counts = moved(page(guarded), act, Path(folder), chosen.tabs, chosen.seconds)
                of = totals[what]
                of[guarded] = [old + new for old, new in zip(of[guarded], counts, strict=True)]
                print(f"turn {turn}, {what}, {guarded=}: {counts}", file=sys.stderr)
    told = "as Streamlit runs it by itself, turn by turn: {1} of {0}"
    rows = [row(what, *of[True], told.format(*of[False])) for what, of in totals.items()]
    keep("timers", "Gestures beside a timer, and in quick succession", rows)
    sys.exit(any(of[True][1] for of in totals.values()))


if __name__ == "__main__":
    main()
