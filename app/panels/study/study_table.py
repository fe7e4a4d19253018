"""A study's table as published, our figures above the published ones, as HTML that turns into blocks when narrow.

Text comes from result files that anyone may have written: every piece is escaped.
"""

from collections.abc import Iterable
from html import escape

import streamlit as st

from core import tables, wording
from core.findings import Findings, Row

STYLE = """
<style>
.study { container-type: inline-size; overflow-x: auto; }
.study table { border-collapse: collapse; width: 100%; font-size: 0.82rem; line-height: 1.35;
  font-variant-numeric: tabular-nums; margin-bottom: 0.6rem; }
.study caption { text-align: left; font-weight: 600; padding: 0.3rem 0; font-size: 0.95rem; }
.study th, .study td { text-align: left; vertical-align: top; padding: 0.35rem 0.4rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
.study thead th { font-weight: 600; }
.study tbody th { font-weight: 500; }
.study .first { border-left: 1px solid color-mix(in srgb, currentColor 30%, transparent); }
.study a { color: inherit; }
.study sup { line-height: 0; }
.study .ours { font-weight: 600; white-space: nowrap; }
.study .n { font-size: 0.75rem; white-space: nowrap; }
.study .small { font-size: 0.76rem; display: block; }
.study .published { font-style: italic; opacity: 0.85; display: block; white-space: nowrap; }
.study .narrow { display: none; }
@container (max-width: 880px) {
  .study .wide { display: none; }
  .study .narrow { display: table; }
  .study th, .study td { padding: 0.3rem 0.3rem; }
}
</style>
"""
LEGEND = (
    "Upright: ours, the mean over n seeds, in brackets its 95 % interval (of two seeds their range; cut at 0 and 100 %). "
    "Italic: published. –: not measured, not published, or undefined."
)


