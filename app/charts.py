"""Figures, all in one style: two accents, light grid, no decoration, the same in light and dark."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core import collapse

FLAGGED, OTHER, GOOD = "#D55E00", "#5B6B7B", "#0B7FAB"
PALETTE = [OTHER, GOOD, FLAGGED, "#7A5195", "#2F8F5B", "#B8860B"]
SYMBOLS = ["x", "circle", "diamond", "square", "triangle-up", "star", "cross", "pentagon"]
DIVERGING = [[0, "#D55E00"], [0.5, "#B4B8BC"], [1, "#0B7FAB"]]


def show(figure: go.Figure, *, key: str, alt: str, height: int = 260) -> None:
    """Draw a figure with the text that stands for it; a legend where it asks for one, or has several parts."""
    asked = figure.layout.showlegend
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=len(figure.data) > 1 if asked is None else asked,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"namelength": -1},
    )
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})


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


def changes_of_image(delta: np.ndarray, names: list[str], threshold: float, scale: float) -> go.Figure:
    """One training image's change of influence under every transformation, lowest first."""
    order = np.argsort(delta)
    values, kinds = delta[order], np.array(names)[order]
    figure = go.Figure()
    for below, colour, label in ((True, FLAGGED, "below the threshold"), (False, OTHER, "not below")):
        chosen = (values < threshold) == below
        figure.add_bar(
            x=np.flatnonzero(chosen),
            y=collapse.compressed(values[chosen], scale),
            marker_color=colour,
            name=label,
            customdata=np.stack([kinds[chosen], [f"{v:.4g}" for v in values[chosen]]], axis=-1),
            hovertemplate="%{customdata[0]}<br>change %{customdata[1]}<extra></extra>",
        )
    figure.add_hline(
        y=float(collapse.compressed(np.float32(threshold), scale)), line_dash="dot", line_width=1
    )
    figure.update_xaxes(title="transformed copies, lowest change first", showticklabels=False)
    return figure.update_yaxes(title="change of influence", range=[-1.05, 1.05], **_compressed_ticks(scale))


def change_matrix(delta: np.ndarray, names: list[str], rows: np.ndarray, scale: float) -> go.Figure:
    """Changes of many training images (columns) under every transformation (rows, grouped by kind)."""
    order = np.argsort(names, kind="stable")
    heat = go.Heatmap(
        z=collapse.compressed(delta[order][:, rows], scale).astype(np.float32),
        colorscale=DIVERGING,
        zmin=-1,
        zmax=1,
        colorbar={"title": "change", "thickness": 12, **_compressed_ticks(scale)},
        hovertemplate="column %{x}, %{y}<extra></extra>",
    )
    kinds = np.array(names)[order]
    first = [int(np.flatnonzero(kinds == kind).mean()) for kind in dict.fromkeys(kinds)]
    figure = go.Figure(heat)
    figure.update_yaxes(tickvals=first, ticktext=list(dict.fromkeys(kinds)), autorange="reversed")
    return figure.update_xaxes(title="training images, most suspect first")


def _compressed_ticks(scale: float) -> dict:
    ticks = [-100 * scale, -scale, 0, scale, 100 * scale]
    return {
        "tickvals": [float(collapse.compressed(np.float32(t), scale)) for t in ticks],
        "ticktext": [f"{t:.2g}" for t in ticks],
    }


def surface(counts: np.ndarray, thresholds: np.ndarray, n: int, chosen: tuple[float, int]) -> go.Figure:
    """Number of flagged images for every threshold and tolerance; the cross marks the setting in use."""
    columns = np.arange(len(thresholds))
    heat = go.Heatmap(
        z=np.log10(counts + 1),
        x=columns,
        y=np.arange(len(counts)),
        customdata=np.broadcast_to([f"{t:.3g}" for t in thresholds], counts.shape),
        text=counts,
        hovertemplate="threshold %{customdata}<br>tolerance %{y}<br>%{text} flagged<extra></extra>",
        colorscale="Cividis",
        colorbar={"title": "flagged", "tickvals": _decades(n), "ticktext": [str(10**d) for d in _decades(n)]},
    )
    figure = go.Figure(heat)
    at = int(np.argmin(np.abs(thresholds - chosen[0])))
    figure.add_scatter(
        x=[at],
        y=[chosen[1]],
        mode="markers",
        hoverinfo="skip",
        marker={"symbol": "x-thin", "size": 14, "line": {"width": 3, "color": FLAGGED}},
    )
    ticks = np.linspace(0, len(thresholds) - 1, 7).astype(int)
    figure.update_xaxes(title="threshold", tickvals=ticks, ticktext=[f"{thresholds[t]:.2g}" for t in ticks])
    return figure.update_yaxes(title="tolerance", dtick=1).update_layout(showlegend=False)


def _decades(n: int) -> list[int]:
    return list(range(len(str(n))))


def by_transform(shares: dict[str, tuple[float, float]]) -> go.Figure:
    """How often each kind of transformation makes influence fall, for flagged images and for the others."""
    kinds = list(shares)
    figure = go.Figure()
    figure.add_bar(
        y=kinds, x=[shares[k][0] for k in kinds], name="flagged", orientation="h", marker_color=FLAGGED
    )
    figure.add_bar(
        y=kinds, x=[shares[k][1] for k in kinds], name="all others", orientation="h", marker_color=OTHER
    )
    return figure.update_xaxes(tickformat=".0%", range=[0, 1.02], title="changes below the threshold")


def by_class(names: list[str], flagged: np.ndarray) -> go.Figure:
    """Flagged images by the label they carry."""
    bars = go.Bar(
        x=names, y=flagged, marker_color=FLAGGED, text=flagged, textposition="outside", cliponaxis=False
    )
    return go.Figure(bars).update_yaxes(title="flagged images").update_xaxes(type="category")


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


def accuracies(names: list[str], reports: dict[str, np.ndarray]) -> go.Figure:
    """Accuracy per class for the victim and for cleaned models."""
    figure = go.Figure()
    for number, (label, values) in enumerate(reports.items()):
        figure.add_bar(x=names, y=values, name=label, marker_color=PALETTE[number % len(PALETTE)])
    figure.update_xaxes(type="category")
    return figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title="accuracy")


def trade_off(points: list[tuple[str, float, float]]) -> go.Figure:
    """Each model as a point: poison success (left is better) against test accuracy (up is better)."""
    figure = go.Figure()
    for number, (label, success, accuracy) in enumerate(points):
        figure.add_scatter(
            x=[success],
            y=[accuracy],
            mode="markers",
            name=label,
            marker={
                "size": 14,
                "color": PALETTE[number % len(PALETTE)],
                "symbol": SYMBOLS[number % len(SYMBOLS)],
            },
            hovertemplate="poison success %{x:.1%}<br>test accuracy %{y:.1%}<extra>%{fullData.name}</extra>",
            cliponaxis=False,
        )
    figure.add_vline(x=0.05, line_dash="dot", line_width=1, line_color=OTHER)
    values = [accuracy for _, _, accuracy in points]
    figure.update_xaxes(tickformat=".0%", range=[-0.06, 1.06], title="poison success rate (dotted: 5 %)")
    span = [max(0.0, min(values) - 0.02), min(1.004, max(values) + 0.02)]
    return figure.update_yaxes(tickformat=".1%", range=span, title="test accuracy")


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
