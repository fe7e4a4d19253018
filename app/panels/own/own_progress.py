"""What becomes of one's own model: the check before, the work, and the case that opens when it is done."""

from typing import Any

import streamlit as st

from app import access, ownership, results, shell, state
from app.panels.forecast import asked
from app.shell import escaped
from app.words import counted
from core import jobs
from core.experiment import Experiment
from core.jobs import Job

JOB = "own-job"


def begin(experiment: Experiment) -> None:
    """Start the work; the page then waits for it."""
    st.session_state[JOB] = shell.start(experiment).id


def arriving() -> None:
    """The work that was started here, until it is done: then its case opens."""
    if JOB not in st.session_state:
        return
    found = jobs.table(results.store().root).numbered(st.session_state[JOB])
    if not found:  # the table was deleted, or repaired without it
        del st.session_state[JOB]
        st.warning(
            "The work that was started here is on the list of jobs no more: start it again, it continues."
        )
        return
    [job] = found
    if job.is_live:
        st.fragment(_waiting, run_every=1.0)(job.id)
        return
    del st.session_state[JOB]
    case = shell.case_of(job) if job.state == "done" else None
    if case is None:
        st.error(escaped(job.error or f"The work was {job.state}."), icon=":material/error:")
        return
    results.forget(case.id)
    view = state.update(**vars(state.opening(case)))
    st.switch_page("views/investigate.py", query_params=state.parameters_of(view))


def _waiting(job_id: int) -> None:
    found = jobs.table(results.store().root).numbered(job_id)
    if not found or not found[0].is_live:
        st.rerun()
    job: Job = found[0]
    with st.container(border=True):
        st.progress(shell.share(job), text=f"**{escaped(job.title)}** · {escaped(shell.doing(job))}")
        st.caption("It goes on when you leave this page. When it is done, the investigation opens here.")
        lock = job.cancel_requested or not access.may_end(job.owner)
        if st.button("Cancel", icon=":material/stop:", key="own-cancel", disabled=lock):
            ownership.stop(results.store().root, job)


def check(experiment: Experiment) -> None:
    """Classes, how well weights and images fit, and what the image is read as; or what went wrong."""
    with st.spinner("reading images and weights; many of them take minutes"):
        told = asked(experiment.to_toml(), "check")
    if isinstance(told, str):
        st.error(escaped(told), icon=":material/error:")
        return
    _verdict(told)
    left, right = st.columns(2, gap="medium")
    with left:
        _figures(told)
    with right:
        st.dataframe(
            [{name.replace("_", " "): value for name, value in row.items()} for row in told["classes"]],
            hide_index=True,
            height=min(38 * (len(told["classes"]) + 1), 320),
            alt="classes in their order, with training and test images",
            key="own-classes",
        )


def _verdict(told: dict[str, Any]) -> None:
    if told["doubt"]:
        st.error(f"**{escaped(told['doubt'])}** Go back before you start.", icon=":material/warning:")
    elif told["train_accuracy"] is not None:
        st.success("The weights fit the architecture, and they know these images.", icon=":material/check:")
    for remark in told["remarks"]:
        if remark != told["doubt"]:
            st.warning(escaped(remark), icon=":material/info:")


def _figures(told: dict[str, Any]) -> None:
    picked, n = told["picked_image"], len(told["classes"])
    with st.container(horizontal=True, gap="medium"):
        if told["train_accuracy"] is not None:
            st.metric("Training images read as labelled", f"{told['train_accuracy']:.1%}", width="content")
        st.metric("Test accuracy", f"{told['test_accuracy']:.1%}", width="content")
    shows = f", labelled {escaped(picked['labelled'])}" if picked["labelled"] else ""
    st.markdown(f"Your image is read as **{escaped(picked['read_as'])}**, {picked['sure']:.1%} sure{shows}.")
    mean, std = (", ".join(f"{x:.3f}" for x in told[name]) for name in ("mean", "std"))
    st.caption(f"{counted(n, 'class', 'classes')} · standardised by mean {mean} and deviation {std}")
