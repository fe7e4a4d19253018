"""Which kinds of transformation count: chips, and what follows for the tolerance."""

import streamlit as st

from app import moved, rules, state
from app.state import View
from app.words import counted, listed
from core.cases import Case


def settled(case: Case, view: View) -> View:
    """The view with kinds and a tolerance that the case has; says what had to give way."""
    asked, used = set(view.without.split(".")) - {""}, rules.left_out(case, view)
    if unknown := sorted(asked - rules.kinds(case, view).keys()):
        st.toast(f"No copy here was made by {listed(unknown)}: it cannot be left out.")
    elif asked != set(used):
        st.toast("One kind of transformation has to stay: all of them count again.")
    if asked != set(used):
        view = state.update(without=".".join(used))
    most = rules.in_use(case, view) - 1
    if view.rule != "contrast" and view.tolerance > most:
        st.info(
            f"Only {counted(most + 1, 'copy is', 'copies are')} left, so the tolerance was lowered to {most}: at least one "
            "change has to fall.",
            icon=":material/info:",
        )
        view = state.update(tolerance=most)
    return view


def chips(case: Case, view: View) -> None:
    """A chip for every kind; the chosen ones count. No chips where there is nothing to choose."""
    known, used = rules.kinds(case, view), rules.left_out(case, view)
    if len(known) < 2:
        return
    moved.placed(
        st.pills,
        "Transformations that count",
        list(known),
        key="view_kinds",
        value=[kind for kind in known if kind not in used],
        on_move=lambda counting: leave_out(case, view, set(known) - set(counting)),
        selection_mode="multi",
        wrap=True,
        disabled=state.is_locked("without"),
        format_func=lambda kind: f"{kind.replace('_', ' ')} ({known[kind]})",
        help="The number says how many copies a kind made. Leave kinds out to see whether the flags hang on one of them.",
    )


def leave_out(case: Case, view: View, without: set[str]) -> None:
    """Leave these kinds out, unless no copy would be left."""
    known = rules.kinds(case, view)
    if without >= known.keys():
        st.toast("One kind of transformation has to stay.", icon=":material/info:")
        return
    state.update(without=".".join(kind for kind in known if kind in without), page=1)


def toggled(case: Case, view: View, kind: str) -> None:
    """Leave a kind out, or let it count again."""
    leave_out(case, view, set(rules.left_out(case, view)) ^ {kind})
