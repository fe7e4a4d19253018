"""Figures as plain values: what many people draw again and again is built by plotly once.

Plotly checks every property of a figure whenever it is built, which cost more than the rest of a page's run.
"""

from typing import Any

import plotly.graph_objects as go


class Drawn(go.Figure):
    """A finished figure. Streamlit takes its values as they are, so never change what `to_dict` gives."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values  # and nothing of what plotly keeps of a figure

    def to_dict(self) -> dict[str, Any]:
        """The values."""
        return self._values


def finished(figure: go.Figure, height: int) -> go.Figure:
    """The figure in the style of all pages; a legend where it asks for one, or has several parts."""
    if isinstance(figure, Drawn):
        return figure
    asked = figure.layout.showlegend
    return figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=len(figure.data) > 1 if asked is None else asked,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"namelength": -1},
    )


def drawn(figure: go.Figure, height: int) -> Drawn:
    """The same as plain values, to keep and to show to many."""
    return Drawn(finished(figure, height).to_dict())
