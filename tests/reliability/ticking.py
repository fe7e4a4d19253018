"""A page of which a part is drawn again by a timer, and somebody who moves its slider."""

import asyncio
import random
import time
from contextlib import suppress
from typing import Any

PAGE = """
import streamlit as st
{heard}

@st.fragment(run_every=0.2)
def tick():
    st.write("tick")

number = st.slider("number", 0, 100_000, 0, key="number")
tick()
for line in range(20):
    st.write(line)
st.metric("Number", number)
"""
HEARD = "from app import ended_runs\nended_runs.heard()"


def page(heard: bool) -> str:
    """The page, with or without app/ended_runs.py."""
    return PAGE.format(heard=HEARD if heard else "")


async def move(tab: Any, failed: type[Exception], number: int, seconds: float) -> tuple[int, int]:
    """One tab: how many gestures, and after how many of them the page did not come to show their number."""
    chance, moved, wrong = random.Random(number), 0, 0
    await tab.open("/")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        wanted, moved = chance.randrange(100_000), moved + 1
        with suppress(failed):  # what the page shows is asked next
            await tab.slide("-number", wanted)
        wrong += tab.screen.metric("Number")[1] != str(wanted)
        await asyncio.sleep(chance.random() / 20)
    await tab.close()
    return moved, wrong
