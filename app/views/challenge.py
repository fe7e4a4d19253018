"""Blind challenges: investigate without the truth, commit a set, reveal, and see what it was worth."""

import streamlit as st

from app import panels, results, shell, state
from app.panels.challenge import blind, blind_score, blind_teacher
from app.shell import escaped
from core.blind import challenges

THIS, ALL = "this challenge", "all challenges"
PART = "challenge-part"


def introduction() -> None:
    """What a challenge is."""
    st.title("Blind challenges")
    st.markdown(
        "A challenge is a blind copy of a finished case. Who the poisons are is sealed: nothing that the server sends "
        "depends on it, and the training images are numbered anew. Investigate, **commit** the set that you flag, then "
        "**reveal** the truth, and see your score beside the detectors'. For practice, for a class, or to test a method "
        "without fooling yourself."
    )


def choose() -> None:
    """Which part is shown; the teacher's part names cases, so it is not even sent beside a sealed challenge."""
    st.segmented_control(
        "Show",
        [THIS, ALL],
        default=THIS,
        required=True,
        format_func=str.capitalize,
        key=PART,
        label_visibility="collapsed",
    )


view = state.current()
found = challenges.find(results.store().root, view.case)
if found and st.session_state.get(PART, THIS) == THIS:
    view, case = shell.opened_case(view)
    panels.head(case, view, escaped(found.title), linked=False)
    choose()
    if found.sealed:
        blind.commit(case, view, found)
    else:
        blind_score.score(case, view, found)
else:
    introduction()
    if found:
        choose()
    blind_teacher.every()
    st.header("Make a challenge")
    blind_teacher.make()
