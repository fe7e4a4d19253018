"""The flagged set as files, and the way on: to the report, and to unlearning."""

import streamlit as st

from app import results, rules, state
from app.panels.reporting.report import download
from app.state import View
from core import export
from core.artifacts import Detection
from core.cases import Case
from core.export import Looking
from core.reporting import report

SHORT = ("flags.csv", "flagged_indices.npy")
"""What most people take; the rest is on the report."""


def take_along(case: Case, view: View, found: Detection) -> None:
    """Buttons; the files are made when asked for."""
    rule, hidden = rules.in_force(case, view), report.discreet(case, results.truth(case, view))
    address = state.parameters_of(view) | {"v": state.VERSION}
    files = export.bundle(case.plan, rule, Looking(case.id, hidden, address))
    with st.container(horizontal=True, vertical_alignment="center"):
        for name in SHORT:
            download(name, name, files[name])
        st.page_link("views/report.py", label="Report and all files", icon=":material/description:")
        st.page_link(
            "views/unlearn.py",
            label=f"Unlearn these {int(found.flagged.sum()):,} images",
            icon=":material/healing:",
        )
    if not hidden:
        st.caption("The same set from the command line, beside experiment.toml, which is on *Report*:")
        st.code(export.command(case.plan, rule), language="bash", wrap_lines=True)
