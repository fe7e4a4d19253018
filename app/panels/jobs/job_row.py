"""One job on the list: what it is, how far it is, and the buttons that stop it, start it again or open it."""

from collections.abc import Sequence

import streamlit as st

from app import access, ownership, results, shell, state, unfinished
from app.panels.jobs import job_detail, job_filter, job_words
from app.words import escaped, reason, sentence
from core import jobs
from core.jobs import Job
from core.jobs.turns import Turn

AGAIN = "Continues after the last finished step: finished steps are kept and not computed again."


def row(job: Job, queue: Sequence[Turn], *, opened: bool) -> None:
    """One job with its buttons, and everything about it where it is opened."""
    with st.container(border=True, key=f"job-{job.id}"):
        _head(job)
        if job.state == "running":
            st.progress(shell.share(job), text=escaped(job_words.progress(job)))
            if job.cancel_requested:
                st.caption(
                    ":material/hourglass: stopping at the next safe point; by force if that takes too long"
                )
        elif job.state == "queued":
            st.caption(f":material/schedule: {escaped(job_words.waiting(job, queue))}")
        _end(job)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            by = "" if (asker := job_words.owner(job)) == "you" else f" · {asker}"
            st.caption(f"job {job.id} · {job_words.times(job)}{by}")
            _open_button(job, opened)
        if opened:
            job_detail.detail(job)


def _head(job: Job) -> None:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"job-head-{job.id}",
    ):
        st.markdown(f"**{escaped(job.title)}**", width="stretch")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.badge(job.state, icon=job_words.ICONS[job.state], color=job_words.COLOURS[job.state])
            if job.is_live:
                _cancel(job)
            elif job.state != "done":
                _again(job)


def _cancel(job: Job) -> None:
    """One click for one's own job; somebody else's asks first, for there is no undo."""
    lock = job.cancel_requested or not access.may_end(job.owner)
    if not job_words.is_foreign(job):
        if st.button("Cancel", key=f"cancel-{job.id}", icon=":material/stop:", disabled=lock):
            _stop(job)
        return
    with st.popover("Cancel", icon=":material/stop:", disabled=lock):
        st.markdown(
            f"This is a job of **{job_words.owner(job)}**. What it has finished is kept; the rest stops."
        )
        if st.button(f"Cancel job {job.id}", key=f"cancel-{job.id}", type="primary"):
            _stop(job)


def _stop(job: Job) -> None:
    ownership.stop(results.store().root, job)
    st.rerun()


def _again(job: Job) -> None:
    lock = not access.may_end(job.owner)
    if st.button("Try again", key=f"again-{job.id}", icon=":material/replay:", help=AGAIN, disabled=lock):
        who = access.require("start jobs", (job.owner,))
        jobs.again(results.store().root, job.id, by=who.name, admin=who.role == "admin")
        st.rerun()


def _end(job: Job) -> None:
    """What came of it, and what went wrong."""
    if job.error and (job.state != "queued"):
        st.error(sentence(reason(job.error)), icon=":material/error:")
        if job.state != "done":
            unfinished.way_out(job)
    elif job.error:
        st.caption(f":material/restart_alt: {escaped(reason(job.error))}; it is tried again")
    if job.state != "done":
        return
    if case := shell.case_of(job):
        address = state.parameters_of(state.opening(case))
        st.page_link(
            "views/investigate.py", label="Open the case", icon=":material/search:", query_params=address
        )
    if job.kind == "paper":
        st.page_link("views/studies.py", label="See the papers' tables", icon=":material/table_chart:")


def _open_button(job: Job, opened: bool) -> None:
    label, icon = ("Less", ":material/expand_less:") if opened else ("Details", ":material/expand_more:")
    st.button(
        label,
        key=f"open-job-{job.id}",
        icon=icon,
        type="tertiary",
        on_click=job_filter.write,
        args=("job", "" if opened else str(job.id)),
    )
