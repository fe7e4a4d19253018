"""Figures of unlearning: what is left of the harm against accuracy, and two models' confusions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from app.charts import DIVERGING, FLAGGED, GOOD, OTHER
from core.unlearned.outcome_figures import REMOVED, Spread

MOST_NUMBERED = 12
"""Classes up to which the cells of a matrix carry their counts."""
LINE, LETTER, ASIDE, WIDTH = 16, 6.5, 22, 600
"""Pixels: of a line, of a letter, from a point to its label, and of a figure at about its narrowest."""
RIGHT = 0.6
"""Share of the width from which on labels stand left of their points."""
LOOKS = {
    "victim": (OTHER, "x", "the victim"),
    "flags": (GOOD, "circle", "this set"),
    "random": ("#7A5195", "diamond-open", "random set"),
    "others": ("#B8860B", "square-open", "the label's others"),
    "oracle": ("#2F8F5B", "star", "true poisons"),
    "elsewhere": (OTHER, "circle-open", "for another set"),
}
"""Colour, symbol and name of each kind of point."""


@dataclass(frozen=True)
class Point:
    """One model, or one way of unlearning over its seeds."""

    label: str
    kind: str
    harm: Spread
    accuracy: Spread
    seconds: float


def trade_off(points: Sequence[Point], best: Sequence[int], harm: str, *, height: int) -> go.Figure:
    """Harm (left is better) against accuracy (up is better), size by seconds; `best` are joined by a line."""
    figure = go.Figure()
    ends = [points[i] for i in best]
    figure.add_scatter(
        x=[p.harm.mean for p in ends],
        y=[p.accuracy.mean for p in ends],
        mode="lines",
        line={"color": GOOD, "width": 1, "dash": "dot", "shape": "hv"},
        name="beaten by none",
        hoverinfo="skip",
    )
    for kind in dict.fromkeys(p.kind for p in points):
        _add(figure, [p for p in points if p.kind == kind], LOOKS[kind])
    span = _span(points)
    if "poison" in harm:
        figure.add_vline(x=REMOVED, line_dash="dot", line_width=1, line_color=OTHER)
    figure.update_layout(annotations=_labels(points, span, height))
    figure.update_xaxes(tickformat=".0%", range=[-0.06, 1.06], tickvals=[0, 0.25, 0.5, 0.75, 1], title=harm)
    return figure.update_yaxes(tickformat=".1%", range=span, title="test accuracy")


def _add(figure: go.Figure, points: list[Point], look: tuple[str, str, str]) -> None:
    colour, symbol, name = look
    figure.add_scatter(
        x=[p.harm.mean for p in points],
        y=[p.accuracy.mean for p in points],
        error_x=_bars([p.harm for p in points], colour),
        error_y=_bars([p.accuracy for p in points], colour),
        mode="markers",
        name=name,
        marker={
            "size": [_size(p.seconds, points) for p in points],
            "color": colour,
            "symbol": symbol,
            "opacity": 0.85,
            "line": {"width": 1.5, "color": colour},
        },
        customdata=[[p.label, p.seconds, p.harm.n] for p in points],
        hovertemplate="%{customdata[0]}<br>%{x:.1%} · accuracy %{y:.2%}<br>%{customdata[1]:.1f} s"
        "<br>n = %{customdata[2]}<extra></extra>",
        cliponaxis=False,
    )


def _bars(spreads: list[Spread], colour: str) -> dict:
    return {
        "type": "data",
        "symmetric": False,
        "array": [s.most - s.mean for s in spreads],
        "arrayminus": [s.mean - s.least for s in spreads],
        "thickness": 1.2,
        "width": 4,
        "color": colour,
        "visible": any(s.n > 1 for s in spreads),
    }


def _size(seconds: float, points: list[Point]) -> float:
    most = max(p.seconds for p in points) or 1.0
    return 10 + 12 * float(np.sqrt(max(seconds, 0.0) / most))


def _span(points: Sequence[Point]) -> list[float]:
    least, most = min(p.accuracy.least for p in points), max(p.accuracy.most for p in points)
    room = max(0.01, 0.12 * (most - least))
    return [max(0.0, least - room), min(1.02, most + room)]


def _labels(points: Sequence[Point], span: list[float], height: int) -> list[dict]:
    """A label beside each point, inward; one that would lie upon another is moved down, and points back.

    Those of other sets have none where there is something of this one: a touch tells what they are.
    """
    named = [p for p in points if p.kind != "elsewhere"]
    named = named if len(named) > 1 else list(points)
    per_pixel, taken, notes = (span[1] - span[0]) / max(height - 110, 100), [], []
    for p in sorted(named, key=lambda p: -p.accuracy.mean):
        left, width = p.harm.mean > RIGHT, LETTER * len(p.label)
        start = WIDTH * p.harm.mean + (-ASIDE - width if left else ASIDE)
        wanted = p.accuracy.mean / per_pixel
        place = wanted + (LINE / 2 + 2 if p.harm.most > p.harm.least else 0)  # above its own bar
        while hit := next((y for x, w, y in taken if _upon((start, width, place), (x, w, y))), None):
            place = hit - LINE
        taken.append((start, width, place))
        notes.append(_label(p, -ASIDE if left else ASIDE, wanted - place))
    return notes


def _upon(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Whether two labels (start, width, height) lie upon each other, in pixels."""
    apart = one[0] > other[0] + other[1] or other[0] > one[0] + one[1]
    return not apart and abs(one[2] - other[2]) < LINE - 0.01


