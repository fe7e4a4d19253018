"""Poison, keep or unsure? One large image after the other, judged by single keys as fast as one can look.

The browser shows a verdict at once and sends it in an outbox that it empties only when told which ones were written.
Each carries a name of its own, so that one that arrives twice is written once, and none is lost by being quick.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import streamlit as st

from app.components.controlled import committed, source, taken, told
from core.review.verdict_rows import LONGEST_REASON, VERDICTS
from core.review.verdicts import Gesture

_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "influence_triage",
    css=source(_HERE, "style.css"),
    js=source(_HERE, "../mounting.js", "parts.js", "outbox.js", "drawing.js", "component.js"),
)
_REMEMBERED = 50_000
_lock = Lock()
_written: OrderedDict[str, None] = OrderedDict()
"""Names of gestures that this server has written; a browser that reconnects may send them again."""


def take(key: str, book: str, write: Callable[[Sequence[Gesture]], object]) -> None:
    """Hand gestures that are new to `write`, in the order in which they were made; call it before `triage`.

    When `write` raises they stay in the browser's outbox, which sends them again.
    """
    with _lock:
        new = {name: gesture for name, gesture in _arrived(key, book) if name not in _written}
        if not new:
            return
        write([gesture for gesture in new.values() if gesture])
        _written.update(dict.fromkeys(new))
        while len(_written) > _REMEMBERED:
            _written.popitem(last=False)


def triage(
    key: str,
    queue: Mapping[str, Any],
    stands: Mapping[str, Any],
    *,
    book: str,
    at: int,
    on_look: Callable[[int], object],
) -> None:
    """Show the image `at`; `on_look` is told where the reviewer went, before the page runs again.

    queue  what does not change by judging, sent once: a name, items, and images to compare with by label
    stands what stands: verdicts, reasons, gestures to undo and to redo, what others said, seconds each
    book   names case and reviewer; gestures of another book wait in the browser until it is opened
    """
    written = [name for name, _ in _arrived(key, book) if name in _written]
    with st.container(gap=None):
        _MOUNT(key=f"{key}_queue", data={"queue": dict(queue)})
        data = {"shown": queue["name"], "book": book, "written": written, "at": at} | told(key)
        _MOUNT(key=key, data=dict(stands) | data, on_commit_change=taken(key, _place, on_look))


def _place(value: Any) -> int:
    at = value.get("at") if isinstance(value, dict) else None
    return at if type(at) is int and abs(at) < 10**9 else -1


def _arrived(key: str, book: str) -> list[tuple[str, Gesture | None]]:
    """Names and gestures in the outbox as it came last; None stands for what makes no sense."""
    value = committed(key).get("value")
    if (
        not isinstance(value, dict)
        or value.get("book") != book
        or not isinstance(value.get("gestures"), list)
    ):
        return []
    return [
        (str(sent.get("id"))[:40], _gesture(sent)) for sent in value["gestures"] if isinstance(sent, dict)
    ]


def _gesture(sent: Mapping[str, Any]) -> Gesture | None:
    kind, image, verdict = sent.get("kind"), sent.get("image"), sent.get("verdict", "auto")
    if kind not in ("judge", "undo", "redo") or type(image) is not int or verdict not in VERDICTS:
        return None
    return Gesture(kind, (image,), verdict, str(sent.get("reason") or "")[:LONGEST_REASON])
