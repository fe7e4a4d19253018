"""Live controls of the measurement itself: damping, curvature and which layers count."""

from typing import Any

import streamlit as st

from app import measures, state
from app.state import View
from app.words import escaped
from core.cases import Case

DAMPINGS = [1e-10, 1e-8, 1e-6, 1e-4, 1e-2, "heuristic"]
CURVATURES = {
    "fitted": "as fitted",
    "ekfac": "EK-FAC",
    "kfac": "K-FAC",
    "identity": "none (inner product of gradients)",
}
SERVED = {"ekfac": ("ekfac", "kfac", "identity"), "kfac": ("kfac", "identity"), "identity": ("identity",)}
"""What fitted factors can be read as."""


def measure(case: Case, view: View) -> tuple[View, Case]:
    """A panel that opens on demand; returns the case measured as the address says."""
    try:
        chosen = measures.measured(case, view.measure)
    except ValueError as error:
        st.toast(f"{escaped(str(error))}; the case's own way is shown.")
        chosen, view = case, state.update(measure="")
    label = "How influence is measured" + (" · changed" if view.measure else "")
    key = f"measure-{case.id}"
    with (panel := st.expander(label, icon=":material/tune:", key=key, on_change="rerun")):
        if panel.open:
            _controls(case, chosen)
    return view, chosen


def _controls(case: Case, chosen: Case) -> None:
    st.caption(
        "Influence divides by the loss's curvature. Where gradients are kept, another choice costs a second; otherwise "
        "one pass over the training set, the suspected label first."
    )
    left, right = st.columns(2)
    with left:
        _damping(case, chosen)
    with right:
        _curvature(case, chosen)
    everyone = measures.layers_of(case)
    default = list(chosen.run.experiment.scores.layers) or everyone
    st.multiselect("Layers that count", everyone, default=default, **_moves(case, chosen, "layers"))
    if chosen is not case:
        st.button(
            "Back to the case's own way",
            icon=":material/undo:",
            on_click=lambda: state.update(measure=""),
        )


def _damping(case: Case, chosen: Case) -> None:
    now = chosen.run.experiment.scores.damping
    st.select_slider(
        "Damping",
        DAMPINGS if now in DAMPINGS else [now, *DAMPINGS],
        value=now,
        format_func=lambda d: d if d == "heuristic" else f"{d:.0e}",
        help="Added to every eigenvalue. heuristic: a tenth of their mean in each layer. Small damping trusts the "
        "flattest directions, and with them noise.",
        **_moves(case, chosen, "damping"),
    )


def _curvature(case: Case, chosen: Case) -> None:
    now, fitted = chosen.run.experiment.scores.strategy, case.run.experiment.factors.strategy
    options = ["fitted", *(s for s in SERVED[fitted] if s != fitted)]
    st.selectbox(
        "Curvature",
        options,
        index=options.index(now) if now in options else 0,
        format_func=CURVATURES.get,
        **_moves(case, chosen, "strategy"),
    )


def _moves(case: Case, chosen: Case, name: str) -> dict[str, Any]:
    """Key and callback of the widget of one setting."""
    key = f"{name}-{chosen.plan.scores.key}"

    def moved() -> None:
        value = st.session_state[key]
        if name == "layers":
            value = () if set(value) == set(measures.layers_of(case)) else tuple(value)
        settings = chosen.run.experiment.scores.model_copy(update={name: value})
        state.update(measure=measures.text_of(settings, case.run.experiment.scores), image=-1, page=1)

    return {"key": key, "on_change": moved, "disabled": state.is_locked("measure")}
