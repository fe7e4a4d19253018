"""Live controls of the measurement itself: damping, curvature and which layers count."""

import streamlit as st

from app import measures, state
from app.state import View
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
        st.toast(f"{error}; the case's own way is shown.")
        chosen, view = case, state.update(measure="")
    label = "How influence is measured" + (" · changed" if view.measure else "")
    key = f"measure-{case.id}"
    with (panel := st.expander(label, icon=":material/tune:", key=key, on_change="rerun")):
        if panel.open:
            _controls(case, chosen)
    return view, chosen


def _controls(case: Case, chosen: Case) -> None:
    now, own = chosen.run.experiment.scores, case.run.experiment.scores

    def moved(name: str, key: str) -> None:
        settings = now.model_copy(update={name: st.session_state[key]})
        if name == "layers":
            everyone = set(settings.layers) == set(measures.layers_of(case))
            settings = settings.model_copy(update={"layers": () if everyone else tuple(settings.layers)})
        state.update(measure=measures.text_of(settings, own), image=-1, page=1)

    def widget(name: str, key: str) -> dict:
        return {"key": key, "on_change": moved, "args": (name, key)}

    st.caption(
        "Influence divides by the loss's curvature. Where gradients are kept, another choice costs a second; otherwise "
        "one pass over the training set, the suspected label first."
    )
    left, middle = st.columns(2)
    dampings = DAMPINGS if now.damping in DAMPINGS else [now.damping, *DAMPINGS]
    with left:
        st.select_slider(
            "Damping",
            dampings,
            value=now.damping,
            format_func=lambda d: d if d == "heuristic" else f"{d:.0e}",
            help="Added to every eigenvalue. heuristic: a tenth of their mean in each layer. Small damping trusts the "
            "flattest directions, and with them noise.",
            **widget("damping", f"damping-{chosen.plan.scores.key}"),
        )
    served = SERVED[case.run.experiment.factors.strategy]
    with middle:
        st.selectbox(
            "Curvature",
            options := ["fitted", *(s for s in served if s != case.run.experiment.factors.strategy)],
            index=options.index(now.strategy) if now.strategy in options else 0,
            format_func=CURVATURES.get,
            **widget("strategy", f"curvature-{chosen.plan.scores.key}"),
        )
    everyone = measures.layers_of(case)
    st.multiselect(
        "Layers that count",
        everyone,
        default=list(now.layers) or everyone,
        **widget("layers", f"layers-{chosen.plan.scores.key}"),
    )
    if chosen is not case:
        st.button(
            "Back to the case's own way",
            icon=":material/undo:",
            on_click=lambda: state.update(measure=""),
        )
