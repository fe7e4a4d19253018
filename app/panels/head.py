"""What stands at the top of a page about a case: its title, the switch for the truth, and the facts."""

import streamlit as st

from app import state
from app.panels.facts import facts
from app.state import View
from core import truth
from core.blind import challenges
from core.cases import Case


def head(case: Case, view: View, title: str, *, linked: bool = True) -> None:
    """Title and switch side by side, the facts below. `title` is Markdown; `linked` has a challenge's way to its end."""
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    left.title(title)
    with right:
        if case.sealed:
            st.badge("blind", icon=":material/lock:", color="violet", help=SEALED)
        elif not truth.known(case.plan):
            st.badge("truth unknown", icon=":material/help:", color="gray", help=UNKNOWN)
        else:
            _switch(view)
        if linked and case.id.startswith(challenges.PREFIX):
            _to_challenge(case, view)
    facts(case, view)


SEALED = (
    "The truth of this exercise is sealed: nothing that this page sends depends on it, and the training images are "
    "numbered anew. Commit a set, then reveal."
)
UNKNOWN = "Nobody knows who the poisons of this model are, so nothing here can be graded."


def _switch(view: View) -> None:
    state.bound(
        st.segmented_control,
        "Ground truth",
        "truth",
        view.truth,
        options=["show", "hide"],
        required=True,
        help="Hide it to work as an analyst would: nothing on the page then depends on who the poisons are.",
    )


def _to_challenge(case: Case, view: View) -> None:
    """The way to commit, or to what the committed sets were worth."""
    words, icon = ("Commit a set", "task_alt") if case.sealed else ("Score", "leaderboard")
    st.page_link(
        "views/challenge.py",
        label=words,
        icon=f":material/{icon}:",
        query_params=state.parameters_of(view) | {"v": state.VERSION},
    )
