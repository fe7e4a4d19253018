"""How many training images does this threshold flag? Answered exactly, while the line is being dragged.

An image is flagged when its order statistic is below the threshold, so with the statistics sorted the count
is one binary search, done in the browser without a round trip. Both sides compare in float32: the value
handed back is always exactly a float32, so `statistics < value` in numpy gives the count that was shown.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.components.controlled import source, taken, told

_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "influence_threshold",
    css=source(_HERE, "style.css"),
    js=source(_HERE, "../mounting.js", "../elements.js", "numbers.js", "drawing.js", "component.js"),
)


def threshold(
    order_statistics: NDArray[np.float32],
    value: float,
    *,
    flagged_total: int,
    key: str,
    plateau: tuple[float, float] | None = None,
    mark: tuple[str, float] | None = None,
    mirrored: bool = False,
    name: str = "Threshold",
    height: int = 220,
    locked: bool = False,
    on_move: Callable[[float], object],
) -> None:
    """Show the threshold `value`; `on_move` is told where a gesture moves it, before the page runs again.

    order_statistics  (N,) ascending and finite, one per image at the current tolerance
    flagged_total     the number of images the count is out of ("512 of 12 000"), usually N
    plateau           (low, high): thresholds over which the flagged set hardly changes
    mark              (name, threshold): a place to point out
    mirrored          statistics and thresholds are the negatives of what is shown: flagged means above
    name              what the threshold is called
    height            of the histogram in pixels
    locked            the line can be seen and not moved
    """
    statistics = _checked(order_statistics)
    packet = _packet(statistics)
    settings = {
        "statistics": packet[:32].decode("ascii"),
        "total": int(flagged_total),
        "plateau": None if plateau is None else [float(edge) for edge in plateau],
        "mark": None if mark is None else {"name": mark[0], "value": _single(mark[1])},
        "mirrored": bool(mirrored),
        "name": name,
        "height": int(height),
        "locked": bool(locked),
        "value": _single(value),
    }
    with st.container(gap=None):
        # Two mounts of one component: the big buffer's message is the same on every run, so it is sent once.
        _MOUNT(key=f"{key}_statistics", data=packet)
        _MOUNT(key=key, data=settings | told(key), on_commit_change=taken(key, _single, on_move))


def _single(value: float) -> float:
    """The nearest float32, as both sides compare."""
    with np.errstate(over="ignore"):  # becomes infinite, which is no threshold
        single = float(np.float32(value))
    if not np.isfinite(single):
        raise ValueError(f"{value!r:.40}: expected a finite threshold")
    return single


def _checked(order_statistics: NDArray[np.float32]) -> NDArray[np.float32]:
    statistics = np.asarray(order_statistics, dtype="<f4")
    if statistics.ndim != 1:
        raise ValueError(f"order_statistics has shape {statistics.shape}: expected (N,), one tolerance level")
    if not np.isfinite(statistics).all():
        bad = int((~np.isfinite(statistics)).sum())
        raise ValueError(f"order_statistics holds {bad} values that are not finite: drop those images first")
    if (statistics[1:] < statistics[:-1]).any():
        raise ValueError("order_statistics is not ascending: pass np.sort(order_statistics)")
    return statistics


def _packet(statistics: NDArray[np.float32]) -> bytes:
    """32 characters naming the content, then the float32 values: what the settings refer to by name."""
    values = statistics.tobytes()
    return hashlib.blake2b(values, digest_size=16).hexdigest().encode("ascii") + values