def _label(p: Point, aside: float, down: float) -> dict:
    return {
        "x": p.harm.mean,
        "y": p.accuracy.mean,
        "ax": aside,
        "ay": down,
        "text": p.label,
        "xanchor": "right" if aside < 0 else "left",
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 0.7,
        "arrowcolor": OTHER,
        "standoff": 8,
        "font": {"size": 12},
    }


def confusion(names: list[str], counts: np.ndarray, shares: np.ndarray) -> go.Figure:
    """True class by predicted class; the colour is the share of the true class, the same for every matrix."""
    return _matrix(names, counts, shares, colorscale="Blues", zmin=0, zmax=1)


def difference(names: list[str], counts: np.ndarray, shares: np.ndarray) -> go.Figure:
    """Where the second model differs: blue cells hold more test images than before, orange ones fewer."""
    most = float(np.abs(shares).max()) or 1.0
    changed = np.where(counts == 0, np.nan, shares)
    return _matrix(names, counts, changed, colorscale=DIVERGING, zmin=-most, zmax=most)


def _matrix(names: list[str], counts: np.ndarray, shares: np.ndarray, **scale: object) -> go.Figure:
    signed = bool((counts < 0).any())
    text = np.vectorize(lambda c: "" if signed and not c else f"{c:+,}" if signed else f"{c:,}")(counts)
    heat = go.Heatmap(
        z=shares,
        x=names,
        y=names,
        text=text,
        customdata=counts,
        texttemplate="%{text}" if len(names) <= MOST_NUMBERED else None,
        hovertemplate="%{y} read as %{x}: %{customdata}<extra></extra>",
        hoverongaps=False,
        showscale=False,
        **scale,
    )
    figure = go.Figure(heat).update_xaxes(title="predicted", type="category")
    return figure.update_yaxes(title="true", autorange="reversed", type="category")


def by_class(names: list[str], first: tuple[str, np.ndarray], second: tuple[str, np.ndarray]) -> go.Figure:
    """Accuracy of two models on every class."""
    figure = go.Figure()
    looks = ((first, OTHER, ""), (second, FLAGGED if first[0] == second[0] else GOOD, "/"))
    for (label, values), colour, pattern in looks:
        figure.add_bar(x=names, y=values, name=label, marker={"color": colour, "pattern": {"shape": pattern}})
    figure.update_xaxes(type="category", title="class")
    return figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title="accuracy")
