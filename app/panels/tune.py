"""Which rule, and how strict: who is flagged, and, when the truth is shown, how right that is."""

import numpy as np
import streamlit as st

from app import results, rules, state
from app.components.threshold import threshold
from app.shell import escaped
from app.state import View
from app.words import counted
from core import collapse
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast
from core.truth import Truth

MANY = 0.2


def tune(case: Case, view: View) -> tuple[View, Detection]:
    """The controls and the figures; returns the view in force and what it flags."""
    _choose(case, view)
    by_contrast = isinstance(rules.in_force(case, view), Contrast)
    view = (_contrast if by_contrast else _collapse)(case, view)
    found = rules.flags(case, rules.in_force(case, view))
    _remarks(found)
    if truth := results.truth(case, view):
        _grades(truth, found)
    return view, found


def _choose(case: Case, view: View) -> None:
    """Which rule; the paper's stays one click away, and takes over where there is nothing to contrast with."""
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
        label_visibility="collapsed",
    )


def _contrast(case: Case, view: View) -> View:
    """The cut-off, calibrated on the controls; dragging it is possible and seldom needed."""
    label = int(case.plan.queries.value.labels[view.query])
    controls, name = (
        len(case.plan.scores.value.controls(label)),
        case.plan.poisoned.value.class_names[label],
    )
    st.caption(
        f"Does a training image support the misread image more than it supports {controls} clean test images of "
        f"“{escaped(name)}”, the *controls*? Clean training images do not, poisons do. The cut-off is calibrated without "
        "any truth: each control stands in for the misread image once, which shows how far chance goes."
    )
    found = rules.flags(case, rules.contrast(view))
    left, right = st.columns([4, 1], gap="medium")
    with left:
        chosen = -threshold(
            np.sort(-found.suspicion),
            -view.margin,
            flagged_total=len(found.suspicion),
            key=f"margin-{case.id}-{view.query if view.using == 'one' else 'all'}",
            mark=("calibrated", 0.0),
            mirrored=True,
            name="Above the cut-off",
        )
    if chosen != np.float32(view.margin):
        view = state.update(margin=chosen + 0.0, page=1)
    with right:
        _count(rules.flags(case, rules.in_force(case, view)))
        _back("margin", view.margin, 0.0, "Back to calibrated", "The cut-off that the controls give.")
    return view


def _collapse(case: Case, view: View) -> View:
    """Threshold and tolerance of the paper's rule."""
    ordered = results.changes(case, view.query).ordered
    n_transforms, n = ordered.shape
    st.caption(
        f"Each of the {n_transforms} transformed and relabelled copies changes every training image's influence. "
        "Clean images lose some and gain some; poisons lose on nearly every copy. An image is flagged when all but "
        "a tolerated few of its changes are below the threshold."
    )
    left, right = st.columns([4, 1], gap="medium")
    with right:
        _tolerance(view, n_transforms)
    with left:
        statistic = np.sort(collapse.order_statistic(ordered, view.tolerance))
        key = f"threshold-{case.id}-{view.query}"
        chosen = threshold(statistic, view.threshold, flagged_total=n, key=key)
    if chosen != np.float32(view.threshold):
        view = state.update(threshold=chosen, page=1)
    with right:
        _count(rules.flags(case, rules.in_force(case, view)))
        default = state.RULE.threshold
        _back("threshold", view.threshold, default, "Back to 0", "Needs no tuning: any fall counts.")
    return view


def _tolerance(view: View, n_transforms: int) -> None:
    most = max(1, view.tolerance, min(10, n_transforms - 1))  # a link may ask for more than 10
    hint = "How many of the copies may fail to push the influence below the threshold."
    state.bound(st.slider, "Tolerance", "tolerance", view.tolerance, min_value=0, max_value=most, help=hint)


def _count(found: Detection) -> None:
    flagged, n = int(found.flagged.sum()), len(found.flagged)
    st.metric("Flagged", f"{flagged:,}", help=f"of {n:,} training images ({flagged / n:.1%})")


def _back(name: str, value: float, default: float, label: str, hint: str) -> None:
    if value != default:
        icon = ":material/undo:"
        st.button(label, icon=icon, help=hint, on_click=lambda: state.update(**{name: default, "page": 1}))


def _remarks(found: Detection) -> None:
    flagged, n = int(found.flagged.sum()), len(found.flagged)
    if not flagged:
        st.info("Nothing is flagged at this setting: for this rule no training image stands out.")
    elif flagged > MANY * n:
        st.warning(f"{flagged / n:.0%} of the training set is flagged: the method assumes a small set.")


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
    with st.container(horizontal=True, gap="large"):
        for label, name, hint in cells:
            st.metric(label, _percent(figures[name]), help=hint, width="content")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
