"""What surrounds every page: the style, the job at work, who is signed in, and help."""

import streamlit as st

from app import access, ownership, results, serving, shell, signed_in
from app.glossary import help_button
from app.words import escaped
from core import jobs
from core.jobs import JobsUnavailable

STYLE = """
<style>
.st-key-status { border-bottom: 1px solid rgb(128 128 128 / 30%); padding-bottom: 0.35rem; }
.stMainBlockContainer { padding-top: 3.2rem; max-width: 1360px; }
[data-testid="stLayoutWrapper"]:has(> .st-key-at-work) { display: none; }
@media (max-width: 768px) { [data-testid="stLayoutWrapper"]:has(> .st-key-at-work) { display: flex; padding-top: 1rem; } }
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
.katex-display { overflow: visible !important; }
.katex-display > .katex { white-space: normal !important; }
[data-testid="stCaptionContainer"] { opacity: 1; }
[class*="st-key-side-by-side"] { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.75rem; }
[class*="st-key-side-by-side"] > div { width: auto; min-width: 0; max-width: 12rem; }
[class*="st-key-side-by-side"] img { outline: 1px solid rgb(128 128 128 / 45%); outline-offset: -1px; }
</style>
"""


OPEN = (
    "Open to the network without a login: everybody who reaches this page sees every case and can start jobs and delete "
    "results. `assets/guide/server.md` shows how people sign in."
)


def frame(of_jobs: bool) -> None:
    """The style and the sidebar of every page; on a narrow one its sidebar is closed."""
    st.html(STYLE)
    if serving.is_served_open():
        st.warning(OPEN, icon=":material/lock_open:")
    with st.sidebar:
        _polled_chip()
        signed_in.chip(escaped(access.visitor().label))
        help_button()
    if not of_jobs:
        _at_work()


def _polled_chip() -> None:
    """The job at work, polled only while there is one."""
    st.fragment(_job_chip, run_every=1.5 if shell.busy() else None)()


def _job_chip() -> None:
    try:
        active = jobs.table(results.store().root).active()
        if active:  # also after everything was killed
            jobs.ensure_supervisor(results.store().root)
    except JobsUnavailable as error:
        st.warning(escaped(str(error)))
        return
    seen = {job.id for job in active}
    if st.session_state.get("jobs_seen", set()) - seen:  # one has ended since the last look
        st.session_state["jobs_seen"] = seen
        st.rerun()
    st.session_state["jobs_seen"] = seen
    for job in ownership.own_jobs(active, results.store().root)[:3]:
        st.progress(shell.share(job), text=f"{escaped(job.title)} · {escaped(shell.doing(job))}")
    if active:
        _way_to_jobs(len(active))


def _at_work() -> None:
    """The way to the jobs at work for a narrow page, whose sidebar is closed; the chip runs the page anew at an end."""
    try:
        active = jobs.table(results.store().root).active()
    except JobsUnavailable:
        return
    if active:
        with st.container(key="at-work"):
            _way_to_jobs(len(active))


def _way_to_jobs(count: int) -> None:
    st.page_link("views/jobs.py", label=f"{count} at work", icon=":material/schedule:")
