"""The part of a report about unlearning: what became of the classifier once exactly this set was forgotten."""

import math

import numpy as np

from core import cases, sets, wording
from core.artifacts import Detection, Report
from core.cases import Case
from core.reporting import report_sources
from core.reporting.report_parts import Block, Dot, Scatter, Table, Text
from core.truth import Truth
from core.unlearned.outcomes import Outcome

OPEN = ("test_accuracy",)
OF_THE_TRUTH = ("poison_success_rate", "clean_label_accuracy", "utility")
"""Figures that only somebody who knows the attack can measure."""
NOTHING = "No unlearning has been computed for exactly this set. Outcomes of other sets say nothing about it."


def section_of(
    case: Case, found: Detection, *, known: Truth | None, hidden: bool
) -> tuple[tuple[Block, ...], dict[str, str]]:
    """The blocks, and the sources that they name."""
    mine = sets.digest_of(case.real_rows(np.flatnonzero(found.flagged)))
    everything = cases.outcomes(case, case.plan.dataset.store)
    outcomes = [o for o in everything if o.asked.role == "flags" and o.digest == mine]
    if not outcomes:
        return (Text(NOTHING),), {}
    sources = {f"after {n}": _source(o, hidden=hidden and not known) for n, o in enumerate(outcomes, 1)}
    figures = OPEN + (OF_THE_TRUTH if known else ())
    blocks: list[Block] = [_table(case, outcomes, figures)]
    if known:
        blocks.append(_trade_off(case, outcomes))
    return tuple(blocks), sources


def in_figures(name: str, value: float | None) -> str:
    """A figure in words; a dash where it is unknown."""
    told = wording.in_figures(name, None if value is None or math.isnan(value) else value)
    return told.replace(" ", "\u00a0")  # a number and its unit stay on one line


def _table(case: Case, outcomes: list[Outcome], figures: tuple[str, ...]) -> Table:
    seeds = len({o.asked.seed for o in outcomes}) > 1
    names = tuple(wording.figure_title(name) for name in figures)
    before = ("the classifier as it was", *_cells(case, case.plan.before.value, figures), "–")
    rows = [(_name(o, seeds), *_cells(case, o.report, figures), f"{o.seconds:.1f}") for o in outcomes]
    return Table(
        "Models after forgetting exactly the flagged images",
        ("model", *names, "the first picked image is read as", "seconds"),
        (before, *rows),
        (("examination",), *((f"after {n}",) for n in range(1, len(rows) + 1))),
    )


def _cells(case: Case, report: Report, figures: tuple[str, ...]) -> tuple[str, ...]:
    names, said = case.plan.dataset.value.class_names, report.query_probabilities[0]
    read = int(said.argmax())
    return (
        *(in_figures(name, getattr(report, name)) for name in figures),
        f"{names[read]} ({said[read]:.0%})",
    )


def _trade_off(case: Case, outcomes: list[Outcome]) -> Scatter:
    seeds = len({o.asked.seed for o in outcomes}) > 1
    reports = [("as it was", case.plan.before.value), *((_name(o, seeds), o.report) for o in outcomes)]
    left = ((name, r.poison_success_rate, r.test_accuracy) for name, r in reports)
    known = tuple(Dot(name, x, y) for name, x, y in left if x is not None and not math.isnan(x))
    sources = ("examination", *(f"after {n}" for n in range(1, len(outcomes) + 1)))
    title = "What is left of the poison, and at what price"
    return Scatter(title, known, ("poison success", "test accuracy"), sources)


def _name(outcome: Outcome, seeds: bool) -> str:
    title = type(outcome.unlearner).title
    return f"{title}, seed {outcome.asked.seed}" if seeds else title


def _source(outcome: Outcome, *, hidden: bool) -> str:
    settings = outcome.unlearner.model_dump(exclude_defaults=True)
    chosen = ", ".join(f"{key} {value}" for key, value in settings.items() if key != "name")
    told = report_sources.of_artifact(outcome.made.report, discreet=hidden)
    return (
        f"{_name(outcome, True)} ({chosen or 'default settings'}), {outcome.flagged:,} images removed. {told}"
    )
