"""What unlearning achieved: every way of unlearning every set in one table and one figure, with what it is measured by."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st

from app import charts, outcome_charts, words
from app.outcome_charts import Point
from app.panels.unlearning.outcome_names import labels, set_of
from core.artifacts import Report
from core.cases import Case
from core.unlearned import outcome_figures
from core.unlearned.outcome_figures import WITH_TRUTH, WITHOUT, Result, Spread

HEIGHT = 460
FIGURES = {
    "poison_success_rate": (
        "poison success rate",
        "Share of the attacked test images that are read as the attacker wants. Below 5 % counts as removed.",
    ),
    "still_misread": (
        "picked images still misread",
        "Share of the picked test images that are still read as before.",
    ),
    "test_accuracy": ("test accuracy", "Accuracy on all clean test images."),
    "shown_class_accuracy": (
        "accuracy on the affected class",
        "Accuracy on the clean test images of the class that the picked images show.",
    ),
    "deletion_change": (
        "deletion change",
        "Share of the removed images that are no longer read as labelled. Needs no truth.",
    ),
    "clean_label_accuracy": (
        "clean-label accuracy",
        "Share of the attacked test images that are read as what they are: what a user of these images gets.",
    ),
    "manipulated_accuracy": (
        "manipulated accuracy",
        "Share of the poisoned training images, as stored, that are read as what they show.",
    ),
    "utility": ("utility", "Accuracy on the clean test images that the attack is not about."),
}
"""Title and explanation of every figure, in the order of the table."""
RANGED = ("poison_success_rate", "still_misread", "test_accuracy")
"""Figures whose range over seeds has a column of its own."""


@dataclass(frozen=True)
class Shown:
    """What the page may tell about a case's outcomes."""

    case: Case
    results: list[Result]
    digest: str
    """Of the set in use; empty where it is not known."""
    truth: bool
    """Whether figures that need the truth may be shown."""

    @property
    def harm(self) -> str:
        """The figure that unlearning is to bring down."""
        told = self.truth and self.victim["poison_success_rate"] is not None
        return "poison_success_rate" if told else "still_misread"

    @property
    def figures(self) -> list[str]:
        """Figures that may be shown, in the order of the table."""
        allowed = WITHOUT + (WITH_TRUTH if self.truth else ())
        return [name for name in FIGURES if name in allowed]

    @cached_property
    def names(self) -> dict[str, str]:
        """A short name for each result by its id."""
        return labels(self.results, self.digest)

    @cached_property
    def victim(self) -> dict[str, float | None]:
        """Every figure of the victim."""
        return figures_of(self.case, self.case.plan.before.value)


def figures_of(case: Case, report: Report) -> dict[str, float | None]:
    """Every figure of a model that nothing was removed for."""
    return outcome_figures.figures(report, None, case.plan.queries.value)


def shown(case: Case, found: list[Any], digest: str, *, truth: bool) -> Shown:
    """The results in order: those of the set in use, what they are compared with, then other sets, best first."""
    allowed = [o for o in found if truth or o.asked.role != "oracle"]
    made = outcome_figures.results(allowed, case.plan.queries.value)
    harm = Shown(case, made, digest, truth).harm
    made.sort(
        key=lambda r: (not r.about(digest), r.first.asked.role != "flags", outcome_figures.rank(r, harm))
    )
    return Shown(case, made, digest, truth)


def table(what: Shown) -> None:
    """Every model with its figures, the victim first."""
    seconds = what.case.plan.victim.value.seconds
    victim = {name: _mean(what.victim[name]) for name in what.figures}
    rows = [_named("victim", "nothing removed", victim) | {"seconds": seconds or None, "seeds": "–"}]
    rows += [_row(what, result) for result in what.results]
    told = (FIGURES[name] for name in what.figures)
    percent = {title: st.column_config.NumberColumn(format="percent", help=hint) for title, hint in told}
    number = st.column_config.NumberColumn(
        format="%.1f", help="training time, examination excluded; mean over seeds"
    )
    config = percent | {"seconds": number}
    known = list(dict.fromkeys(column for row in rows for column in row))
    beside = [column for title in known for column in (title, f"range of {title}") if column in known]
    order = list(dict.fromkeys(beside))
    st.dataframe(
        rows,
        hide_index=True,
        column_config=config,
        column_order=order,
        key="outcomes",
        placeholder="–",
        alt="outcomes of unlearning, one per line",
    )


def _mean(value: float | None) -> Spread | None:
    return outcome_figures.spread([value])


