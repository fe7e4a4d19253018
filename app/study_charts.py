"""Figures of the studies: ours filled, published ones as outlines, the same in light and dark."""

import plotly.graph_objects as go

from app.charts import FLAGGED, GOOD, OTHER, PALETTE, SYMBOLS
from core import wording
from core.findings import Estimate, Row
from core.studies.base import REMOVED

COLOURS = [GOOD, FLAGGED, "#2F8F5B", "#7A5195"]
WHISKER = "#8A9299"
CLEAR = "rgba(0,0,0,0)"
SHARE = {"tickformat": ".0%", "range": [-0.03, 1.06]}


def axis(figure: str) -> dict:
    """Title and scale of an axis that shows a figure."""
    shown = {"rangemode": "tozero"} if figure in wording.COUNTS else SHARE
    return {"title": wording.figure_title(figure)} | shown


def whiskers(figure: str, found: list[Estimate | None]) -> dict:
    """Error bars as far as the spread of each mean goes; none where there is one seed or nothing."""
    spans = [(wording.spread(figure, e) or (e.mean, e.mean)) if e else (0.0, 0.0) for e in found]
    means = [e.mean if e else 0.0 for e in found]
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - mean for mean, (_, high) in zip(means, spans, strict=True)],
        "arrayminus": [mean - low for mean, (low, _) in zip(means, spans, strict=True)],
        "color": WHISKER,
        "thickness": 1.4,
        "width": 3,
    }


def told(figure: str, found: Estimate) -> str:
    """A mean with its spread, for hovering."""
    return f"{wording.in_figures(figure, found.mean)} {wording.spread_in_figures(figure, found)} n {found.n}"


def bars(titles: list[str], rows: list[Row], figures: list[str]) -> go.Figure:
    """One group per row, known or not: a filled bar per figure with whiskers, the published one outlined below."""
    drawn = go.Figure()
    for number, figure in enumerate(figures):
        colour, title = COLOURS[number % len(COLOURS)], wording.figure_title(figure)
        ours = [row.ours.get(figure) for row in rows]
        published = [row.published.get(figure) for row in rows]
        if any(ours):
            _bar(drawn, f"{title}, ours", titles, [e and e.mean for e in ours])
            texts = [e and told(figure, e) for e in ours]
            drawn.data[-1].update(marker_color=colour, error_x=whiskers(figure, ours), text=texts)
        if any(value is not None for value in published):
            _bar(drawn, f"{title}, published", titles, published)
            texts = [wording.in_figures(figure, value) for value in published]
            outline = {"color": colour, "width": 2}
            drawn.data[-1].update(marker={"color": CLEAR, "line": outline}, text=texts)
    drawn.update_layout(barmode="group", bargap=0.25)
    ends = [len(titles) - 0.5, -0.5]
    drawn.update_yaxes(
        categoryorder="array", categoryarray=titles, range=ends, type="category", automargin=True
    )
    return drawn.update_xaxes(**axis(figures[0]) | ({"title": None} if len(figures) > 1 else {}))


def _bar(drawn: go.Figure, name: str, titles: list[str], values: list[float | None]) -> None:
    drawn.add_bar(
        y=titles,
        x=values,
        name=name,
        orientation="h",
        textposition="none",
        hovertemplate="%{y}: %{text}<extra>%{fullData.name}</extra>",
    )


def plane(titles: list[str], rows: list[Row], x: str, y: str) -> go.Figure:
    """Each row as a point: filled with whiskers where ours lies, open where the published one does."""
    drawn = go.Figure()
    for number, (title, row) in enumerate(zip(titles, rows, strict=True)):
        mark = {"color": PALETTE[number % len(PALETTE)], "symbol": SYMBOLS[number % len(SYMBOLS)]}
        if x in row.ours and y in row.ours:
            _point(drawn, title, row, (x, y), mark)
        across, up = row.published.get(x), row.published.get(y)
        if across is not None and up is not None:
            _open_point(drawn, title, (across, up), mark, legend=not (x in row.ours and y in row.ours))
    if x == "poison_success_rate":
        drawn.add_vline(x=REMOVED, line_dash="dot", line_width=1, line_color=OTHER)
    drawn.update_layout(showlegend=True)
    return drawn.update_xaxes(**axis(x)).update_yaxes(**axis(y))


