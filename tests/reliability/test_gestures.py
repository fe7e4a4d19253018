"""Does a gesture count when the page is asked for anew before the browser has heard of the address it led to?"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from reliability.screen import Screen
from reliability.serving import Served
from reliability.tuning import Expected
from reliability.visitor import Visitor
from streamlit.proto.Common_pb2 import DoubleArray
from streamlit.proto.WidgetStates_pb2 import WidgetState

SOON = 20.0
"""Seconds until the page has to show what was asked for."""


class Hasty(Visitor):
    """A tab that tells when it asks from which address."""

    async def tolerate(self, tolerance: int) -> None:
        """Move the slider and wait for nothing."""
        _, slider = self.screen.widget("view_tolerance")
        self.screen.states[slider.id] = WidgetState(
            id=slider.id, double_array_value=DoubleArray(data=[tolerance])
        )
        await self._ask()

    async def ask_from(self, address: str, *, back: bool = False) -> None:
        """Ask for the whole page, or go back to where one was."""
        self.screen.query = address
        question = self.screen.question(self.host, self.name)
        question.rerun_script.is_history_navigation = back
        await self._socket.send(question.SerializeToString())

    async def shows(self, flagged: str, address: str) -> bool:
        """Whether the page comes to show a figure and an address, and stays there."""
        end, since = time.perf_counter() + SOON, None
        while time.perf_counter() < end:
            try:
                right = self.screen.metric("Flagged")[1] == flagged and address in self.screen.query
            except LookupError:  # drawn anew
                right = False
            since = (since or time.perf_counter()) if right else None
            if since and time.perf_counter() - since > 1.5:
                return True
            await asyncio.sleep(0.05)
        return False


@asynccontextmanager
async def opened(served: Served, expected: Expected) -> AsyncIterator[tuple[Hasty, float]]:
    tab = Hasty(served.address, Screen())
    threshold = float(sorted(expected.statistic(0))[expected.n // 10])
    try:
        await tab.open(f"/investigate?case={expected.id}&rule=delta&th={threshold:.9g}&v=1")
        yield tab, threshold
    finally:
        await tab.close()


def flagged(expected: Expected, threshold: float, tolerance: int) -> str:
    return expected.figures(threshold, tolerance)["Flagged"]


@pytest.mark.parametrize("after", [0.0, 0.03, 0.1, 0.2, 0.4])
def test_a_gesture_counts_though_the_page_is_asked_for_anew_from_the_address_before_it(
    served, expected, after
):
    async def hurried() -> None:
        async with opened(served, expected) as (tab, threshold):
            before = tab.screen.query
            await tab.tolerate(3)
            await asyncio.sleep(after)
            await tab.ask_from(before)
            assert await tab.shows(flagged(expected, threshold, 3), "tol=3")

    asyncio.run(hurried())


def test_back_undoes_a_gesture_also_while_its_page_is_being_drawn(served, expected):
    async def undone() -> None:
        async with opened(served, expected) as (tab, threshold):
            before = tab.screen.query
            for pause in (0.0, 0.1, 1.5):
                await tab.tolerate(3)
                while "tol=3" not in tab.screen.query:  # there is nothing to go back from until then
                    await asyncio.sleep(0.01)
                await asyncio.sleep(pause)
                await tab.ask_from(before, back=True)
                await asyncio.sleep(0.3)
                await tab.ask_from(before)  # as a timer's part does that runs the page anew
                assert await tab.shows(flagged(expected, threshold, 0), "th=")
                assert "tol=" not in tab.screen.query

    asyncio.run(undone())


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1])
def test_back_while_a_second_gesture_is_on_its_way_leaves_page_and_address_at_one(served, expected, after):
    async def crossed() -> None:
        async with opened(served, expected) as (tab, threshold):
            before = tab.screen.query
            for _ in range(3):
                await tab.tolerate(3)
                await tab.tolerate(5)
                while "tol=" not in tab.screen.query:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(after)
                await tab.ask_from(before, back=True)
                await asyncio.sleep(1.0)
                led = re.search(r"tol=(\d)", tab.screen.query)
                shown = flagged(expected, threshold, int(led[1]) if led else 0)
                assert await tab.shows(shown, led[0] if led else "th="), tab.screen.query
                await tab.tolerate(0)
                assert await tab.shows(flagged(expected, threshold, 0), "th=")

    asyncio.run(crossed())


def test_a_link_to_the_address_before_a_gesture_leads_there(served, expected):
    async def returned() -> None:
        async with opened(served, expected) as (tab, threshold):
            before = tab.screen.query
            await tab.tolerate(3)
            assert await tab.shows(flagged(expected, threshold, 3), "tol=3")
            await tab.ask_from(before)
            assert await tab.shows(flagged(expected, threshold, 0), "th=")

    asyncio.run(returned())
