"""Seven steps through one investigation: guess first, then do it, then see how it is."""

from dataclasses import replace

import streamlit as st

from app import ownership, results, shell, state
from app.panels.lesson import guided_evidence, guided_verdict
from app.panels.lesson.guided import Lesson, onwards, where
from app.shell import escaped
from core.cases import Case
from core.learn import lessons


def first() -> Case | None:
    """The case that the lesson is about where the address names none."""
    return next((case for case in ownership.all_cases(results.store()) if lessons.suited(case)), None)


def refuse(case: Case) -> None:
    """Say why there is no lesson on this case, and what there is instead."""
    why = "it is a sealed challenge" if case.sealed else "nobody knows who its poisons are"
    st.info(
        f"The guided case needs the truth, to tell you how good your guesses were. Of “{escaped(case.run.title)}” it has "
        f"none: {why}.",
        icon=":material/lock:",
    )
    if other := first():
        label = f"Take “{escaped(other.run.title)}” instead"
        moved = {"case": other.id, "lesson": 1, "query": 0, "pick": "", "measure": ""}
        st.button(label, icon=":material/school:", on_click=lambda: state.update(**moved))
    st.stop()


st.title("Guided case")
view = state.current()
if not view.case and (found := first()):
    view = state.update(case=found.id)
view, case = shell.opened_case(view)
if not lessons.suited(case):
    refuse(case)
step = min(max(view.lesson, 1), len(lessons.STEPS))
lesson = Lesson(case, view, lessons.evidence(case, view.query))
where(step)
if step <= 5:
    steps = (guided_evidence.look, guided_evidence.support, guided_evidence.transform, guided_evidence.watch)
    (*steps, guided_verdict.draw)[step - 1](lesson)
elif truth := results.truth(case, replace(view, truth="show")):
    (guided_verdict.reveal if step == 6 else guided_verdict.unlearn)(lesson, truth)
onwards(lesson, step)
st.caption(
    f"About “{escaped(case.run.title)}”. Each step has an address of its own; guesses stay in this tab."
)
