"""Which value counts when both the page and the user's gesture can set it?

A gesture arrives as a commit `{"value": ..., "token": ..., "session": ...}` in the component's own state. It counts once,
in the session that it names: a browser that meets a server started anew hands over everything that was last said there,
which must not be done again; what that server has not answered the browser says anew. Wherever the page owns the value,
the gesture is taken in a callback, before the page runs, so that no request that follows can come in between. The token
goes back to the browser, which thereby knows whether Python has seen its latest gesture and never lets an older answer
overwrite it.
"""

import secrets
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
    """The message of a component as the browser sent it to this session; empty where there is none."""
    state = st.session_state.get(key)
    said = state.get("commit") if isinstance(state, Mapping) else None
    whole = isinstance(said, Mapping) and "value" in said and isinstance(said.get("token"), str | int | float)
    return dict(said) if whole and said.get("session") == _session() else {}


def told(key: str) -> dict[str, Any]:
    """What the browser needs to know to say the next gesture: put it into the data of every mount that commits."""
    return {"session": _session(), "token": committed(key).get("token")}


def taken(key: str, read: Callable[[Any], Any], take: Callable[[Any], object]) -> Callable[[], None]:
    """A callback that hands `read` of the commit to `take`; what cannot be read is no gesture."""

    def heard() -> None:
        known, gesture = _understood(read, committed(key))
        if known:
            take(gesture)

    return heard


def once(key: str, listed: Any) -> list[dict[str, Any]]:
    """Of what the browser lists until it is done, what is not yet: to be called where it is done at once.

    Each entry carries a `serial`, which grows.
    """
    done = last(key)
    serials = isinstance(listed, list) and [a for a in listed if isinstance(a, dict) and _is_serial(a)]
    new = [asked for asked in serials or [] if asked["serial"] > done]
    st.session_state[f"_{key}_done"] = max([done, *(asked["serial"] for asked in new)])
    return new


def last(key: str) -> int:
    """The serial of what was done last, so that the browser need not list it any more."""
    return st.session_state.get(f"_{key}_done", 0)


def _is_serial(asked: Mapping[str, Any]) -> bool:
    return type(asked.get("serial")) is int and 0 < asked["serial"] < 2**53


def _session() -> str:
    """Names the session of this tab at this server."""
    return st.session_state.setdefault("_session", secrets.token_hex(8))


def _understood(read: Callable[[Any], Any], commit: Mapping[str, Any]) -> tuple[bool, Any]:
    try:
        return True, read(commit["value"])
    except NONSENSE:
        return False, None


@contextmanager
def agreement(key: str, given: Any, read: Callable[[Any], Any], *, nothing: Any = None) -> Iterator[Any]:
    """The value in force where page and component may both keep it: the gesture just made, else what the page gives.

    Mount the component inside. `read` turns a committed JSON value into the component's own type; `nothing` is the value
    while neither side has set one. The gesture counts as taken only when the block completes: Streamlit may stop a run
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
    yield current
    st.session_state[f"_{key}_agreed"] = {"given": given, "current": current, "token": token}
