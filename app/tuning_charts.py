"""Figures about the flagged set: by kind of transformation and by label. A bar can be clicked where that does something."""

import numpy as np
import plotly.graph_objects as go

from app.charts import FLAGGED, OTHER


def by_transform(shares: dict[str, tuple[float, float]], without: tuple[str, ...]) -> go.Figure:
    """How often each kind of transformation makes influence fall, for flagged images and for the others."""
    kinds = list(shares)
    titles = [kind.replace("_", " ") + (" (left out)" if kind in without else "") for kind in kinds]
    figure = go.Figure()
    for place, (name, colour) in enumerate((("flagged", FLAGGED), ("all others", OTHER))):
        figure.add_bar(
            y=titles,
            x=[shares[kind][place] for kind in kinds],
            name=name,
            orientation="h",
            marker={"color": colour, "opacity": [0.35 if kind in without else 1 for kind in kinds]},
            customdata=kinds,
            hovertemplate="%{y}: %{x:.0%}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(dragmode=False, clickmode="event+select")
    return figure.update_xaxes(tickformat=".0%", range=[0, 1.02], title="changes that fall")


def by_class(names: list[str], labels: np.ndarray, flagged: np.ndarray, chosen: int) -> go.Figure:
    """Flagged images by the label they carry; the chosen label stands out, or all do.

    The counts are annotations: a click on bars with a text of their own never comes back (Streamlit 1.67).
    """
    places = list(range(len(labels)))
    bars = go.Bar(
        x=places,
        y=flagged.tolist(),
        marker={"color": FLAGGED, "opacity": [1 if chosen in (-1, label) else 0.35 for label in labels]},
        customdata=labels.tolist(),
        hovertemplate="%{y} flagged<extra></extra>",
    )
    figure = go.Figure(bars).update_layout(dragmode=False, clickmode="event+select")
    for place, count in enumerate(flagged.tolist()):
        figure.add_annotation(x=place, y=count, text=f"{count:,}", yshift=10, showarrow=False)
    figure.update_xaxes(tickvals=places, ticktext=[names[label] for label in labels], title="label")
    return figure.update_yaxes(title="flagged images")