def _named(method: str, removed: str, told: dict[str, Spread | None]) -> dict[str, Any]:
    """One line: names, then the figures with their ranges where there are several seeds."""
    row: dict[str, Any] = {"method": method, "removed": removed}
    for name, of_all in told.items():
        row[FIGURES[name][0]] = of_all.mean if of_all else None
        if name in RANGED and of_all and of_all.n > 1:
            row[f"range of {FIGURES[name][0]}"] = f"{of_all.least:.1%} – {of_all.most:.1%}"
    return row


def _row(what: Shown, result: Result) -> dict[str, Any]:
    asked = result.first.asked
    seeds = ", ".join(map(str, result.seeds))
    told = {name: result.figures[name] for name in what.figures}
    return _named(type(asked.unlearner).title, set_of(result, what.digest), told) | {
        "seconds": result.seconds.mean,
        "seeds": f"{seeds} (n = {len(result.seeds)})",
        "settings": words.settings(asked.unlearner),
        "flagged by": f"{type(asked.rule).title}: {words.settings(asked.rule)}"
        if asked.role == "flags"
        else "–",
        "set": "" if what.case.sealed else result.first.digest[:8],
    }


def trade_off(what: Shown) -> None:
    """What is left of the harm against accuracy."""
    left = "poison" if what.harm in WITH_TRUTH else "misreading"
    st.subheader(f"What is left of the {left}, and at what price")
    points = [_victim(what), *(p for r in what.results if (p := _point(what, r)))]
    attainable = [i for i, p in enumerate(points) if p.kind in ("victim", "flags", "elsewhere")]
    line = outcome_figures.frontier([(points[i].harm.mean, points[i].accuracy.mean) for i in attainable])
    title = f"{FIGURES[what.harm][0]} (left is better{', dotted: 5 %' if what.truth else ''})"
    best = [attainable[i] for i in line]
    height = max(HEIGHT, 130 + 17 * len(points))
    figure = outcome_charts.trade_off(points, best, title, height=height)
    names = words.listed((points[i].label for i in best), most=5)
    alt = f"{FIGURES[what.harm][0]} against test accuracy; beaten by no other: {names}"
    charts.show(figure, key="trade-off", alt=alt, height=height)
    n = max(len(r.seeds) for r in what.results)
    bars = " Bars: range over seeds." if n > 1 else " One seed each: no range is known."
    st.caption(
        "Upper left is best. The larger a point, the longer it took. The dotted line joins what no other way beats, "
        "what is only there for comparison left aside." + bars
    )


def _victim(what: Shown) -> Point:
    harm, accuracy = _mean(what.victim[what.harm]), _mean(what.victim["test_accuracy"])
    assert harm and accuracy
    return Point("victim", "victim", harm, accuracy, what.case.plan.victim.value.seconds)


def _point(what: Shown, result: Result) -> Point | None:
    harm, accuracy = result.figures[what.harm], result.figures["test_accuracy"]
    if not harm or not accuracy:
        return None
    kind = result.first.asked.role if result.about(what.digest) else "elsewhere"
    return Point(what.names[result.id], kind, harm, accuracy, result.seconds.mean)


def tried(what: Shown) -> None:
    """Settings that unlearners chose between, and what the choice was made on."""
    searched = [r for r in what.results if r.first.trials and r.about(what.digest)]
    if not searched:
        return
    with st.expander("Settings that were tried"):
        st.caption(
            "Chosen without the truth: half the share of flagged images that are no longer read as labelled "
            "(deletion change), half the accuracy on images held out from the unlearner. The chosen setting comes first."
        )
        for result in searched:
            st.markdown(f"**{what.names[result.id]}**")
            _trials(result.first.trials)


def _trials(trials: tuple[dict[str, Any], ...]) -> None:
    st.dataframe(
        [_trial(number, trial) for number, trial in enumerate(trials)],
        hide_index=True,
        height="content" if len(trials) <= 10 else 320,
        column_config=dict.fromkeys(
            ("deletion change", "held-out accuracy", "score"),
            st.column_config.NumberColumn(format="percent"),
        ),
    )


def _trial(number: int, trial: dict[str, Any]) -> dict[str, Any]:
    """One row: the settings, then what was seen of them."""
    return {
        "": "chosen" if number == 0 else "",
        **trial.get("settings", {}),
        "deletion change": trial.get("deletion_change"),
        "held-out accuracy": trial.get("held_out_accuracy"),
        "score": trial.get("score"),
        "seconds": trial.get("seconds"),
    }