class Notes:
    """Reasons why cells have no figures, numbered in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, reasons: Iterable[str]) -> str:
        """The numbers of some reasons, raised."""
        numbers = [self._numbers.setdefault(reason, len(self._numbers) + 1) for reason in reasons]
        return "".join(f"<sup>{number}</sup>" for number in numbers)

    def html(self) -> str:
        """All of them as a list."""
        lines = (f"<sup>{number}</sup> {escape(reason)}" for reason, number in self._numbers.items())
        return "".join(f'<span class="small">{line}</span>' for line in lines)


def cell(row: Row, figure: str, *, notes: Notes, published: bool) -> str:
    """Ours, its spread and n, and the published figure below; why there is none where there is none."""
    mark = notes.mark(row.failures)
    if ours := row.ours.get(figure):
        told = f'<span class="ours">{wording.in_figures(figure, ours.mean)}{mark}</span>'
        told += f' <span class="n">n {ours.n}</span>'
        if between := wording.spread_in_figures(figure, ours):
            told += f'<span class="small">{between}</span>'
    elif row.failures and not row.ours:
        judged = all(reason.startswith("not judged") for reason in row.failures)
        told = f"<span>{'not judged' if judged else 'failed'}{mark}</span>"
    else:
        told = f'<span class="ours">–{mark}</span>'
    if published:
        told += f'<span class="published">{wording.in_figures(figure, row.published.get(figure))}</span>'
    return told


def known(rows: list[Row], figure: str) -> bool:
    """Whether any row has a published figure."""
    return any(row.published.get(figure) is not None for row in rows)


def draw(tables_html: Iterable[str], notes: Notes) -> None:
    """Tables and the notes that they refer to."""
    scrolls = 'class="study" role="region" aria-label="Table" tabindex="0"'  # by keyboard too
    st.html(f"<div {scrolls}>{''.join(tables_html)}{notes.html()}</div>")


def table(found: Findings, settings: list[str], columns: list[str]) -> None:
    """Rows as published, settings as groups of columns; a study of one row has a row per setting instead."""
    notes = Notes()
    if len(found.study.rows()) == 1:
        draw([_by_setting(found, settings, columns, notes)], notes)
        return
    blocks = [_block(found, setting, columns, notes) for setting in settings]
    draw([_side_by_side(found, settings, columns, notes), *blocks], notes)


def _side_by_side(found: Findings, settings: list[str], columns: list[str], notes: Notes) -> str:
    rows = {setting: tables.rows_of(found, setting) for setting in settings}
    groups = "".join(
        f'<th scope="colgroup" class="first" colspan="{len(columns)}">{escape(wording.attack_title(s))}</th>'
        for s in settings
    )
    titles = "".join(_headings(columns) for _ in settings)
    lines = []
    for number, name in enumerate(found.study.rows()):
        cells = "".join(_cells(rows[s][number], columns, rows[s], notes) for s in settings)
        lines.append(f"<tr>{_row_heading(found, name)}{cells}</tr>")
    head = f'<tr><td rowspan="2"></td>{groups}</tr><tr>{titles}</tr>'
    return f'<table class="wide"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table>'


def _block(found: Findings, setting: str, columns: list[str], notes: Notes) -> str:
    rows = tables.rows_of(found, setting)
    lines = [f"<tr>{_row_heading(found, r.name)}{_cells(r, columns, rows, notes)}</tr>" for r in rows]
    return _framed(wording.attack_title(setting), _headings(columns), lines, "narrow")


def _by_setting(found: Findings, settings: list[str], columns: list[str], notes: Notes) -> str:
    [name] = found.study.rows()
    rows = [tables.rows_of(found, setting)[0] for setting in settings]
    lines = [
        f'<tr><th scope="row">{escape(wording.attack_title(setting))}</th>{_cells(row, columns, rows, notes)}</tr>'
        for setting, row in zip(settings, rows, strict=True)
    ]
    return _framed(wording.row_title(name), _headings(columns), lines, "")


def _framed(caption: str, headings: str, lines: list[str], kind: str) -> str:
    head = f"<thead><tr><td></td>{headings}</tr></thead>"
    return f'<table class="{kind}"><caption>{escape(caption)}</caption>{head}<tbody>{"".join(lines)}</tbody></table>'


def _headings(columns: list[str]) -> str:
    titles = [escape(wording.heading(figure)) for figure in columns]
    return "".join(f'<th scope="col"{_first(number)}>{title}</th>' for number, title in enumerate(titles))


def _row_heading(found: Findings, name: str) -> str:
    return f'<th scope="row">{escape(wording.full_title(found.study.name, name))}</th>'


def _cells(row: Row, columns: list[str], rows: list[Row], notes: Notes) -> str:
    told = [cell(row, figure, notes=notes, published=known(rows, figure)) for figure in columns]
    return "".join(f"<td{_first(number)}>{text}</td>" for number, text in enumerate(told))


def _first(number: int) -> str:
    return "" if number else ' class="first"'


def swept(found: Findings, setting: str, figure: str) -> None:
    """A sweep of one setting and figure: methods down, steps across; rows of the same steps in one table."""
    notes = Notes()
    rows = {row.name: row for row in tables.rows_of(found, setting)}
    still = [rows[name] for name in tables.grids(found.study).get(("",), [])]
    parts = []
    for steps, names in tables.grids(found.study).items():
        if steps == ("",):
            continue
        heads = [escape(wording.step_title(found.study.name, f"{names[0]}/{step}")) for step in steps]
        lines = [_across(row, figure, notes, len(steps)) for row in still]
        for name in names:
            told = _cells_of([rows[f"{name}/{step}"] for step in steps], figure, notes)
            lines.append(f'<tr><th scope="row">{escape(wording.row_title(name))}</th>{told}</tr>')
        titles = "".join(f'<th scope="col"{_first(n)}>{text}</th>' for n, text in enumerate(heads))
        parts.append(_framed(wording.figure_title(figure), titles, lines, ""))
    draw(parts, notes)


def _cells_of(rows: list[Row], figure: str, notes: Notes) -> str:
    cells = [cell(row, figure, notes=notes, published=known(rows, figure)) for row in rows]
    return "".join(f"<td{_first(n)}>{text}</td>" for n, text in enumerate(cells))


def _across(row: Row, figure: str, notes: Notes, width: int) -> str:
    title = escape(wording.row_title(row.name))
    told = cell(row, figure, notes=notes, published=known([row], figure))
    return f'<tr><th scope="row">{title}</th><td class="first" colspan="{width}">{told}</td></tr>'
