"""Where do points lie, who influences the test point, and what does the user do with them?

A gesture moves what is seen at once and arrives here as the whole picture when it ends; the browser lists those that
were not answered yet, so that none is lost when several follow each other faster than the page answers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import streamlit as st

from app.components.controlled import last, once, source, taken, told

_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "influence_points",
    css=source(_HERE, "style.css"),
    js=source(_HERE, "../mounting.js", "drawing.js", "gestures.js", "component.js"),
)

Gesture = dict[str, Any]
"""What the user did: `{"points": [[id, x, y, class], ...], "test": [x, y]}`, or `{"step": -1}` for undo, 1 for redo."""


class Picture(TypedDict):
    """What is drawn. Coordinates are in the field's unit, y upwards."""

    points: list[list[float]]
    """`[id, x, y, class, influence in [-1, 1], flagged 0 or 1]` for each training point."""
    test: list[float]
    read: str
    """What the test point is read as, for screen readers."""
    copies: list[list[float]]
    """`[x, y]` of transformed copies; may be empty."""
    classes: list[str]
    field: float
    """Points lie between minus this and plus this."""
    placed: int
    """The least id of a placed point."""
    most: int
    """So many points may be placed."""
    regions: str
    """Class of every cell of a square grid, row by row from the bottom left, a digit each."""
    before: NotRequired[str]
    """Another such grid, whose borders are drawn dashed."""


def points(picture: Picture, *, key: str, label: str, on_gesture: Callable[[Gesture], object]) -> None:
    """Draw a picture; `on_gesture` is told every gesture in its order, before the page runs again.

    label  names the plot for screen readers
    """

    def take(gestures: list[Gesture]) -> None:
        for gesture in gestures:
            on_gesture(gesture)

    data = dict(picture) | {"label": label, "done": last(key)} | told(key)
    _MOUNT(key=key, data=data, on_commit_change=taken(key, lambda listed: once(key, listed), take))
