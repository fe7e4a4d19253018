"""Which threshold and which tolerance? A map of what every pair of settings flags, to look around in and to pick from.

Looking around (hover, arrow keys) happens in the browser alone; a click or Enter is one message. Numbers are made by
the caller, the component only colours them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import streamlit as st

from app.components.controlled import source, taken, told

_HERE = Path(__file__).parent
_SCRIPTS = ("../mounting.js", "../elements.js", "../threshold/numbers.js", "drawing.js", "component.js")
_MOUNT = st.components.v2.component(
    "influence_surface",
    css=source(_HERE, "style.css"),
    js=source(_HERE, *_SCRIPTS),
)

MOST = 10**6
Point = tuple[float, int]
"""Threshold and tolerance."""


class Layer(TypedDict):
    """A share in [0, 1] for every cell that can be drawn instead of the counts; NaN where there is none."""

    name: str
    values: np.ndarray
    meaning: str


def surface(
    counts: np.ndarray,
    thresholds: np.ndarray,
    chosen: Point | None,
    *,
    total: int,
    key: str,
    layers: Sequence[Layer] = (),
    plateau: np.ndarray | None = None,
    on_pick: Callable[[Point], None],
) -> None:
    """Draw the map; `on_pick` is told threshold and tolerance of the cell that was picked, before the page runs again.

    counts      int [k h]: images flagged at tolerance k (from 0) and `thresholds[h]`, which ascend
    chosen      where the cross stands; None for no cross
    total       the number of images that the counts are out of
    layers      what else can be shown of every cell
    plateau     bool [k h]: cells inside the outline
    """
    grid = np.asarray(thresholds, np.float32)
    if np.shape(counts) != (len(counts), len(grid)) or (np.diff(grid) <= 0).any():
        raise ValueError(
            f"counts {np.shape(counts)}, {len(grid)} thresholds: expected a column for each of ascending thresholds"
        )
    data = {
        "thresholds": [float(value) for value in grid],
        "counts": np.asarray(counts).tolist(),
        "total": int(total),
        "layers": [layer | {"values": _shares(layer["values"])} for layer in layers],
        "plateau": None if plateau is None else np.asarray(plateau, bool).tolist(),
    }
    at = None if chosen is None else list(_point(chosen))
    _MOUNT(key=key, data=data | {"chosen": at} | told(key), on_commit_change=taken(key, _point, on_pick))


def _point(value: Any) -> Point:
    """A threshold as the nearest float32, and a tolerance. Raises ValueError or its like for anything else."""
    level, tolerance = float(np.float32(value[0])), int(value[1])
    if not (np.isfinite(level) and 0 <= tolerance < MOST):
        raise ValueError("no place on the map")
    return level, tolerance


def _shares(values: np.ndarray) -> list[list[float | None]]:
    """Nested lists with four decimals; None for NaN, which JSON does not know."""
    return [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in values]
