"""The address of the page, written so that nothing is lost while the browser has not yet heard of it.

A gesture changes the address in its callback. Whatever asks for the page in that moment (a timer's part that runs the
page anew, the next gesture) still comes from the address before it, and Streamlit takes that for where one is: the
gesture would be undone. So the addresses that were left are remembered until the page that followed is there; who
comes from one of them is where the gesture led, except by Back and Forward, which say so. Tested by
tests/reliability/test_gestures.py.
"""

import time
from collections import deque
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LATE, DRAWN, MOST = 1.0, 15.0, 20
"""Seconds in which a request may still come from an address that was left: once the page that followed is there, and
where that never comes to its end; and how many such addresses are remembered."""
_KEY = "address-bar"


@dataclass
class _Bar:
    """What this tab's address shall be, and what it was before the browser knew."""

    page: str = ""
    wanted: dict[str, str] = field(default_factory=dict)
    left: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=MOST))
    until: float = 0.0
    """Until when somebody may come from there, by `time.monotonic`."""


def shown() -> dict[str, str]:
    """What the address says: where the last gesture led, though the browser may not show it yet."""
    bar, now = _bar(), st.query_params.to_dict()
    if _went_back():
        bar.left.clear()
        if now != bar.wanted:  # what earlier gestures led to may come to the browser after its Back
            bar.wanted = dict(now)
            st.query_params.from_dict(now)
    if now in bar.left and now != bar.wanted and _may_be_late(bar):
        st.query_params.from_dict(bar.wanted)
        return dict(bar.wanted)
    return now


def write(wanted: dict[str, str]) -> None:
    """Change all of the address."""
    was, bar = shown(), _bar()
    if was == wanted:
        return
    if bar.page != _page() or time.monotonic() >= bar.until:
        bar.left.clear()
    bar.left.append(was)
    bar.page, bar.wanted, bar.until = _page(), dict(wanted), time.monotonic() + DRAWN
    st.query_params.from_dict(wanted)


def change(name: str, value: str | None) -> None:
    """Change one part of the address; None takes it away."""
    rest = {k: v for k, v in shown().items() if k != name}
    write(rest if value is None else rest | {name: value})


def arrived() -> None:
    """The page that belongs to the address has been drawn to its end."""
    bar = _bar()
    bar.until = min(bar.until, time.monotonic() + LATE)


def _may_be_late(bar: _Bar) -> bool:
    """Whether this run may have been asked for before the browser heard of the last gesture on this page."""
    return bar.page == _page() and time.monotonic() < bar.until


def _went_back() -> bool:
    """Whether this run comes of Back or Forward: then the address is where one wants to be."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _page() -> str:
    context = get_script_run_ctx()
    return context.page_script_hash if context else ""


def _bar() -> _Bar:
    return st.session_state.setdefault(_KEY, _Bar())
