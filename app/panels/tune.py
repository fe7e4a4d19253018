"""Threshold and tolerance: who is flagged, and, when the truth is shown, how right that is."""

import numpy as np
import streamlit as st

from app import results, state
from app.components.threshold import threshold
from app.state import View
from app.words import counted
from core import collapse, metrics, runs
from core.artifacts import Detection
from core.cases import Case
from core.detectors.delta_influence import DeltaInfluence

MANY = 0.2


def tune(case: Case, view: View) -> tuple[View, Detection]:
    """The controls and the figures; returns the view in force and what it flags."""
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
    rule = DeltaInfluence(threshold=view.threshold, tolerance=view.tolerance, query=view.query)
    found = rule.judge(ordered)
    with right:
        _count(view, found)
    _remarks(view, found)
    if view.truth != "hide":
        _grades(case, found)
    return view, found


def _tolerance(view: View, n_transforms: int) -> None:
    most = max(1, view.tolerance, min(10, n_transforms - 1))  # a link may ask for more than 10
    hint = "How many of the copies may fail to push the influence below the threshold."
    state.bound(st.slider, "Tolerance", "tolerance", view.tolerance, min_value=0, max_value=most, help=hint)


def _count(view: View, found: Detection) -> None:
    flagged, n = int(found.flagged.sum()), len(found.flagged)
    st.metric("Flagged", f"{flagged:,}", help=f"of {n:,} training images ({flagged / n:.1%})")
    if view.threshold != state.RULE.threshold:
        st.button(
            "Back to 0",
            icon=":material/undo:",
            on_click=lambda: state.update(threshold=state.RULE.threshold, page=1),
            help="The threshold that needs no tuning: any fall counts.",
        )


def _remarks(view: View, found: Detection) -> None:
    flagged, n = int(found.flagged.sum()), len(found.flagged)
    if not flagged:
        st.info(
            f"Nothing is below {view.threshold:.3g}. The lowest image is at {-found.suspicion.max():.3g}."
        )
    elif flagged > MANY * n:
        st.warning(f"{flagged / n:.0%} of the training set is flagged: the method assumes a small set.")


def _grades(case: Case, found: Detection) -> None:
    """How right the flags are, which only someone who knows the truth can say."""
    p = case.plan
    targets = p.poisoning.value.target_classes
    figures = metrics.grade_detection(found, runs.truth(p), p.poisoned.value.train.labels, targets)
    poisons = counted(len(p.poisoning.value.indices), "poison")
    inside = "in the target label" if len(targets) == 1 else "in the target labels"
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
