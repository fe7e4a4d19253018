"""Does a gesture count when a timer draws a part of the page at the same moment, or when the next one follows at once?"""

import asyncio
from collections.abc import Callable
from typing import Any

from reliability import ticking, visitor
from reliability.screen import Screen
from reliability.serving import serving


def test_no_gesture_is_lost_to_a_timer_that_asks_when_a_run_has_just_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(visitor, "PATIENCE", 10.0)
    script = tmp_path / "page.py"
    script.write_text(ticking.page(heard=True))

    with serving(tmp_path / "store", script) as served:
        moved, wrong = asyncio.run(together(served.address, ticking.move, 12.0))
    assert wrong == 0 and moved > 60


def test_no_gesture_is_lost_to_the_one_that_follows_it_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(visitor, "PATIENCE", 10.0)
    script = tmp_path / "page.py"
    script.write_text(ticking.hasty(whole=True))
    with serving(tmp_path / "store", script) as served:
        moved, wrong = asyncio.run(together(served.address, ticking.hurry, 8.0, tabs=2))
    assert wrong == 0 and moved > 20


async def together(address: str, act: Callable[..., Any], seconds: float, tabs: int = 6) -> tuple[int, int]:
    """All tabs at once: how many gestures, and how many of them went wrong."""
    people = (act(visitor.Visitor(address, Screen()), visitor.Failed, i, seconds) for i in range(tabs))
    done = await asyncio.gather(*people)
    return sum(moved for moved, _ in done), sum(wrong for _, wrong in done)
