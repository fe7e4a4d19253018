"""Figures about one training image, and about what flagged images share."""

from functools import lru_cache

import numpy as np
import plotly.graph_objects as go

from app.charts import FLAGGED, GOOD, OTHER, PALETTE, compressed_ticks
from app.drawn import Drawn, finished
from core import collapse
from core.closeup import Support

KINDS = [*PALETTE, "#9C4F2E", "#6B8E23", "#C2538B", "#444E86"]
HEIGHT = 330
"""Of the figure of all changes of one image."""
PATTERNS = ["", "/", "\\", "x", "-", "|", "+", ".", "", "/"]


def changes_by_kind(delta: np.ndarray, names: list[str], level: float, scale: float) -> Drawn:
    """One training image's change of influence on every copy, lowest first, coloured and hatched by kind."""
    order = np.argsort(delta, kind="stable")
    values, kinds = delta[order], np.array(names)[order]
    heights = np.round(collapse.compressed(values, scale), 4)
    frame = _frame(tuple(sorted(set(names))))
    bars = [
        bar
        | {
            "x": np.flatnonzero(mine := kinds == bar["name"]).tolist(),
            "y": heights[mine].tolist(),
            "customdata": [f"{v:.4g}" for v in values[mine]],
        }
        for bar in frame["data"]
    ]
    at = float(collapse.compressed(np.float32(level), scale))
    line = frame["layout"]["shapes"][0] | {"y0": at, "y1": at}
    axis = frame["layout"]["yaxis"] | compressed_ticks(scale)
    return Drawn({"data": bars, "layout": frame["layout"] | {"shapes": [line], "yaxis": axis}})


@lru_cache(32)
def _frame(kinds: tuple[str, ...]) -> dict:
    """The same without numbers: what is alike for every training image."""
    figure = go.Figure()
    for number, kind in enumerate(kinds):
        figure.add_bar(
            name=kind,
            width=0.86,
            marker={"color": KINDS[number % len(KINDS)], "pattern": _hatch(number)},
            hovertemplate=f"{kind}<br>change %{{customdata}}<extra></extra>",
        )
    figure.add_hline(y=0, line_dash="dot", line_width=1)
    figure.update_layout(barmode="overlay", showlegend=True)
    figure.update_xaxes(title="copies, lowest change first", showticklabels=False)
    figure.update_yaxes(title="change of influence", range=[-1.05, 1.05])
    return finished(figure, HEIGHT).to_dict()


def _hatch(number: int) -> dict:
    """A pattern over the colour, which tells kinds apart without it."""
    shape = PATTERNS[number % len(PATTERNS)]
    return {
        "shape": shape,
        "fillmode": "overlay",
        "fgcolor": "rgba(255,255,255,0.6)",
        "size": 6,
        "solidity": 0.25,
    }


def support(found: Support, picked: str) -> go.Figure:
    """One training image's support of every control, and of the picked image: all that the contrast looks at."""
    figure = go.Figure()
    for name, values, colour, symbol in (
        ("controls", found.controls, OTHER, "circle-open"),
        (picked, found.picked, FLAGGED, "diamond"),
    ):
        figure.add_scatter(
            x=values,
            y=[name] * len(values),
            mode="markers",
            name=name,
            marker={"size": 11, "color": colour, "symbol": symbol, "opacity": 0.8, "line": {"width": 2}},
            hovertemplate="support %{x:.4g}<extra></extra>",
            cliponaxis=False,
        )
    lines = (
        (float(found.controls.mean()), GOOD, "dash", "mean of the controls"),
        (found.cut_off, FLAGGED, "dot", "cut-off"),
    )
    for value, colour, dash, words in lines:
        figure.add_scatter(
            x=[value, value],
            y=["controls", picked],
            mode="lines",
            name=words,
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate=f"{words} {value:.4g}<extra></extra>",
        )
    figure.update_yaxes(type="category", range=[-0.5, 1.5])
    return figure.update_xaxes(title="support (influence)", zeroline=True)


def agreement(values: np.ndarray) -> go.Figure:
    """Share of the flagged images that differ to the same side, pixel by pixel."""
    return _map(values, "Cividis", {"zmin": 0, "zmax": 1, "colorbar": {"tickformat": ".0%", "thickness": 12}})


def spectrum_difference(values: np.ndarray) -> go.Figure:
    """Difference of mean log spectra, low frequencies top left."""
    most = float(np.abs(values).max()) or 1.0
    colours = [[0, GOOD], [0.5, "#B4B8BC"], [1, FLAGGED]]
    figure = _map(values, colours, {"zmin": -most, "zmax": most, "colorbar": {"thickness": 12}})
    figure.update_yaxes(title="frequency down")
    return figure.update_xaxes(title="frequency across")


def _map(values: np.ndarray, colours: object, scale: dict) -> go.Figure:
    heat = go.Heatmap(
        z=values, colorscale=colours, hovertemplate="row %{y}, column %{x}: %{z:.2f}<extra></extra>", **scale
    )
    figure = go.Figure(heat).update_xaxes(constrain="domain")
    return figure.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain")
