"""Which labels the flagged images carry, and a way to see those of one label alone."""

import numpy as np
import streamlit as st

from app import charts, moved, state, tuning_charts
from app.shell import escaped
from app.state import View
from core.artifacts import Detection
from core.cases import Case

MOST_BARS = 24
"""With more classes than this only those with flags are drawn."""


def classes(case: Case, view: View, found: Detection) -> None:
    """A bar and a button for each label; both show its images in the gallery."""
    data = case.plan.poisoned.value
    names = list(data.class_names)
    counts = np.bincount(np.asarray(data.train.labels)[found.flagged], minlength=len(names))
    drawn = np.arange(len(names)) if len(names) <= MOST_BARS else np.flatnonzero(counts)
    st.caption(
        "Most poisons carry the label that the misbehaving image is taken for; an attack on several classes spreads "
        "them over several labels. Choose a label, or click its bar, to see only its images."
    )
    if not counts.any():
        st.info("Nothing is flagged, so no label carries a flag.", icon=":material/info:")
        return
    _pills(view, names, counts)
    key = f"by-class-{view.label}"  # a click is used up when it is another chart

    def clicked() -> None:
        if points := st.session_state[key].selection.points:
            _show(int(points[0]["customdata"]))

    charts.show(
        tuning_charts.by_class(names, drawn, counts[drawn], view.label),
        key=key,
        alt="flagged images by label",
        height=300,
        on_select=clicked,
    )


def _pills(view: View, names: list[str], counts: np.ndarray) -> None:
    flagged = [int(label) for label in np.flatnonzero(counts)]
    moved.placed(
        st.pills,
        "Show only the images labelled",
        flagged,
        key="classes_label",
        value=view.label if view.label in flagged else None,
        on_move=lambda label: _show(-1 if label is None else label),
        wrap=True,
        format_func=lambda label: f"{escaped(names[label])} · {counts[label]:,}",
    )


def _show(label: int) -> None:
    """The gallery with one label only; choosing the same one again shows all."""
    state.update(label=label, tab="classes" if label < 0 else "images", show="flagged", page=1)
