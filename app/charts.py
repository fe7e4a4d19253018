"""Figures, all in one style: two accents, light grid, no decoration, the same in light and dark."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.drawn import finished
from core import collapse

FLAGGED, OTHER, GOOD = "#D55E00", "#5B6B7B", "#0B7FAB"
PALETTE = [OTHER, GOOD, FLAGGED, "#7A5195", "#2F8F5B", "#B8860B"]
SYMBOLS = ["x", "circle", "diamond", "square", "triangle-up", "star", "cross", "pentagon"]
DIVERGING = [[0, "#D55E00"], [0.5, "#B4B8BC"], [1, "#0B7FAB"]]


def show(figure: go.Figure, *, key: str, alt: str, height: int = 260, on_select: Any = "ignore") -> None:
    """Draw a figure with the text that stands for it; a legend where it asks for one, or has several parts.

    `on_select` is called when a part of it is clicked.
    """
    figure = finished(figure, height)
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False}, on_select=on_select)


def probabilities(names: list[str], values: np.ndarray, true: int, predicted: int) -> go.Figure:
    """What the victim thinks an image is, the most probable classes."""
    top = np.argsort(values)[::-1][: min(6, len(values))][::-1]
    labels = [f"{names[k]} (true)" if k == true else names[k] for k in top]
    colours = [FLAGGED if k == predicted else GOOD if k == true else OTHER for k in top]
    bars = go.Bar(
        x=values[top],
        y=labels,
        orientation="h",
        marker_color=colours,
        text=[f"{v:.1%}" for v in values[top]],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = go.Figure(bars).update_yaxes(type="category")
    return figure.update_xaxes(range=[0, 1.18], tickformat=".0%", tickvals=[0, 0.5, 1])


def change_matrix(delta: np.ndarray, names: list[str], rows: np.ndarray, scale: float) -> go.Figure:
    """Changes of many training images (columns) under every transformation (rows, grouped by kind)."""
    order = np.argsort(names, kind="stable")
    heat = go.Heatmap(
        z=collapse.compressed(delta[order][:, rows], scale).astype(np.float32),
        colorscale=DIVERGING,
        zmin=-1,
        zmax=1,
        colorbar={"title": "change", "thickness": 12, **compressed_ticks(scale)},
        hovertemplate="column %{x}, %{y}<extra></extra>",
    )
    kinds = np.array(names)[order]
    first = [int(np.flatnonzero(kinds == kind).mean()) for kind in dict.fromkeys(kinds)]
    figure = go.Figure(heat)
    figure.update_yaxes(tickvals=first, ticktext=list(dict.fromkeys(kinds)), autorange="reversed")
    return figure.update_xaxes(title="training images, most suspect first")


def compressed_ticks(scale: float) -> dict:
    """Labels for an axis of compressed changes."""
    ticks = [-100 * scale, -scale, 0, scale, 100 * scale]
    return {
        "tickvals": [float(collapse.compressed(np.float32(t), scale)) for t in ticks],
        "ticktext": [f"{t:.2g}" for t in ticks],
    }


def by_layer(names: list[str], influence: np.ndarray, change: np.ndarray) -> go.Figure:
    """What each layer adds to the influence of a training image, and to its mean change; layers from the image on."""
    figure = go.Figure()
    for label, values, color in (("influence", influence, OTHER), ("mean change", change, FLAGGED)):
        figure.add_bar(y=names, x=values, name=label, orientation="h", marker_color=color)
    figure.update_xaxes(title="influence").update_yaxes(type="category", autorange="reversed")
    return figure.update_layout(barmode="group")


def curves(loss: np.ndarray, accuracy: np.ndarray) -> go.Figure:
    """Training loss and accuracy by epoch."""
    epochs = np.arange(1, len(loss) + 1)
    figure = go.Figure()
    figure.add_scatter(x=epochs, y=loss, name="loss (nats)", line={"color": FLAGGED})
    figure.add_scatter(x=epochs, y=accuracy, name="accuracy", line={"color": GOOD}, yaxis="y2")
    figure.update_layout(yaxis2={"overlaying": "y", "side": "right", "tickformat": ".0%", "range": [0, 1.02]})
    figure.update_yaxes(rangemode="tozero", showgrid=False)
    return figure.update_xaxes(title="epoch")


def confusion(names: list[str], counts: np.ndarray) -> go.Figure:
    """Confusion matrix, true class by predicted class."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    heat = go.Heatmap(
        z=shares,
        x=names,
        y=names,
        colorscale="Blues",
        zmin=0,
        zmax=1,
        showscale=False,
        text=counts,
        hovertemplate="%{y} read as %{x}: %{text}<extra></extra>",
        texttemplate="%{text}",
    )
    figure = go.Figure(heat)
    figure.update_xaxes(title="predicted", type="category")
    return figure.update_yaxes(title="true", autorange="reversed", type="category")


def spectrum(values: np.ndarray, most: float) -> go.Figure:
    """A mean log spectrum, low frequencies top left; `most` is the top of a scale that several may share."""
    heat = go.Heatmap(
        z=values,
        zmin=0,
        zmax=most,
        colorscale="Cividis",
        colorbar={"thickness": 12},
        hovertemplate="row %{y}, column %{x}: %{z:.2f}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_xaxes(title="frequency across", constrain="domain")
    return figure.update_yaxes(
        title="frequency down", autorange="reversed", scaleanchor="x", constrain="domain"
    )
