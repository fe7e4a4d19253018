"""The README's part on the papers' tables: the main ones compactly, and which claims hold; from result files only."""

from pathlib import Path

from core import findings, paper, tables, wording
from core.findings import Findings, Row
from core.studies.base import TRIGGERS

SHOWN = {
    "detectors": ("precision", "precision_in_target_label", "true_positive_rate"),
    "ablation": ("precision", "precision_in_target_label", "true_positive_rate"),
    "unlearners": ("poison_success_rate", "test_accuracy"),
}
"""Studies that the README shows, and the figures of a cell."""


SCALES: tuple[paper.Scale, ...] = ("full", "cpu")
SIZES = {"full": "full size", "cpu": "small"}
UNJUDGED = "Not judged, since the attack did not work"


def studies(folder: Path | None = None) -> list[str]:
    """Tables and claims in Markdown; says so where nothing has been measured. Shipped files unless told otherwise."""
    place = folder or paper.FOLDER
    every = [findings.findings(study, scale, place) for study in paper.studies() for scale in SCALES]
    measured = [found for found in every if found.records]
    if not measured:
        return ["Nothing has been measured yet."]
    lines: list[str] = []
    for name in SHOWN:
        of_name = [found for found in measured if found.study.name == name]
        lines += [*table(of_name), ""] if of_name else []
    return [*lines, *claims(measured), "", f"{made(measured)} Files: `assets/results/paper`."]


def table(of_scales: list[Findings]) -> list[str]:
    """A line per setting with a trigger, from the largest scale that has it; a column per row of the study."""
    study = of_scales[0].study
    figures = SHOWN[study.name]
    names = [wording.row_title(row) for row in study.rows()]
    titles = " · ".join(wording.heading(figure) for figure in figures)
    lines = [f"**{study.title}** ({study.source}): {titles}, in per cent; in brackets as published.", ""]
    lines += [f"| | n | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    lacking: dict[str, list[str]] = {UNJUDGED: [], "Failed": []}
    for title, rows in of_triggers(of_scales):
        if any(row.ours for row in rows):
            cells = " | ".join(cell(row, figures) for row in rows)
            lines.append(f"| {title} | {seeds(rows)} | {cells} |")
        elif reasons := [reason for row in rows for reason in row.failures]:
            judged = all(reason.startswith("not judged") for reason in reasons)
            lacking[UNJUDGED if judged else "Failed"].append(title)
    told = [f"{why}: {'; '.join(titles)}." for why, titles in lacking.items() if titles]
    return [*lines, *(["", " ".join(told)] if told else [])]


def of_triggers(of_scales: list[Findings]) -> list[tuple[str, list[Row]]]:
    """Title and rows of every setting with a trigger, each once."""
    known: dict[str, tuple[str, list[Row]]] = {}
    for found in of_scales:
        for setting in tables.settings_of(found.study, found.scale):
            if setting in found.settings and paper.attack_of(setting) in TRIGGERS:
                title = f"{wording.setting_title(setting)}, {SIZES[found.scale]}"
                known.setdefault(setting, (title, tables.rows_of(found, setting)))
    return list(known.values())


def cell(row: Row, figures: tuple[str, ...]) -> str:
    """Means of ours; the published figures that exist in brackets."""
    ours = " · ".join(short(row.ours[f].mean if f in row.ours else None) for f in figures)
    published = [f for f in figures if row.published.get(f) is not None]
    told = f" ({' · '.join(short(row.published[f]) for f in published)})" if published else ""
    return (ours if row.ours else "–") + told


def short(share: float | None) -> str:
    """A share in per cent without the sign: two digits are enough for a README."""
    return "–" if share is None else f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"


def seeds(rows: list[Row]) -> str:
    """Fewest and most seeds of a setting."""
    counts = sorted({estimate.n for row in rows for estimate in row.ours.values()})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def claims(measured: list[Findings]) -> list[str]:
    """One line per study: each claim, and in how many settings of which scale it holds."""
    lines: dict[str, dict[str, list[str]]] = {}
    for found in measured:
        for told in findings.claims(found):
            if told.state != "unknown":
                count = f"{SIZES[found.scale]} {len(told.yes)} of {len(told.yes + told.no)}"
                lines.setdefault(found.study.title, {}).setdefault(told.claim, []).append(count)
    head = (
        "What the papers or we claim, and in how many of the settings where it can be told the figures agree:"
    )
    told = []
    for title, of_study in lines.items():
        parts = (f"{claim} ({', '.join(counts)})" for claim, counts in of_study.items())
        told.append(f"- {title}: {'; '.join(parts)}.")
    return [head, "", *told] if told else []


def made(measured: list[Findings]) -> str:
    """On what and when."""
    hardware = " and ".join(sorted({name for found in measured for name in found.hardware}))
    dates = sorted({date for found in measured for date in found.dates})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    page = "intervals and every other cell are on the page *The papers' tables*"
    return f"Means over n seeds, measured on {hardware}, {when}; {page}."
