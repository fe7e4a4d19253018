"""What the page says when a place for jobs or the job table cannot be used, and the way out."""

from collections.abc import Callable

import streamlit as st

from app import access, results
from app.words import escaped, sentence
from core import jobs
from core.jobs.offer import PLACES


def guarded(page: Callable[[], None]) -> None:
    """Show the page below what is wrong; a damaged table becomes an explanation and a button that repairs it."""
    root = results.store().root
    try:
        if said := jobs.notice(root):
            _notice(said)
        for name, why in jobs.missing(root).items():
            _missing(PLACES.get(name, name), why)
        page()
    except jobs.JobsDamaged as error:
        st.error(sentence(str(error)), icon=":material/broken_image:")
        st.markdown("Running jobs go on. Finished results are kept elsewhere and are not touched by this.")
        if st.button(
            "Repair the job table",
            icon=":material/build:",
            key="repair-jobs",
            **access.only("delete results"),
        ):
            jobs.repair(root)
            st.rerun()


def _notice(said: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(escaped(said), icon=":material/build:")
        if st.button("Understood", key="jobs-notice", **access.only("delete results")):
            jobs.dismiss_notice(results.store().root)
            st.rerun()


def _missing(place: str, why: str) -> None:
    """That jobs cannot go somewhere just now; what to do about it is for whoever runs the dashboard."""
    calm = (
        "Nothing is lost: waiting jobs start by themselves once it can be used, and finished steps are kept."
    )
    if not access.visitor().may("inspect the machine"):
        st.warning(
            f"Jobs cannot use {place} now. {calm} Whoever runs this dashboard sees here what is wrong.",
            icon=":material/cloud_off:",
        )
        return
    st.warning(f"Jobs cannot use {place} now: {escaped(why)}\n\n{calm}", icon=":material/cloud_off:")
    st.page_link(
        "views/guide.py",
        label="What to do about it: the guide’s chapter “On a cluster”",
        icon=":material/menu_book:",
        query_params={"tab": "cluster"},
    )
