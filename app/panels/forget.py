"""Choose what to forget and how, and start the unlearning."""

from typing import Any

import streamlit as st

from app import rules, shell, state, words
from app.panels import choices
from app.shell import escaped
from app.state import View
from core import cases, registry
from core.artifacts import Detection
from core.cases import Case, Outcome
from core.detectors.base import Detector
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence

LIVE = ""
"""Choice of the rule of the view."""


def forget(case: Case, view: View, found: list[Outcome]) -> Any:
    """The form; returns the rule whose flags are chosen. `found` says what has been computed already."""
    with st.container(border=True):
        title = st.empty()
        rule = _rule(case, view)
        detection = _detection(case, rule)
        if detection is None:
            _not_detected(case, rule)
            return rule
        flagged = int(detection.flagged.sum())
        title.subheader(f"Forget the {words.counted(flagged, 'image')} flagged now")
        st.caption(f"{escaped(type(rule).title)}: {escaped(words.settings(rule))}")
        methods = _methods(case)
        ready = [o for o in found if o.detector == rule and o.unlearner in methods]
        _remark(flagged, methods, ready)
        done = len(ready) == len(methods)
        if st.button("Unlearn", icon=":material/healing:", disabled=not flagged or done):
            shell.start(cases.unlearn_variant(case, rule, methods))
            st.switch_page("views/jobs.py")
        st.page_link("views/investigate.py", label="Change the set", icon=":material/tune:")
    return rule


def _rule(case: Case, view: View) -> Detector:
    """The rule of the view, or another detector of the case at its own setting."""
    live = rules.in_force(case, view)
    others = {d.name: d for d in case.run.experiment.detectors if d.name != live.name}
    if not others:
        return live
    titles = {LIVE: f"{live.title}, as set on Investigate"} | {n: type(d).title for n, d in others.items()}
    chosen = view.flags if view.flags in others else LIVE
    state.bound(
        st.selectbox,
        "Flagged by",
        "flags",
        chosen,
        options=list(titles),
        format_func=titles.get,
        help="Every detector of the case at the setting of its experiment, or the rule of Investigate as it is set now.",
    )
    return others.get(chosen, live)


def _detection(case: Case, rule: Detector) -> Detection | None:
    """What the rule flags; None where that has not been computed."""
    if isinstance(rule, Contrast | DeltaInfluence):
        return rules.flags(case, rule)
    found = case.plan.detections[rule.name]
    return found.value if found.done else None


def _not_detected(case: Case, rule: Detector) -> None:
    st.info(f"What {type(rule).title} flags has not been computed yet.", icon=":material/hourglass:")
    if st.button("Go on computing", icon=":material/play_arrow:"):
        shell.start(case.run.experiment)
        st.switch_page("views/jobs.py")


def _methods(case: Case) -> tuple[Any, ...]:
    """The chosen unlearners with their settings; settings that do not fit are named and left out."""
    base = [u.model_dump(mode="json") for u in case.run.experiment.unlearners] or [{"name": "exact"}]
    methods = []
    for chosen in choices.several("unlearners", "Methods", base, f"unlearners-{case.id}"):
        try:
            methods.append(registry.create("unlearners", **chosen))
        except ValueError as error:
            st.error(f"{chosen['name']} is left out: {escaped(shell.complaint(error))}")
    return tuple(methods)


def _remark(flagged: int, methods: tuple[Any, ...], ready: list[Outcome]) -> None:
    if not flagged:
        st.info("Nothing is flagged, so there is nothing to forget. Move the threshold first.")
    elif methods and len(ready) == len(methods):
        st.success("Computed: the outcomes below include exactly this set.", icon=":material/check:")
    elif ready:
        st.caption(f"{len(ready)} of {len(methods)} methods have been run for this set.")
    elif methods:
        st.caption("Not yet run for this set.")
