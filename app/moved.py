"""Widgets that both the page and the user move, of which neither undoes what the other does.

A page that sets a widget's value in every run says that value to the browser each time; whoever is faster than the page
has moved on by then, sees the widget jump back, and with the next gesture the browser tells the old value as a new one.
So a value is given to a widget only when it is made, and one that shall show another value than it was moved to is made
anew, under another name. Tested by tests/e2e/test_fast_hands.py.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st


def placed(
    widget: Callable[..., Any],
    label: str,
    *choices: Any,
    key: str,
    value: Any,
    on_move: Callable[[Any], object],
    **options: Any,
) -> None:
    """A widget that shows `value`; `on_move` is told where the user moves it, before the page runs again.

    widget   of Streamlit, one that has a value
    choices  of a widget that has some; they may also come as `options`
    """
    named = _name(key, value)

    def moved() -> None:
        if named in st.session_state:  # else it was used while the page went away
            on_move(st.session_state[named])

    given = _default(widget, value, choices[0] if choices else options.get("options", ()))
    widget(label, *choices, key=named, on_change=moved, **given, **options)


def _name(key: str, value: Any) -> str:
    """The key under which the widget stands that was made for this value, or moved to it."""
    count = st.session_state.get(f"_{key}_made", 0)
    if (now := _numbered(key, count)) in st.session_state and not _same(st.session_state[now], value):
        count += 1
        st.session_state[f"_{key}_made"] = count
    return _numbered(key, count)


def _numbered(key: str, count: int) -> str:
    return f"{key}~{count}" if count else key


def _same(shown: Any, value: Any) -> bool:
    several = isinstance(value, list)
    return set(shown or ()) == set(value) if several else shown == value


def _default(widget: Callable[..., Any], value: Any, choices: Any) -> dict[str, Any]:
    """The value as the kind of widget takes it when it is made."""
    if widget is st.selectbox:
        return {"index": None if value is None else list(choices).index(value)}
    return {"default" if widget in (st.segmented_control, st.pills) else "value": value}
