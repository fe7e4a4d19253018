"""Two small pages and whoever acts on them: a timer draws a part of one, on the other gestures follow each other fast."""

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
HASTY = """
import time
import streamlit as st
{whole}

def take(name):
    time.sleep(0.05)  # as long as what gestures do here
    st.session_state[f"had {{name}}"] = st.session_state[name]

for name in ("one", "other"):
    st.slider(name, 0, 100_000, 0, key=name, on_change=take, args=[name])
    st.metric(name, st.session_state.get(f"had {{name}}"))
"""
WHOLE = "from app import whole_callbacks\nwhole_callbacks.undivided()"


def page(heard: bool) -> str:
    """The page with the timer, with or without app/ended_runs.py."""
    return PAGE.format(heard=HEARD if heard else "")


def hasty(whole: bool) -> str:
    """The page for gestures in quick succession, with or without app/whole_callbacks.py."""
    return HASTY.format(whole=WHOLE if whole else "")


async def hurry(tab: Any, failed: type[Exception], number: int, seconds: float) -> tuple[int, int]:
    """Two gestures at a time, without waiting for the first: how many, and how many were not taken."""
    chance, moved, wrong = random.Random(number), 0, 0
    await tab.open("/")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        wanted, moved = {name: chance.randrange(100_000) for name in ("one", "other")}, moved + 2
        with suppress(failed):
            first = asyncio.create_task(tab.slide("-one", wanted["one"]))
            await asyncio.sleep(0.02 + chance.random() / 20)
            await asyncio.gather(first, tab.slide("-other", wanted["other"]))
            await tab.rerun()
        wrong += sum(tab.screen.metric(name)[1] != str(value) for name, value in wanted.items())
    await tab.close()
    return moved, wrong


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
