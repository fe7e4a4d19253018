"""Downloads of the flagged set, the command that finds it again, and the way on to unlearning."""

import streamlit as st

from app import rules
from app.state import View
from core import export
from core.artifacts import Detection
from core.cases import Case

MIME = {"csv": "text/csv", "json": "application/json", "toml": "application/toml"}


def take_along(case: Case, view: View, found: Detection) -> None:
    """Buttons; the files are made when asked for."""
    rule = rules.in_force(case, view)
    files = export.bundle(case.plan, rule)
    with st.container(horizontal=True):
        for name, content in files.items():
            kind = name.rpartition(".")[2]
            st.download_button(
                name,
                content,
                file_name=name,
                mime=MIME.get(kind, "application/octet-stream"),
                key=f"download-{name}",
                icon=":material/download:",
                on_click="ignore",
            )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        st.caption("The same set from the command line, beside experiment.toml:")
        st.code(export.command(case.plan, rule), language="bash")
    with right:
        st.page_link(
            "views/unlearn.py",
            label=f"Unlearn these {int(found.flagged.sum()):,} images",
            icon=":material/healing:",
        )
