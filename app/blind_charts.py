"""F1 of a committed set beside every detector and the best that was to be had."""

from typing import Any

import plotly.graph_objects as go

from app.charts import FLAGGED, GOOD, OTHER

LOOKS = {"committed": (FLAGGED, ""), "detector": (OTHER, ""), "oracle": (GOOD, "/")}
"""Colour and pattern by kind of bar; the names stand beside them."""


def ranking(rows: list[dict[str, Any]]) -> go.Figure:
    """Bars of F1, the best on top. Each row has `name`, `kind` and `f1`."""
    shown = rows[::-1]
    values = [row["f1"] or 0.0 for row in shown]
    bars = go.Bar(
        x=values,
        y=[row["name"] for row in shown],
        orientation="h",
        marker_color=[LOOKS[row["kind"]][0] for row in shown],
        marker_pattern_shape=[LOOKS[row["kind"]][1] for row in shown],
        text=[f"{value:.2f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = go.Figure(bars).update_yaxes(type="category", automargin=True)
    return figure.update_xaxes(range=[0, 1.2], title="F1", tickvals=[0, 0.5, 1])
