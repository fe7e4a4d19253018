"""Does a gesture count when a timer draws a part of the page at the same moment?"""

import asyncio

from reliability import ticking, visitor
from reliability.screen import Screen
from reliability.serving import serving


def test_no_gesture_is_lost_to_a_timer_that_asks_when_a_run_has_just_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(visitor, "PATIENCE", 10.0)
    script = tmp_path / "page.py"
    script.write_text(ticking.page(heard=True))

    async def together(address: str) -> list[tuple[int, int]]:
        tabs = [visitor.Visitor(address, Screen()) for _ in range(6)]
        return await asyncio.gather(*(ticking.move(t, visitor.Failed, i, 12.0) for i, t in enumerate(tabs)))

    with serving(tmp_path / "store", script) as served:
        done = asyncio.run(together(served.address))
    assert sum(wrong for _, wrong in done) == 0
    assert sum(moved for moved, _ in done) > 60
