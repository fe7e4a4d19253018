"""Long work: what runs, how far it is, how long it will take, and how to stop it."""

import time

import streamlit as st

from app import results, shell, state
from app.shell import escaped
from core import jobs

ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/play_circle:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "lost": ":material/help:",
}
COLOURS = {
    "queued": "gray",
    "running": "blue",
    "done": "green",
    "failed": "red",
    "cancelled": "orange",
    "lost": "red",
}

st.title("Jobs")
st.caption(
    "Work goes on when this tab is closed or the dashboard is stopped. Finished steps are never computed twice."
)


def progress_text(job: jobs.Job) -> str:
    """Stage, phase, rate and time to go in words."""
    parts = [shell.STAGES.get(job.stage, job.stage) or "starting"]
    if job.total:
        parts.append(f"{job.phase} {job.done:,} of {job.total:,}")
    if job.rate:
        parts.append(f"{job.rate:,.1f} a second")
    if left := jobs.remaining(job):
        low, high = (shell.duration(x) for x in left)
        parts.append(
            f"this phase ends in about {low}" if low == high else f"this phase ends in {low} to {high}"
        )
    return " · ".join(parts)


def row(job: jobs.Job) -> None:
    """One job with its buttons."""
    with st.container(border=True):
        title, mark, action = st.columns([5, 2, 2], vertical_alignment="center")
        title.markdown(f"**{escaped(job.title)}**")
        mark.badge(job.state, icon=ICONS[job.state], color=COLOURS[job.state])
        with action:
            if job.is_live:
                if st.button(
                    "Cancel", key=f"cancel-{job.id}", icon=":material/stop:", disabled=job.cancel_requested
                ):
                    jobs.cancel(results.store().root, job.id)
                    st.rerun()
            elif job.state != "done" and st.button(
                "Try again", key=f"again-{job.id}", icon=":material/replay:"
            ):
                jobs.submit(results.store().root, job.kind, job.spec, job.title, job.owner)
                st.rerun()
        if job.state == "done" and (case := shell.case_of(job)):
            address = state.parameters_of(state.opening(case))
            st.page_link(
                "views/investigate.py", label="Open the case", icon=":material/search:", query_params=address
            )
        if job.state == "done" and job.kind == "paper":
            st.page_link("views/studies.py", label="See the papers' tables", icon=":material/table_chart:")
        if job.state == "running":
            steps = f"step {job.stages_done + 1} of {job.stages_total} · " if job.stages_total else ""
            st.progress(shell.share(job), text=steps + escaped(progress_text(job)))
            if job.cancel_requested:
                st.caption("stopping at the next safe point")
        if job.error:
            st.error(escaped(job.error))
        began, ended = job.started or job.created, job.ended or time.time()
        st.caption(
            f"started {time.strftime('%Y-%m-%d %H:%M', time.localtime(began))} · {shell.duration(ended - began)}"
            f" · attempt {job.attempt}"
        )
        if (tail := job.log_tail()) and not job.is_live:
            with st.expander("Log"):
                st.code(tail, language=None, wrap_lines=True)


@st.fragment(run_every=1.0 if shell.busy() else None)
@shell.explained_errors()
def all_jobs() -> None:
    """Every job, newest first."""
    found = jobs.table(results.store().root).list(50)
    if not found:
        st.info(
            "No job yet. Everything in the bundled case has been computed already.",
            icon=":material/schedule:",
        )
        st.page_link("views/set_up.py", label="Start a new investigation", icon=":material/add_circle:")
    for job in found:
        row(job)


all_jobs()
