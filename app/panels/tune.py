"""Which rule, and how strict: who is flagged, and, when the truth is shown, how right that is."""

import streamlit as st

from app import results, rules, state
from app.panels import cut_off, kinds
from app.panels.advice import advice
from app.shell import escaped
from app.state import View
from app.words import counted
from core.artifacts import Detection
from core.cases import Case
from core.truth import Truth

LINES = {
    "contrast": cut_off.contrast,
    "delta_influence": cut_off.delta,
    "relative_collapse": cut_off.relative,
}


def tune(case: Case, view: View) -> tuple[View, Detection]:
    """The controls and the figures; returns the view in force and what it flags."""
    _choose(case, view)
    view = kinds.settled(case, view)
    rule = rules.in_force(case, view)
    LINES[rule.name](case, view)
    found = rules.flags(case, rule)
    advice(case, view, found)
    if truth := results.truth(case, view):
        _grades(truth, found)
    return view, found


def _choose(case: Case, view: View) -> None:
    """Which rule; the others stay one click away, and the paper's takes over where there is nothing to contrast with."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _segments("Rule", "rule", view.rule, rules.TITLES)
        if view.rule == "contrast" and case.plan.scores.value.n_originals > 1:
            names = {"all": "all picked images together", "one": "this image alone"}
            _segments("Using", "using", view.using, names)
    if view.rule == "contrast" and (reason := rules.why_not(case, view)):
        st.info(f"No contrast here, so the paper's rule decides. {escaped(reason)}.", icon=":material/info:")


def _segments(label: str, name: str, value: str, names: dict[str, str]) -> None:
    state.bound(
        st.segmented_control,
        label,
        name,
        value,
        options=list(names),
        format_func=names.get,
        required=True,
        wrap=True,
        label_visibility="collapsed",
    )


def _grades(truth: Truth, found: Detection) -> None:
    """How right the flags are, which only someone who knows the truth can say."""
    figures = truth.grade(found)
    poisons = counted(len(truth), "poison")
    inside = "in the target label" if len(truth.target_classes) == 1 else "in the target labels"
    cells = [
        (
            "True positive rate",
            "true_positive_rate",
            f"{figures['true_positives']:,} of {poisons} flagged",
        ),
        ("Precision", "precision", "share of the flagged images that are poisons"),
        (
            f"Precision {inside}",
            "precision_in_target_label",
            "the same among the images with a label that poisons carry, where it is harder to look good",
        ),
        ("Average precision", "average_precision", "quality of the whole order, whatever the threshold"),
        (
            f"… {inside}",
            "average_precision_in_target_label",
            f"a blind guess has {figures['base_rate_in_target_label'] or 0:.1%}",
        ),
    ]
    with st.container(horizontal=True, gap="medium"):
        for label, name, hint in cells:
            st.metric(label, _percent(figures[name]), help=hint, width="content")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
