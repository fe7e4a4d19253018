"""What unlearning achieved: a table of every outcome, and a few of them in detail beside the victim."""

from collections import Counter
from typing import Any

import numpy as np
import streamlit as st

from app import charts, words
from app.shell import escaped
from app.state import View
from core.artifacts import Report
from core.cases import Case, Outcome

MOST = 5
"""Outcomes compared in detail."""
PERCENT = {
    "poison success rate": (
        "poison_success_rate",
        "Share of the attacked test images that are read as the attacker wants. Below 5 % counts as removed.",
    ),
    "test accuracy": ("test_accuracy", "Accuracy on all clean test images."),
    "clean-label accuracy": (
        "clean_label_accuracy",
        "Share of the attacked test images that are read as what they are: what a user of these images gets.",
    ),
    "manipulated accuracy": (
        "manipulated_accuracy",
        "Share of the poisoned training images, as stored, that are read as what they show.",
    ),
    "utility": ("utility", "Accuracy on the clean test images that the attack is not about."),
}


def labels(found: list[Outcome]) -> list[str]:
    """A short name for each outcome, no two alike."""
    one_detector = len({o.detector.name for o in found}) == 1
    plain = [
        words.short(o.unlearner)
        + ("" if one_detector else f" after {words.short(o.detector)}")
        + f" · {o.flagged:,} removed"
        for o in found
    ]
    seen: Counter[str] = Counter()
    made = []
    for label in plain:
        seen[label] += 1
        made.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return made


def table(case: Case, found: list[Outcome]) -> None:
    """Every model with its figures, the victim first."""
    victim = {"model": "victim", "detector": "–", "flagged": "–", **_figures(case.plan.before.value)}
    rows = [victim | {"seconds": case.plan.victim.value.seconds, "rule": "–"}]
    rows += [
        {
            "model": type(o.unlearner).title,
            "detector": type(o.detector).title,
            "flagged": f"{o.flagged:,}",
            **_figures(o.report),
            "seconds": o.seconds,
            "rule": words.settings(o.detector),
        }
        for o in found
    ]
    percent = {
        name: st.column_config.NumberColumn(format="percent", help=hint)
        for name, (_, hint) in PERCENT.items()
    }
    seconds = st.column_config.NumberColumn(format="%.1f", help="training time, evaluation excluded")
    st.dataframe(rows, hide_index=True, column_config=percent | {"seconds": seconds})


def _figures(report: Report) -> dict[str, float]:
    return {name: getattr(report, field) for name, (field, _) in PERCENT.items()}


def chosen(case: Case, found: list[Outcome], rule: Any) -> dict[str, Outcome]:
    """The outcomes to compare by their names: at first those of the set in use, then the best."""
    names = labels(found)
    order = sorted(range(len(found)), key=lambda i: (found[i].detector != rule, *_rank(found[i])))
    if len(found) <= MOST:
        return dict(zip(names, found, strict=True))
    picked = st.multiselect(
        "Compare with the victim",
        range(len(found)),
        default=order[: MOST - 1],
        max_selections=MOST,
        format_func=lambda i: names[i],
        key=f"compare-{case.id}-{len(found)}",
        help=f"At most {MOST} at a time.",
    )
    return {names[i]: found[i] for i in picked}


def _rank(outcome: Outcome) -> tuple[float, float]:
    return outcome.report.poison_success_rate, -outcome.report.test_accuracy


def trade_off(case: Case, shown: dict[str, Outcome]) -> None:
    """What is left of the poison against accuracy, and accuracy per class."""
    names, before = list(case.plan.dataset.value.class_names), case.plan.before.value
    reports = {"victim": before} | {label: o.report for label, o in shown.items()}
    height = 300 + 22 * len(reports)  # the legend may take a line for each
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("What is left of the poison, and at what price")
        points = [(label, r.poison_success_rate, r.test_accuracy) for label, r in reports.items()]
        alt = "poison success against test accuracy"
        charts.show(charts.trade_off(points), key="trade-off", alt=alt, height=height)
    with right:
        st.subheader("Accuracy per class")
        bars = {label: np.asarray(r.class_accuracy) for label, r in reports.items()}
        alt = "accuracy per class before and after"
        charts.show(charts.accuracies(names, bars), key="classes", alt=alt, height=height)


def picked_image(case: Case, view: View, shown: dict[str, Outcome]) -> None:
    """What each model says about the picked test image."""
    names, queries = list(case.plan.dataset.value.class_names), case.plan.queries.value
    true, wrong = int(queries.true_labels[view.query]), int(queries.labels[view.query])
    reports = {label: o.report for label, o in shown.items()}
    told = [("victim", np.asarray(queries.probabilities[view.query]))]
    told += [(label, np.asarray(r.query_probabilities[view.query])) for label, r in reports.items()]
    st.subheader("The picked test image, before and after")
    for start in range(0, len(told), 3):
        columns = st.columns(min(3, len(told)))
        for number, (title, values) in enumerate(told[start : start + 3]):
            with columns[number]:
                said = escaped(names[int(values.argmax())])
                st.markdown(f"**{title}** says {said}")
                figure = charts.probabilities(names, values, true, wrong)
                alt = f"{title} says {names[int(values.argmax())]}"
                charts.show(figure, key=f"after-{start + number}", alt=alt, height=200)


def changed_predictions(case: Case, shown: dict[str, Outcome]) -> None:
    """How one of the models reads the clean test images, beside the victim."""
    names, before = list(case.plan.dataset.value.class_names), case.plan.before.value
    st.subheader("Test images whose prediction changed")
    best = min(shown, key=lambda label: _rank(shown[label]))
    label = st.selectbox("Compare the victim with", list(shown), index=list(shown).index(best))
    after = shown[label].report
    changed = np.flatnonzero(before.test_predictions != after.test_predictions)
    right = (after.test_predictions[changed] == case.plan.dataset.value.test.labels[changed]).sum()
    st.caption(
        f"{len(changed):,} of {len(before.test_predictions):,} clean test images are read differently; "
        f"{int(right):,} of those are right now."
    )
    with st.expander("Confusion matrices"):
        sides = (("victim", before.confusion), (label, after.confusion))
        for column, (title, counts) in zip(st.columns(2), sides, strict=True):
            with column:
                st.markdown(f"**{title}**")
                key, alt = f"confusion-{title}", f"confusion of {title}"
                charts.show(charts.confusion(names, counts), key=key, alt=alt, height=360)


def tried(shown: dict[str, Outcome]) -> None:
    """Settings that unlearners chose between, and what the choice was made on."""
    searched = {label: o for label, o in shown.items() if o.trials}
    if not searched:
        return
    with st.expander("Settings that were tried"):
        st.caption(
            "Chosen without the truth: half the share of flagged images that are no longer read as labelled "
            "(deletion change), half the accuracy on images held out from the unlearner. The chosen setting comes first."
        )
        for label, outcome in searched.items():
            st.markdown(f"**{label}**")
            st.dataframe(
                [_trial(number, trial) for number, trial in enumerate(outcome.trials)],
                hide_index=True,
                height="content" if len(outcome.trials) <= 10 else 320,
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
