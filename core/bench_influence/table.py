"""The record as tables, for the terminal and the README."""

import json
from pathlib import Path
from typing import Any

from core import paths
from core.bench_influence.jobs import ENGINES

FOLDER = paths.SHIPPED / "bench"
ROWS = {
    "covariance": "covariance",
    "eigenvectors": "eigenvectors",
    "eigenvalues": "eigenvalues (Λ)",
    "factors": "factors, with reading and writing",
    "first image": "first test image and its copies",
    "in all": "**in all**",
    "first image, gradients kept": "first image, while gradients are kept for others",
    "second image, its label": "second image: the label it was read as",
    "second image, all labels": "second image: all labels",
    "other damping": "other damping, all labels",
    "other threshold": "other threshold",
    "other tolerance": "other tolerance",
}
"""Rows of seconds, in the order of the tables."""
MARK = "†"
"""Stands at extrapolated figures."""


def records(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The records of a folder, by device and size."""
    found = [json.loads(path.read_text()) for path in folder.glob("influence-*.json")]
    return sorted(found, key=lambda record: (record["device"], record["images"]))


def lines(record: dict[str, Any], brief: bool = False) -> list[str]:
    """One benchmark in Markdown; a brief one leaves out what the flags are worth."""
    engines = [engine for engine in ENGINES if engine in record["seconds"]["in all"]]
    others = [engine for engine in engines if engine != "ours"]
    heads = [ENGINES[engine] for engine in engines] + [f"{ENGINES[engine]} / ours" for engine in others]
    told = [f"**{title(record)}**: seconds, median of n (range).", ""]
    told += [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    told += [row(record, name, engines) for name in ROWS]
    told += memory_rows(record, engines) + pass_rows(record, engines)
    worth = [] if brief else [*detection(record), ""]
    return [*told, "", about(record), "", *worth, *verdicts(record)]


def title(record: dict[str, Any]) -> str:
    """Images, network and queries."""
    x = record["experiment"]
    network = f"{x['model']['name']} of width {x['model']['width']}"
    return f"{record['images']:,} images of {x['dataset']['name']}, {network}, {record['queries']} queries an image"


def row(record: dict[str, Any], name: str, engines: list[str]) -> str:
    """Seconds of a phase by engine, and how many times ours they are."""
    told = record["seconds"][name]
    scored = name not in ("covariance", "eigenvectors", "eigenvalues", "factors")
    marks = {"published": MARK if scored and record["extrapolated"] else ""}
    cells = [spread(told.get(engine)) + marks.get(engine, "") * (engine in told) for engine in engines]
    return f"| {ROWS[name]} | {' | '.join(cells + ratios(told, engines))} |"


def memory_rows(record: dict[str, Any], engines: list[str]) -> list[str]:
    """Peak memory in megabytes."""
    names = {"factors": "peak memory of the factors, MB", "scores": "peak memory of the scores, MB"}
    found = []
    for group, words in names.items():
        for part, what in ((group, words), (f"{group}, above the start", "… above what was held before")):
            told = record["memory"][part]
            cells = [f"{told[e]['median'] / 1e6:,.0f}" if e in told else "–" for e in engines]
            found.append(f"| {what} | {' | '.join(cells + ratios(told, engines))} |")
    return found


def pass_rows(record: dict[str, Any], engines: list[str]) -> list[str]:
    """Passes over the training set."""
    found = []
    for name, told in record["passes"].items():
        mark = MARK if name != "factors" and record["extrapolated"] else ""
        cells = [f"{told[e]:.3g}" + (mark if e == "published" else "") if e in told else "–" for e in engines]
        found.append(f"| passes over the images: {name} | {' | '.join(cells)} |" + " |" * (len(engines) - 1))
    return found


def ratios(told: dict[str, Any], engines: list[str]) -> list[str]:
    """Every other engine's median over ours."""
    others = [engine for engine in engines if engine != "ours"]
    if "ours" not in told:
        return ["–"] * len(others)
    return [f"{told[e]['median'] / told['ours']['median']:.3g}" if e in told else "–" for e in others]


def spread(told: dict[str, Any] | None) -> str:
    """`12.3 (12.1–12.9)`; milliseconds are told as such."""
    if not told:
        return "–"
    unit, scale = ("", 1.0) if told["median"] >= 0.1 else (" ms", 1e3)
    low, middle, high = (short(told[name] * scale) for name in ("min", "median", "max"))
    return f"{middle}{unit}" if told["n"] == 1 or low == high else f"{middle}{unit} ({low}–{high})"


def short(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def about(record: dict[str, Any]) -> str:
    """On what, when, how often, and what is extrapolated."""
    yard, versions = record["seconds"]["yardstick"]["plain"], record["versions"]
    repeats = {e: told["n"] for e, told in record["seconds"]["in all"].items()}
    told = f"n: {', '.join(f'{ENGINES[e]} {n}' for e, n in repeats.items())}. "
    if record["extrapolated"]:
        told += f"{MARK} extrapolated from {record['extrapolated'][0]}, a pass each. "
    told += f"One plain fp32 forward and backward pass over the images: {spread(yard)} s. "
    told += (
        f"{record['hardware']}, {record['threads']} threads, {record['date']}, torch {versions['torch']}, "
    )
    return told + f"kronfluence {versions['kronfluence']}."


def detection(record: dict[str, Any]) -> list[str]:
    """What the flags are worth, by engine and seed."""
    first = record["detection"][0]
    inside = f"{first['base_rate_in_target_label']:.3g}"
    told = [
        f"Flags of Delta-Influence at its defaults; base rate {first['base_rate']:.3g}, in the target label {inside}.",
        "",
        "| scores of | seed | flagged | true positive rate | precision | … in the target label "
        "| average precision | … in the target label |",
        "|---" * 8 + "|",
    ]
    names = {"scores": "own factors", "same_factors": "kronfluence's factors", "session": "kept gradients"}
    shown = ("true_positive_rate", "precision", "precision_in_target_label")
    shown += ("average_precision", "average_precision_in_target_label")
    for r in record["detection"]:
        cells = ["–" if r[name] is None else f"{r[name]:.3g}" for name in shown]
        who = f"{ENGINES[r['engine']]}, {names[r['scores']]}"
        told.append(f"| {who} | {r['seed']} | {r['flagged']} | {' | '.join(cells)} |")
    return told


def verdicts(record: dict[str, Any]) -> list[str]:
    """Gates and targets, each with its bound."""
    told = ["| agreement that must hold, and targets | measured | bound | |", "|---|---|---|---|"]
    for kind, words in (("gates", ("holds", "BROKEN")), ("targets", ("reached", "missed"))):
        for g in record[kind]:
            bound = f"{'≤' if g['at_most'] else '≥'} {g['bound']:.4g}"
            told.append(f"| {g['name']} | {g['value']:.3g} | {bound} | {words[not g['passed']]} |")
    return told