def _point(drawn: go.Figure, title: str, row: Row, figures: tuple[str, str], mark: dict) -> None:
    (x, y), across, up = figures, row.ours[figures[0]], row.ours[figures[1]]
    drawn.add_scatter(
        x=[across.mean],
        y=[up.mean],
        error_x=whiskers(x, [across]),
        error_y=whiskers(y, [up]),
        mode="markers",
        name=title,
        legendgroup=title,
        marker=mark | {"size": 12},
        text=[f"{wording.figure_title(x)} {told(x, across)}<br>{wording.figure_title(y)} {told(y, up)}"],
        hovertemplate="ours<br>%{text}<extra>%{fullData.name}</extra>",
        cliponaxis=False,
    )


def _open_point(drawn: go.Figure, title: str, at: tuple[float, float], mark: dict, *, legend: bool) -> None:
    drawn.add_scatter(
        x=[at[0]],
        y=[at[1]],
        mode="markers",
        name=f"{title}, published",
        legendgroup=title,
        showlegend=legend,
        marker={"symbol": f"{mark['symbol']}-open", "color": mark["color"], "size": 13, "line": {"width": 2}},
        hovertemplate="published: %{x:.1%}, %{y:.1%}<extra>%{fullData.name}</extra>",
        cliponaxis=False,
    )


def sweep(series: dict[str, dict[float, Row]], figure: str, victim: Row | None = None) -> go.Figure:
    """One line per method over its steps, ours with whiskers, published dashed; the victim as a dashed level."""
    drawn = go.Figure()
    for number, (title, rows) in enumerate(series.items()):
        colour, symbol = PALETTE[number % len(PALETTE)], SYMBOLS[number % len(SYMBOLS)]
        if ours := {step: row.ours[figure] for step, row in rows.items() if figure in row.ours}:
            _line(drawn, title, {step: e.mean for step, e in ours.items()}, (colour, symbol))
            found = list(ours.values())
            drawn.data[-1].update(error_y=whiskers(figure, found), text=[told(figure, e) for e in found])
        published = {step: row.published[figure] for step, row in rows.items() if figure in row.published}
        if published:
            _line(drawn, f"{title}, published", published, (colour, f"{symbol}-open"))
            texts = [wording.in_figures(figure, value) for value in published.values()]
            drawn.data[-1].update(line_dash="dash", text=texts)
    if victim and figure in victim.ours:
        level = victim.ours[figure].mean
        drawn.add_hline(y=level, line_dash="dash", line_width=1.5, line_color=OTHER)
        drawn.add_annotation(
            x=0, xref="paper", y=level, text="None", showarrow=False, yanchor="bottom", xanchor="left"
        )
    return drawn.update_yaxes(**axis(figure)).update_layout(showlegend=True)


def _line(drawn: go.Figure, name: str, values: dict, look: tuple[str, str]) -> None:
    colour, symbol = look
    drawn.add_scatter(
        x=list(values),
        y=list(values.values()),
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 2},
        marker={"symbol": symbol, "size": 8},
        hovertemplate="%{x}: %{text}<extra>%{fullData.name}</extra>",
        cliponaxis=False,
    )


def heat(columns: list[str], titles: list[str], rows: list[list[Row]], figure: str) -> go.Figure:
    """A figure at every pair of steps, written into its cell."""
    means = [[row.ours[figure].mean if figure in row.ours else None for row in line] for line in rows]
    texts = [[wording.in_figures(figure, value) for value in line] for line in means]
    share = figure not in wording.COUNTS
    drawn = go.Figure(
        go.Heatmap(
            z=means,
            x=columns,
            y=titles,
            text=texts,
            texttemplate="%{text}",
            colorscale="Cividis",
            zmin=0,
            zmax=1 if share else None,
            showscale=False,
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        )
    )
    return drawn.update_yaxes(type="category", autorange="reversed").update_xaxes(type="category")
