"""Long work: what runs, how far it is, how long it will take, and how to stop it."""

import streamlit as st

from app import shell
from app.panels.jobs import job_list, job_trouble

st.title("Jobs")
st.caption(
    ":material/tab_close: It is safe to close this tab: work goes on when it is closed or the dashboard is stopped. "
    "Finished steps are never computed twice."
)


@st.fragment(run_every=1.0 if shell.busy() else None)
@shell.explained_errors()
def all_jobs() -> None:
    """Every job, newest first; looked at again only while one is live."""
    job_trouble.guarded(job_list.listing)


all_jobs()
