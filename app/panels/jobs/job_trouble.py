"""What the page says when the job table was damaged or cannot be used, and the way out."""

from collections.abc import Callable

import streamlit as st

from app import access, results
from app.words import escaped
from core import jobs


def guarded(page: Callable[[], None]) -> None:
    """Show the page; a damaged table becomes an explanation and a button that repairs it."""
    root = results.store().root
    try:
        if said := jobs.notice(root):
            _notice(said)
        page()
    except jobs.JobsDamaged as error:
        st.error(escaped(str(error)), icon=":material/broken_image:")
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
