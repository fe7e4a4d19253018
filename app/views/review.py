"""Flagged images one after the other: a person's verdict on each, which stays whatever the rule says later."""

import streamlit as st

from app import panels, shell, state
from app.panels.review import review_book, review_pair, review_queue, review_record, review_set, review_triage
from app.shell import escaped
from core.casebook import CasebookUnavailable

TABS = {
    "set": ("The final set", review_set.the_set),
    "pair": ("Two reviewers", review_pair.two_reviewers),
    "record": ("Record and files", review_record.record),
}


def page() -> None:
    """The whole page; the casebook may be out of reach at any point of it."""
    view, case = shell.opened_case(state.current())
    if view.pick:
        case = shell.picked_case(view, case)
    if view.measure:
        case = shell.measured_case(view, case)
    review_triage.receive(case)
    ledger = review_book.read(case)
    st.title(f"Review · {escaped(case.run.title)}")
    review_triage.controls(case, view, ledger)
    of = review_queue.review(case, view, ledger)
    panels.status(case, view, "review")
    if len(of.queue.images):
        review_triage.judge(of)
    else:
        review_triage.nothing(of)
    if of.found.flagged.any() or ledger.rows:
        results(of)


def results(of: review_queue.Review) -> None:
    """What came of it, one part at a time."""
    st.header("What came of it")
    tab = of.view.tab if of.view.tab in TABS else "set"
    state.bound(
        st.segmented_control,
        "What came of it",
        "tab",
        tab,
        options=list(TABS),
        format_func=lambda name: TABS[name][0],
        required=True,
        wrap=True,
        label_visibility="collapsed",
    )
    TABS[tab][1](of)


try:
    page()
except CasebookUnavailable as error:
    st.error(escaped(str(error)), icon=":material/error:")
