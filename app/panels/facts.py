"""What is being investigated, in one line."""

import streamlit as st

from app import results
from app.shell import escaped
from app.state import View
from app.words import counted
from core import metrics
from core.cases import Case
from core.recipe import Brought


def facts(case: Case, view: View) -> None:
    """Data, attack, network, size and the victim's figures."""
    x, p = case.run.experiment, case.plan
    data, queries = p.dataset.value, p.queries.value
    width = getattr(x.model, "width", None)
    with st.container(horizontal=True):
        st.badge(type(x.dataset).title, icon=":material/photo_library:", color="gray")
        if truth := results.truth(case, view):
            poisons = counted(len(truth), "poison")
            st.badge(f"{type(x.attack).title}, {poisons}", icon=":material/bug_report:", color="gray")
        st.badge(
            type(x.model).title + (f", width {width}" if width else ""), icon=":material/lan:", color="gray"
        )
        if isinstance(x.training, Brought):
            st.badge("weights brought", icon=":material/upload_file:", color="gray")
        st.badge(f"{len(data.train):,} training images", color="gray")
        st.badge(
            counted(len(p.changed.value) // len(queries), "transformed copy", "transformed copies"),
            color="gray",
        )
        st.badge(f"test accuracy {p.before.value.test_accuracy:.1%}", color="gray")
    if doubt := metrics.doubt_of(p.victim.value, data):
        st.error(escaped(doubt), icon=":material/warning:")
    for note in data.notes:
        st.caption(escaped(note))
