"""Which value counts when both the page and the user's gesture can set it?

A gesture arrives once, as a commit `{"value": ..., "token": ...}` in the component's own state, and wins on
that run. On every other run the page's value holds, so a page hands back what it was given last (or None to
leave the value to the component). The token goes back to the browser, which thereby knows whether Python
has seen its latest gesture and never lets an older answer overwrite it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st


def source(folder: Path, *names: str) -> str:
    """The named files as one text; several scripts become one module in this order."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


NONSENSE = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What a reader raises for a message that no page of ours sends: it is no gesture."""


def committed(key: str) -> dict[str, Any]:
    """The message of a component as the browser sent it, `{"value": ..., "token": ...}`; empty where it is none."""
    state = st.session_state.get(key)
    said = state.get("commit") if isinstance(state, Mapping) else None
    whole = isinstance(said, Mapping) and "value" in said and isinstance(said.get("token"), str | int | float)
    return dict(said) if whole else {}


def _understood(read: Callable[[Any], Any], commit: Mapping[str, Any]) -> tuple[bool, Any]:
    try:
        return True, read(commit["value"])
    except NONSENSE:
        return False, None


@contextmanager
def agreement(
    key: str, given: Any, read: Callable[[Any], Any], *, nothing: Any = None
) -> Iterator[tuple[Any, str | None]]:
    """The value in force and the token of the newest gesture; mount the component inside.

    `read` turns a committed JSON value into the component's own type; `nothing` is the value while neither
    side has set one. The gesture counts as taken only when the block completes: Streamlit may stop a run
    while it mounts, and the next run must then see the gesture again.
    """
    commit = committed(key)
    before = st.session_state.get(f"_{key}_agreed", {}) if commit else {}
    token = commit["token"] if commit else None
    new, gesture = _understood(read, commit) if commit and token != before.get("token") else (False, None)
    if new:
        current = gesture
    elif given is not None:
        current = given
    else:
        current = before.get("current", nothing) if before.get("given") is None else nothing
    yield current, token
    st.session_state[f"_{key}_agreed"] = {"given": given, "current": current, "token": token}
