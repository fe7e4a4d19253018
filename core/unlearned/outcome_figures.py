"""Outcomes of unlearning in figures: over seeds with their range, who is beaten by nobody, and as a table to keep.

Some figures need the truth; a page that may not know it asks for none of them. The others are what a defender sees:
what becomes of the picked images, of the flagged ones, and of clean test images.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from core.artifacts import Forgotten, Queries, Report
from core.export import safe_cell
from core.picks import UNKNOWN
from core.pipeline import Plan
from core.unlearned.outcomes import Outcome
from core.unlearners.base import Unlearner

WITH_TRUTH = ("poison_success_rate", "clean_label_accuracy", "manipulated_accuracy", "utility")
"""Figures that need the truth."""
WITHOUT = ("still_misread", "test_accuracy", "shown_class_accuracy", "deletion_change")
"""Figures that a defender sees."""
REMOVED = 0.05
"""Poison success below which the poison counts as removed."""
FACTOR = 2.0
"""How far a forecast may be off, either way."""


def figures(report: Report, forgotten: Forgotten | None, queries: Queries) -> dict[str, float | None]:
    """Every figure of one model, by name; None where it is not known."""
    still = report.query_probabilities.argmax(1) == queries.labels
    shown = np.unique(queries.true_labels[queries.true_labels != UNKNOWN])
    return {
        **{name: _number(getattr(report, name)) for name in WITH_TRUTH},
        "test_accuracy": report.test_accuracy,
        "still_misread": float(still.mean()),
        "shown_class_accuracy": float(report.class_accuracy[shown].mean()) if len(shown) else None,
        "deletion_change": forgotten.deletion_change if forgotten else None,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


@dataclass(frozen=True)
class Spread:
    """A figure over seeds."""

    mean: float
    least: float
    most: float
    n: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """Mean and range of what is known; None where nothing is."""
    known = [v for v in values if v is not None]
    return Spread(sum(known) / len(known), min(known), max(known), len(known)) if known else None


@dataclass(frozen=True)
class Result:
    """One way of unlearning one set, over the seeds that it was done with."""

    outcomes: tuple[Outcome, ...]
    """By seed; at least one."""
    figures: dict[str, Spread | None]
    seconds: Spread

    @property
    def first(self) -> Outcome:
        """Of the lowest seed."""
        return self.outcomes[0]

    @property
    def id(self) -> str:
        """The same for every seed."""
        return self.first.asked.id

    @property
    def seeds(self) -> list[int]:
        """Which were used, ascending."""
        return [o.asked.seed for o in self.outcomes]

    def about(self, digest: str) -> bool:
        """Whether it belongs to the flagged set of this digest: unlearns it, or is compared with it."""
        return digest in ((self.first.asked.of or self.first.digest), self.first.digest)


def results(found: Sequence[Outcome], queries: Queries) -> list[Result]:
    """Outcomes that differ in nothing but the seed, together."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in found:
        groups.setdefault(outcome.asked.id, []).append(outcome)
    return [_result(sorted(group, key=lambda o: o.asked.seed), queries) for group in groups.values()]


def _result(group: list[Outcome], queries: Queries) -> Result:
    told = [figures(o.report, o.forgotten, queries) for o in group]
    seconds = spread(o.seconds for o in group)
    assert seconds is not None
    return Result(tuple(group), {name: spread(t[name] for t in told) for name in told[0]}, seconds)


def rank(result: Result, harm: str) -> tuple[float, float]:
    """Smaller is better: first what is left of the harm, then the loss of accuracy."""
    left, accuracy = result.figures[harm], result.figures["test_accuracy"]
    return left.mean if left else math.inf, -(accuracy.mean if accuracy else 0.0)


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Points (harm, accuracy) that no other beats, by harm: less harm at no less accuracy, or more accuracy."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, kept = -math.inf, []
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            kept.append(i)
    return kept


def expected(p: Plan, found: Iterable[Outcome], unlearner: Unlearner, flagged: int) -> float | None:
    """Seconds that unlearning so many images takes: as the same method took before, else by the victim's training.

    An image costs the same in every pass, so training seconds go with the passes and with the images that are left.
    None where neither is known.
    """
    if before := spread(o.seconds for o in found if o.unlearner == unlearner):
        return before.mean
    epochs, n = p.experiment.recipe.epochs, len(p.dataset.value.train)
    trained = p.victim.meta["values"]["seconds"]
    return trained * unlearner.passes(epochs) / epochs * (n - flagged) / n if trained else None


def cost_range(seconds: float, n_seeds: int) -> tuple[float, float]:
    """From how many to how many seconds a forecast may come out, for all seeds together."""
    return seconds * n_seeds / FACTOR, seconds * n_seeds * FACTOR


def table_csv(
    named: Sequence[tuple[dict[str, str], Result]], shown: Sequence[str], victim: dict[str, float | None]
) -> bytes:
    """The results as CSV: for each its words, then mean, least and most of every figure shown, and the seeds."""
    rows: list[dict[str, Any]] = [{"model": "victim", **{f"{name} mean": victim[name] for name in shown}}]
    for words, result in named:
        rows.append({key: safe_cell(text) for key, text in words.items()})
        for name in shown:
            if of_all := result.figures[name]:
                rows[-1] |= {f"{name} {part}": getattr(of_all, part) for part in ("mean", "least", "most")}
        rows[-1] |= {"seconds mean": result.seconds.mean, "seeds": " ".join(map(str, result.seeds))}
    text = StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
