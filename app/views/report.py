"""The report on the flagged set: what was asked, what was found, what it does not prove; to print and to take along."""

import streamlit as st

from app import panels, shell, state
from app.panels.reporting import report
from app.panels.reporting.report_bundle import hand_over
from app.panels.reporting.report_set import document, subject
from app.shell import escaped

view, case = shell.opened_case(state.current())
own = case
if view.pick:
    case = shell.picked_case(view, case)
if view.measure:
    case = shell.measured_case(view, case)

with st.container(key=report.CONTROLS):
    panels.head(own, view, f"Report · {escaped(own.run.title)}")
    panels.status(case, view, "report")
    of = subject(case, view)
    written = report.compose(of, document(of))
    report.files(of, written)
    st.page_link("views/investigate.py", label="Change the set", icon=":material/tune:")
report.show(written)
with st.container(key=f"{report.CONTROLS}-below"):
    hand_over(of)
