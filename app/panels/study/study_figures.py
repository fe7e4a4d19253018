"""A study's charts, setting by setting: bars and planes for rows, lines for sweeps, a heat map for the grid."""

from dataclasses import dataclass

import streamlit as st

from app import charts, study_charts
from app.shell import escaped
from core import tables, wording
from core.findings import Findings, Row

PLANES = {
    "detectors": ("true_positive_rate", "precision"),
    "contrast": ("true_positive_rate", "precision"),
    "ablation": ("true_positive_rate", "precision"),
    "retrained": ("poison_success_rate", "test_accuracy"),
    "unlearners": ("poison_success_rate", "test_accuracy"),
    "scrubbed": ("poison_success_rate", "test_accuracy"),
    "ablation_retrained": ("poison_success_rate", "test_accuracy"),
    "complement": ("poison_success_rate", "test_accuracy"),
}
"""Studies whose rows are also shown as points: across, up."""
LEGEND_ROOM, HEIGHT = 96, 320
LEGEND = "Filled or solid: ours, with its spread. Outlined or dashed: published."
FIVE = " Dotted line: 5 % poison success, below which the poison counts as removed."


@dataclass(frozen=True)
class Lines:
    """Rows of a sweep by method and step, what the steps are, and the victim for comparison."""

    series: dict[str, dict[float, Row]]
    across: str
    victim: Row | None = None


def figures(found: Findings, settings: list[str], columns: list[str]) -> None:
    """Every chart of some settings; says where there is nothing to draw."""
    x, _ = PLANES.get(found.study.name, ("", ""))
    st.caption(LEGEND + FIVE * (x == "poison_success_rate"))
    if len(found.study.rows()) == 1:
        _overall(found, settings, columns)
        return
    for setting in settings:
        st.markdown(f"**{escaped(wording.attack_title(setting))}**")
        rows = tables.rows_of(found, setting)
        if not any(row.ours or row.published for row in rows):
            st.caption("Nothing to draw: no figures of ours, see the table, and none published.")
        elif tables.swept(found.study):
            _swept(found, setting, columns)
        elif found.study.name == "several":
            _steps(found, setting, columns)
        else:
            _compared(found, setting, columns)


def _overall(found: Findings, settings: list[str], columns: list[str]) -> None:
    rows = [tables.rows_of(found, setting)[0] for setting in settings]
    _bars(found, [wording.attack_title(s) for s in settings], rows, (columns, settings[0]))


def _compared(found: Findings, setting: str, columns: list[str]) -> None:
    rows = tables.rows_of(found, setting)
    titles = [wording.full_title(found.study.name, row.name) for row in rows]
    if found.study.name not in PLANES:
        _bars(found, titles, rows, (columns, setting))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _bars(found, titles, rows, (columns, setting))
    with right:
        x, y = PLANES[found.study.name]
        alt = f"{wording.figure_title(y)} against {wording.figure_title(x)}, {alternative(found, setting)}"
        charts.show(
            study_charts.plane(titles, rows, x, y),
            key=f"plane-{setting}",
            alt=alt,
            height=_height(rows, len(_shown(columns))),
        )


def _bars(found: Findings, titles: list[str], rows: list[Row], what: tuple[list[str], str]) -> None:
    columns, setting = what
    shown = _shown(columns)
    names = " and ".join(wording.figure_title(figure) for figure in shown)
    charts.show(
        study_charts.bars(titles, rows, shown),
        key=f"bars-{setting}",
        alt=f"{names}, {alternative(found, setting)}",
        height=_height(rows, len(shown)),
    )


def _shown(columns: list[str]) -> list[str]:
    """Figures of a bar chart: up to three shares, which have one axis, or else one figure."""
    return [figure for figure in columns if figure not in wording.COUNTS][:3] or columns[:1]


def _height(rows: list[Row], n_figures: int) -> int:
    return max(280, LEGEND_ROOM + len(rows) * (18 + 17 * n_figures))


def alternative(found: Findings, setting: str) -> str:
    """What a chart of a setting shows, for those who do not see it; the table has the figures."""
    return f"{found.study.title}, {wording.setting_title(setting)}: the table above has the same figures"


def _steps(found: Findings, setting: str, columns: list[str]) -> None:
    rows = {row.name: row for row in tables.rows_of(found, setting)}
    series: dict[str, dict[float, Row]] = {}
    for name, row in rows.items():
        title, _, step = name.partition("/")
        series.setdefault(wording.row_title(title), {})[float(step)] = row
    _panels(found, setting, columns, Lines(series, "test images"))


def _swept(found: Findings, setting: str, columns: list[str]) -> None:
    rows = {row.name: row for row in tables.rows_of(found, setting)}
    lines: dict[str, dict[float, Row]] = {}
    for steps, names in tables.grids(found.study).items():
        if found.study.name == "sensitivity" and names != ["copies"]:
            _grids(found, setting, columns, (steps, names))
        elif steps != ("",):
            lines |= {wording.row_title(n): {float(s): rows[f"{n}/{s}"] for s in steps} for n in names}
    across = "copies" if found.study.name == "sensitivity" else "per cent of the manipulated images known"
    shown = columns if found.study.name == "sensitivity" else list(found.study.figures)
    _panels(found, setting, shown, Lines(lines, across, rows.get("none")))


def _panels(found: Findings, setting: str, columns: list[str], lines: Lines) -> None:
    steps = sorted({step for rows in lines.series.values() for step in rows})
    places = st.columns(2, gap="medium") if len(columns) > 1 else [st.container()]
    for number, figure in enumerate(columns):
        drawn = study_charts.sweep(lines.series, figure, lines.victim)
        drawn.update_xaxes(title=lines.across, tickvals=steps)
        alt = f"{wording.figure_title(figure)} by {lines.across}, {alternative(found, setting)}"
        with places[number % len(places)]:
            charts.show(drawn, key=f"lines-{setting}-{figure}", alt=alt, height=HEIGHT)


def _grids(
    found: Findings, setting: str, columns: list[str], grid: tuple[tuple[str, ...], list[str]]
) -> None:
    rows = {row.name: row for row in tables.rows_of(found, setting)}
    steps, names = grid
    across = [wording.step_title(found.study.name, f"{names[0]}/{step}") for step in steps]
    down = [wording.row_title(name) for name in names]
    cells = [[rows[f"{name}/{step}"] for step in steps] for name in names]
    places = st.columns(2, gap="medium") if len(columns) > 1 else [st.container()]
    for number, figure in enumerate(columns):
        with places[number % len(places)]:
            st.caption(wording.figure_title(figure))
            alt = f"{wording.figure_title(figure)} by threshold and tolerance, {alternative(found, setting)}"
            drawn = study_charts.heat(across, down, cells, figure)
            charts.show(drawn, key=f"grid-{setting}-{figure}", alt=alt, height=HEIGHT)
