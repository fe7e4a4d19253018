"""The last steps of the guided case, which need the truth: how right a committed set is, and what forgetting does."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from core import sets
from core.artifacts import Report
from core.cases import Case
from core.collapse import order_statistic, sorted_changes
from core.learn.lessons import Choice, Evidence, Number, percent
from core.metrics import grade
from core.truth import Truth
from core.unlearned.outcomes import Outcome

REMOVED = 0.05
"""Poison success below which the poison counts as removed (arXiv 2402.14015)."""


@dataclass(frozen=True)
class Committed:
    """A set that somebody decided on by threshold and tolerance."""

    threshold: float
    tolerance: int

    def flagged(self, e: Evidence) -> Bool[np.ndarray, " n"]:
        """The set."""
        tolerance = min(self.tolerance, len(e.delta) - 1)
        return order_statistic(sorted_changes(e.delta), tolerance) < np.float32(self.threshold)


@dataclass(frozen=True)
class Entry:
    """One set of flags, graded."""

    name: str
    flagged: int
    hits: int
    found: float | None
    """Share of the poisons that it holds."""
    precision: float | None
    f1: float | None


def entries(case: Case, e: Evidence, committed: Committed, truth: Truth) -> tuple[Entry, ...]:
    """The committed set first, then every detector of the case that has run."""
    mine = _entry("Your set", committed.flagged(e), truth)
    done = [(d, case.plan.detections[d.name]) for d in case.run.experiment.detectors]
    ran = [(d, a) for d, a in done if a.done]
    return (mine, *(_entry(type(d).title, a.value.flagged, truth) for d, a in ran))


def _entry(name: str, flagged: Bool[np.ndarray, " n"], truth: Truth) -> Entry:
    g = grade(flagged, truth.poisoned)
    return Entry(name, g["flagged"], g["true_positives"], g["true_positive_rate"], g["precision"], g["f1"])


def best(ranked: tuple[Entry, ...]) -> Choice:
    """Step 6: whose set is best, by the harmonic mean of precision and share found? Equals are all right."""
    top = max(entry.f1 or 0.0 for entry in ranked)
    right = [i for i, entry in enumerate(ranked) if (entry.f1 or 0.0) == top]
    mine, winner = ranked[0], ranked[right[0]]
    told = f"Your set holds {mine.hits:,} poisons among {mine.flagged:,} images: precision {percent(mine.precision)}, "
    told += f"{percent(mine.found)} of the poisons found. "
    names = " and ".join(ranked[i].name for i in right)
    told += (
        "No detector of the case does better."
        if right[0] == 0
        else f"Best: {names}, precision {percent(winner.precision)}, {percent(winner.found)} found."
    )
    options = tuple(entry.name for entry in ranked)
    text = "Which set comes closest to the true poisons?"
    return Choice(text, options, right[0], told, frozenset(right))


def expectation(mine: Entry, expected: float) -> str:
    """What somebody expected of his set's precision beside the fact."""
    if mine.precision is None:
        return "Your set is empty, so that there is nothing to be right or wrong about."
    off = mine.precision - expected
    verdict = (
        "a good judgement"
        if abs(off) <= 0.1
        else "it is better than that"
        if off > 0
        else "it is not that good"
    )
    return f"You expected {expected:.0%} of it to be poisons; it is {mine.precision:.0%}: {verdict}."


def example(found: list[Outcome], case: Case, mine: Bool[np.ndarray, " n"]) -> Outcome | None:
    """The outcome that shows step 7 best: of this very set, trained anew, with the least poison left."""
    digest = sets.digest_of(case.real_rows(np.flatnonzero(mine)))
    known = [o for o in found if o.asked.role == "flags" and not np.isnan(_success(o.report))]
    order = [(o.digest != digest, o.unlearner.name != "exact", _success(o.report)) for o in known]
    return known[min(range(len(known)), key=order.__getitem__)] if known else None


def is_of(outcome: Outcome, case: Case, mine: Bool[np.ndarray, " n"]) -> bool:
    """Whether an outcome forgot exactly this set."""
    return outcome.digest == sets.digest_of(case.real_rows(np.flatnonzero(mine)))


def afterwards(before: Report, outcome: Outcome) -> Number:
    """Step 7: what is left of the poison?"""
    left, now = _success(outcome.report), outcome.report.test_accuracy
    held = "stays at" if abs(now - before.test_accuracy) <= 0.02 else "is now"
    told = (
        f"Before, {_success(before):.0%} of the attacked test images were read as the attacker wants; now {left:.0%}. "
        f"Accuracy on clean test images {held} {now:.1%} (it was {before.test_accuracy:.1%}). "
    )
    told += (
        "The poison is gone."
        if left < REMOVED
        else f"Below {REMOVED:.0%} counts as removed; this is not enough."
    )
    text = (
        f"The classifier forgets {outcome.flagged:,} flagged images by {type(outcome.unlearner).title}. What share of "
        "the attacked test images is still misread, in percent?"
    )
    return Number(text, 100 * left, 100.0, told, within=10.0)


def _success(report: Report) -> float:
    value = report.poison_success_rate
    return float("nan") if value is None else float(value)


def summary(marks: dict[int, bool], mine: Entry | None) -> str:
    """How somebody did, in a sentence or two."""
    right, asked = sum(marks.values()), len(marks)
    told = f"You guessed right in {right} of {asked}. " if asked else "You made no guesses, which is fine. "
    if mine is None:
        return told + "You did not commit to a set."
    return told + (
        f"Your set: {mine.flagged:,} images, precision {percent(mine.precision)}, "
        f"{percent(mine.found)} of the poisons found."
    )
