"""The list of jobs, newest first; those that were asked for together stand together and are stopped together."""

from collections.abc import Sequence

import streamlit as st

from app import access, ownership, results
from app.panels.jobs import job_filter, job_row, job_words
from app.panels.jobs.job_filter import Wanted
from app.words import counted, escaped
from core import jobs
from core.jobs import Job
from core.jobs.turns import Turn


def listing() -> None:
    """Filters and list; says what to do where there is nothing."""
    root = results.store().root
    asked = job_filter.wanted()
    known = job_filter.found(asked)
    if not known:
        _nothing(asked)
        return
    job_filter.controls(asked, known)
    kept = [job for job in known if asked.keeps(job)]
    queue = jobs.turns(root) if jobs.attend(root) else ()
    _others(queue, known)
    if asked.job and all(job.id != asked.job for job in known):
        _unknown(asked)
    if not kept:
        st.info("No job here is like that. Choose “All” to see the others.", icon=":material/filter_alt_off:")
    shown = st.session_state.get("jobs-shown", job_filter.FIRST)
    _rows(kept[:shown] + [job for job in kept[shown:] if job.id == asked.job], queue, asked)
    if len(kept) > shown:
        label = f"Show more of {counted(len(kept), 'job')}"
        if st.button(label, icon=":material/expand_more:", key="jobs-more"):
            st.session_state["jobs-shown"] = shown + job_filter.MORE
            st.rerun()


def _rows(shown: Sequence[Job], queue: Sequence[Turn], asked: Wanted) -> None:
    seen: set[str] = set()
    for job in shown:
        if not job.batch:
            job_row.row(job, queue, opened=job.id == asked.job)
        elif job.batch not in seen:
            seen.add(job.batch)
            _group(job.batch, [one for one in shown if one.batch == job.batch], queue, asked)


def _group(name: str, shown: Sequence[Job], queue: Sequence[Turn], asked: Wanted) -> None:
    """Jobs that were asked for together: how far they are as a whole, and each of them below."""
    found = ownership.own_jobs(jobs.table(results.store().root).batch(name), results.store().root)
    live = [job for job in found if job.is_live]
    ended = len(found) - len(live)
    with st.container(border=True, key=f"batch-{found[0].id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f":material/stacks: **{escaped(name)}**", width="stretch")
            if live:
                _cancel_all(name, live)
        st.progress(ended / len(found), text=job_words.members(found))
        chosen = any(job.id == asked.job for job in found)
        with st.expander(
            counted(len(shown), "job"), expanded=chosen or len(shown) <= 3, key=f"in-batch-{found[0].id}"
        ):
            for job in shown:
                job_row.row(job, queue, opened=job.id == asked.job)


def _cancel_all(name: str, live: Sequence[Job]) -> None:
    lock = not all(access.may_end(job.owner) for job in live) or all(job.cancel_requested for job in live)
    with st.popover("Cancel all", icon=":material/stop:", disabled=lock):
        st.markdown(f"Stop {counted(len(live), 'job')} of this group? What they have finished is kept.")
        if st.button("Cancel the group", key=f"cancel-batch-{live[0].id}", type="primary"):
            who = access.require("cancel jobs", {job.owner for job in live})
            for job in live:
                ownership.leave(results.store().root, job)
            jobs.cancel_batch(results.store().root, name, by=who.name, admin=who.role == "admin")
            st.rerun()


def _others(queue: Sequence[Turn], known: Sequence[Job]) -> None:
    """That there are jobs of others before one's own, which one may not see."""
    hidden = len({turn.job.id for turn in queue} - {job.id for job in known})
    if hidden:
        st.caption(f":material/group: {counted(hidden, 'job')} of other people also wait; owners take turns.")


def _unknown(asked: Wanted) -> None:
    st.warning(
        f"There is no job {asked.job} here that you may see. The link may come from another machine.",
        icon=":material/link_off:",
    )


def _nothing(asked: Wanted) -> None:
    if asked.job:
        _unknown(asked)
    st.info(
        "No job yet. Everything in the bundled case has been computed already.", icon=":material/schedule:"
    )
    st.page_link("views/set_up.py", label="Start a new investigation", icon=":material/add_circle:")
