"""The user guide, for those who use it and those who run it; the same text as in the repository."""

import re

import streamlit as st

from app import state
from core import paths

FOLDER = paths.ASSETS / "guide"
MARKERS = re.compile(r"<!-- .*? -->\n")  # where generated parts begin and end
FOR = {
    "analyst": "Analysts",
    "teacher": "Teachers",
    "researcher": "Researchers",
    "own_model": "Your own model",
    "server": "Running it for a group",
    "cluster": "On a cluster",
    "security": "What is let in",
    "reliability": "What was tried",
    "figures": "Figures",
}

view = state.current()
chosen = view.tab if view.tab in FOR else "analyst"
title, _, text = (FOLDER / f"{chosen}.md").read_text().partition("\n")
st.title(title.lstrip("# "))
state.bound(
    st.segmented_control,
    "For",
    "tab",
    chosen,
    options=list(FOR),
    format_func=FOR.get,
    required=True,
    label_visibility="collapsed",
)
st.markdown(MARKERS.sub("", text))
