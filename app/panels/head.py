"""What stands at the top of a page about a case: its title, the switch for the truth, and the facts."""

import streamlit as st

from app import state
from app.panels.facts import facts
from app.state import View
from core.cases import Case


def head(case: Case, view: View, title: str) -> None:
    """Title and switch side by side, the facts below. `title` is Markdown."""
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    left.title(title)
    with right:
        state.bound(
            st.segmented_control,
            "Ground truth",
            "truth",
            view.truth,
            options=["show", "hide"],
            required=True,
            help="Hide it to work as an analyst would: nothing on the page then depends on who the poisons are.",
        )
    facts(case, view)
