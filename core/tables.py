"""Findings as tables: their rows and columns, which cells are missing, and files to take along.

Handed to the Studies page and the README.
"""

import csv
import json
import statistics
from dataclasses import dataclass
from io import StringIO
from typing import Any

from core import findings, memory, paper
from core.export import safe_cell
from core.findings import Findings, Row
from core.paper import Scale
from core.studies.base import Study
from core.wording import DATASETS, FIGURES, dataset_of, setting_title


def columns(study: Study, chosen: list[str]) -> list[str]:
    """Figures of a table: those chosen, precision always followed by precision in the target label."""
    found: list[str] = []
    for figure in study.figures:
        if figure in chosen and figure not in found:
            inside = f"{figure}_in_target_label"
            found += [figure, inside] if inside in FIGURES else [figure]
    return found


def choices(study: Study) -> list[str]:
    """Figures to choose from: those in the target label come with the ones that they belong to."""
    return [figure for figure in study.figures if not figure.endswith("_in_target_label")]


def settings_of(study: Study, scale: Scale) -> list[str]:
    """Settings of a study: those of the scale and those with published figures, by images, then by attack."""
    known = {*paper.settings(scale), *study.published}
    mine = [setting for setting in known if paper.attack_of(setting) in study.attacks]
    images = list(DATASETS)

    def place(setting: str) -> tuple[int, str, int]:
        data = dataset_of(setting)
        first = images.index(data) if data in images else len(images)
        return first, data, study.attacks.index(paper.attack_of(setting))

    return sorted(mine, key=place)


def rows_of(found: Findings, setting: str) -> list[Row]:
    """Every row of a setting in the order of the study, with what is known of it."""
    known = {row.name: row for row in found.settings.get(setting, ())}
    published = found.study.published.get(setting, {})
    return [known.get(name, Row(name, {}, published.get(name, {}), ())) for name in found.study.rows()]


@dataclass(frozen=True)
class Coverage:
    """How many cells of a study are known at a scale."""

    cells: int
    measured: int
    failed: tuple[str, ...]
    """Cells that were tried and have no figures."""
    missing: tuple[str, ...]
    """Cells that nobody has tried."""


def coverage(found: Findings) -> Coverage:
    """Which cells have figures."""
    names, attacks = list(found.study.rows()), found.study.attacks
    settings = [s for s in paper.settings(found.scale) if paper.attack_of(s) in attacks]
    known = {(s, row.name): row for s in settings for row in found.settings.get(s, ())}
    state: dict[str, list[str]] = {"measured": [], "failed": [], "missing": []}
    for setting in settings:
        for name in names:
            row = known.get((setting, name))
            kind = "missing" if row is None or not (row.ours or row.failures) else "failed"
            state["measured" if row and row.ours else kind].append(f"{found.study.name}/{setting}/{name}")
    failed, missing = tuple(state["failed"]), tuple(state["missing"])
    return Coverage(len(settings) * len(names), len(state["measured"]), failed, missing)


def seeds(found: Findings) -> tuple[int, int] | None:
    """Fewest and most seeds of a measured cell; None where nothing has been measured."""
    counts = [e.n for rows in found.settings.values() for row in rows for e in row.ours.values()]
    return (min(counts), max(counts)) if counts else None


def records(found: Findings) -> list[dict[str, Any]]:
    """One record per figure, ours beside the published one."""
    told = []
    for setting in settings_of(found.study, found.scale):
        for row in rows_of(found, setting):
            for figure in dict.fromkeys((*row.ours, *row.published)):
                ours = row.ours.get(figure)
                told.append(
                    {
                        "study": found.study.name,
                        "scale": found.scale,
                        "setting": setting,
                        "row": row.name,
                        "figure": figure,
                        "mean": _rounded(ours and ours.mean),
                        "interval_low": _rounded(ours and ours.low),
                        "interval_high": _rounded(ours and ours.high),
                        "seeds": ours.n if ours else 0,
                        "values": list(ours.values) if ours else [],
                        "published": _rounded(row.published.get(figure)),
                    }
                )
    return told


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def as_csv(found: Findings) -> bytes:
    """The figures as CSV, the seeds' values in one cell."""
    text = StringIO()
    rows = records(found)
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["study"], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = row | {"values": " ".join(f"{value:g}" for value in row["values"])}
        writer.writerow({k: safe_cell(v) if isinstance(v, str) else v for k, v in cells.items()})
    return text.getvalue().encode()


def as_json(found: Findings) -> bytes:
    """The figures, the claims, and every record as it was measured: run, seed, date, hardware, seconds."""
    about = {
        "study": found.study.name,
        "source": found.study.source,
        "scale": found.scale,
        "command": command(found),
        "figures": records(found),
        "claims": [vars(told) | {"state": told.state} for told in findings.claims(found)],
        "records": found.records,
    }
    return json.dumps(about, indent=1).encode()


def command(found: Findings, count: int = 3) -> str:
    """The command that measures what is missing of a study."""
    return f"python -m core bench paper --cells '{found.study.name}/*' --seeds {count} --scale {found.scale}"


def swept(study: Study) -> bool:
    """Whether a study's rows are methods at many steps, to be drawn with the steps across."""
    return max(len(steps) for steps in grids(study)) > 3


def grids(study: Study) -> dict[tuple[str, ...], list[str]]:
    """Rows `method/step` by their steps: the methods that were tried at these; ("",) for rows without steps."""
    steps: dict[str, list[str]] = {}
    for row in study.rows():
        name, _, step = row.partition("/")
        steps.setdefault(name, []).append(step)
    found: dict[tuple[str, ...], list[str]] = {}
    for name, tried in steps.items():
        found.setdefault(tuple(tried), []).append(name)
    return found


def lacking(found: Findings, count: int) -> int:
    """How many measurements are missing for every cell to have been tried with so many seeds."""
    tried = {
        (setting, record["row"], record["seed"])
        for setting, known in found.records.items()
        for record in known
        if not memory.passing(record.get("failed", ""))
    }
    wanted = {
        (setting, row, seed)
        for setting in paper.settings(found.scale)
        if paper.attack_of(setting) in found.study.attacks
        for row in found.study.rows()
        for seed in range(count)
    }
    return len(wanted - tried)


def typical_seconds(found: Findings) -> tuple[float, float] | None:
    """Median and longest wall time of a measured cell; steps that another cell had made cost it nothing."""
    times = [record["wall_seconds"] for known in found.records.values() for record in known]
    return (statistics.median(times), max(times)) if times else None


def provenance(found: Findings) -> list[dict[str, Any]]:
    """One record per setting and seed: which run, when, on what, and how long its cells took together."""
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for setting, known in found.records.items():
        for record in known:
            groups.setdefault((setting, record["seed"], record["run"]), []).append(record)
    return [
        {
            "setting": setting_title(setting),
            "seed": seed,
            "run": run,
            "cells": len(known),
            "date": max(record["date"] for record in known),
            "hardware": ", ".join(sorted({record["hardware"] for record in known})),
            "threads": max(record["threads"] for record in known),
            "seconds": round(sum(record["wall_seconds"] for record in known), 1),
        }
        for (setting, seed, run), known in sorted(groups.items())
    ]
