"""A case that lacks results: what is at work on it, or what went wrong with it and what can be done."""

import json
from collections.abc import Callable

import streamlit as st

from app import access, results
from app.words import counted, escaped, reason
from core import beforehand, jobs
from core.cases import Case
from core.experiment import Experiment
from core.jobs import Job


def explained(case: Case, lacking: int, start: Callable[[Experiment], Job]) -> None:
    """Why the case cannot be looked at yet, and the ways on."""
    st.title(escaped(case.run.title))
    last = None if case.sealed else last_job(case)
    told = f"This investigation is not finished: {counted(lacking, 'step')} still to be computed."
    st.info(told, icon=":material/hourglass:")
    if last and last.is_live:
        st.caption("It is being computed; the page of jobs shows how far it is.")
    elif last and last.error:
        st.error(f"It stopped. {escaped(reason(last.error))}", icon=":material/error:")
    if changed := beforehand.changed_images(case.plan):
        st.warning(escaped(changed), icon=":material/published_with_changes:")
    with st.container(horizontal=True):
        if not case.sealed and not (last and last.is_live):
            if st.button("Go on computing", icon=":material/play_arrow:"):
                start(case.run.experiment)
                st.switch_page("views/jobs.py")
            if last:
                way_out(last)
    st.page_link("views/jobs.py", label="See the jobs", icon=":material/schedule:")
    st.page_link("views/set_up.py", label="Begin another with other settings", icon=":material/add_circle:")
    st.stop()


def last_job(case: Case) -> Job | None:
    """The newest job that was to compute a case, or a variant of it."""
    wanted = {beforehand.unpinned(run.experiment) for run in case.variants or (case.run,)}
    found = jobs.table(results.store().root).list(100)
    return next((job for job in found if job.kind == "run" and _asks_for(job) in wanted), None)


def _asks_for(job: Job) -> str:
    try:
        return beforehand.unpinned(Experiment.checked(json.loads(job.spec)["experiment"]))
    except (ValueError, KeyError, TypeError):
        return ""


def way_out(job: Job) -> None:
    """A button that starts a failed job another way, where its error names one."""
    found = beforehand.way_out(job.error or "")
    if found is None or job.is_live:
        return
    words, change = found
    if st.button(words, key=f"way-out-{job.id}", icon=":material/alt_route:"):
        access.require("start jobs", (job.owner,))
        spec = json.loads(job.spec)
        spec["options"] = spec.get("options", {}) | change
        jobs.submit(results.store().root, job.kind, json.dumps(spec), job.title, job.owner)
        st.switch_page("views/jobs.py")
