"""Figures of the pages for learning, in the style of app.charts."""

import numpy as np
import plotly.graph_objects as go

from app.charts import DIVERGING, FLAGGED, GOOD, OTHER


def agreement(influence: np.ndarray, truth: np.ndarray, marked: np.ndarray, label: str) -> go.Figure:
    """Influence of each training point against what leaving it out really does; on the line they agree."""
    figure = go.Figure()
    for chosen, colour, symbol, name in (
        (~marked, OTHER, "circle", "other points"),
        (marked, FLAGGED, "diamond", label),
    ):
        figure.add_scatter(
            x=truth[chosen],
            y=influence[chosen],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 9, "opacity": 0.85},
            hovertemplate="trained without it: %{x:.3f}<br>influence: %{y:.3f}<extra></extra>",
        )
    ends = [float(min(truth.min(), influence.min())), float(max(truth.max(), influence.max()))]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", hoverinfo="skip", showlegend=False, line={"dash": "dot", "color": OTHER}
    )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title="margin lost by training without the point")
    return figure.update_yaxes(title="influence")


def guesses(names: list[str], guessed: list[bool], values: np.ndarray) -> go.Figure:
    """A bar for each choice, the ones that somebody guessed in a colour and with a tick."""
    colours = [GOOD if mine else OTHER for mine in guessed]
    labels = [f"{name} ✓ your guess" if mine else name for name, mine in zip(names, guessed, strict=True)]
    bars = go.Bar(x=values, y=labels, orientation="h", marker_color=colours, hoverinfo="skip")
    return go.Figure(bars).update_yaxes(type="category", autorange="reversed")


def shares(groups: list[str], before: list[float | None], after: list[float | None]) -> go.Figure:
    """Shares in percent before and after, side by side."""
    figure = go.Figure()
    for name, values, colour in (("before", before, OTHER), ("after", after, GOOD)):
        figure.add_bar(
            y=groups,
            x=values,
            name=name,
            orientation="h",
            marker_color=colour,
            text=["–" if v is None else f"{v:.1%}" for v in values],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    figure.update_layout(barmode="group")
    figure.update_yaxes(autorange="reversed")
    return figure.update_xaxes(range=[0, 1.18], tickformat=".0%", tickvals=[0, 0.5, 1])


def strips(changes: np.ndarray, names: list[str], so_far: int) -> go.Figure:
    """Changes of influence of some images (rows) on the copies so far (columns); the others are still blank."""
    seen = changes.astype(float)
    seen[:, so_far:] = np.nan
    heat = go.Heatmap(
        z=seen,
        y=names,
        colorscale=DIVERGING,
        zmin=-1,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=4,
        hoverinfo="skip",
    )
    figure = go.Figure(heat).update_xaxes(title="copy", range=[-0.5, changes.shape[1] - 0.5], showgrid=False)
    return figure.update_yaxes(autorange="reversed", type="category", showgrid=False)


def survivors(left: np.ndarray, so_far: int) -> go.Figure:
    """How many images fell on every copy so far, up to the copy that is looked at."""
    figure = go.Figure()
    at = np.arange(1, so_far + 1)
    figure.add_scatter(
        x=at, y=left[:so_far], mode="lines", line={"color": FLAGGED, "shape": "hv"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=[so_far],
        y=[left[so_far - 1]],
        mode="markers+text",
        text=[f"{left[so_far - 1]:,}"],
        textposition="top center",
        marker={"color": FLAGGED, "size": 9},
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title="copies", range=[0, len(left) + 1])
    return figure.update_yaxes(title="images left", range=[0, 1.15 * float(left.max())])


def ranking(names: list[str], scores: list[float | None]) -> go.Figure:
    """How close each set comes to the truth, the first one being the user's."""
    values = [score or 0.0 for score in scores]
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        marker_color=[FLAGGED] + [OTHER] * (len(names) - 1),
        text=[f"{v:.2f}" for v in values],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = go.Figure(bars).update_yaxes(autorange="reversed", type="category")
    return figure.update_xaxes(range=[0, 1.18], tickvals=[0, 0.5, 1])
