"""Unlearning at work for a case: what waits, what runs and how far, what failed; results arrive as they are made."""

import json
from typing import Any

import streamlit as st

from app import access, ownership, results, shell
from app.panels.unlearning.outcome_names import ROLES
from app.panels.unlearning.outcomes import Shown
from app.shell import escaped
from app.words import counted, reason, short
from core import jobs
from core.cases import Case
from core.unlearned import outcome_jobs, outcomes
from core.unlearned.outcomes import Asked

KIND = "unlearn"
LISTED, SHOWN = 60, 8
ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/play_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "lost": ":material/help:",
}


def begin(case: Case, wanted: list[Asked], count: int) -> None:
    """Queue one job for each, with so many seeds; what is asked for already is asked for once."""
    root, owner = results.store().root, access.require("start jobs").name
    for asked in wanted:
        told = outcome_jobs.spec(case.plan, asked, count, store=str(root), device="auto")
        what = ROLES.get(asked.role, short(asked.rule))
        title = f"{case.run.title} · {short(asked.unlearner)} · {what}"
        ownership.asked(root, jobs.submit(root, KIND, json.dumps(told), title[:120], owner))


def unmeasured(case: Case, what: Shown) -> None:
    """Offer to measure what results of the set in use lack, because they were made before it was measured."""
    lacking = [r for r in what.results if r.about(what.digest) and any(not o.forgotten for o in r.outcomes)]
    if not lacking:
        return
    st.caption(f"The deletion change of {counted(len(lacking), 'result')} of this set was not measured.")
    if st.button("Measure it", icon=":material/straighten:", type="tertiary", **access.only("start jobs")):
        for result in lacking:
            begin(case, [result.first.asked], len(result.seeds))
        st.rerun()


def mine(case: Case, *, truth: bool) -> list[tuple[jobs.Job, dict[str, Any]]]:
    """The latest jobs of this investigation with what they were asked, newest first, each work once."""
    found: dict[str, tuple[jobs.Job, dict[str, Any]]] = {}
    table = jobs.table(results.store().root)
    known = {
        job.id: job for job in (*table.list(LISTED), *table.active())
    }  # live ones, however many came after
    for _, job in sorted(known.items(), reverse=True):
        told = json.loads(job.spec) if job.kind == KIND else {}
        ours = told.get("scores") == outcome_jobs.name_of(case.plan)
        if case.sealed and ours:  # jobs of the case behind it would tell its title
            ours = told["experiment"]["title"] == case.run.title
        if ours and job.digest not in found and (truth or told["asked"]["role"] != "oracle"):
            found[job.digest] = job, told
    return list(found.values())


def queue(case: Case, *, truth: bool) -> None:
    """The jobs that are not done; polled only while one is live. Without the truth none about the true poisons."""
    found = mine(case, truth=truth)
    live = any(job.is_live for job, _ in found)
    if any(job.state != "done" for job, _ in found):
        st.fragment(_queue, run_every=1.5 if live else None)(case, truth)


def _queue(case: Case, truth: bool) -> None:
    found = mine(case, truth=truth)
    reached = sorted((job.id, job.state, _seeds_done(case, told)) for job, told in found)
    key = f"unlearn-reached-{case.id}"
    if st.session_state.setdefault(key, reached) != reached:
        st.session_state[key] = reached
        st.rerun()  # of the whole page: there is a new result to show
    waiting = [(job, told) for job, told in found if job.state != "done"][:SHOWN]
    if waiting:
        st.markdown("**At work**" if any(job.is_live for job, _ in waiting) else "**Not finished**")
    for job, told in reversed(waiting):
        _row(case, job, told)


def _seeds_done(case: Case, told: dict[str, Any]) -> int:
    """For how many of its seeds a job has its results."""
    try:
        asked = [Asked.read(told["asked"], seed) for seed in told["seeds"]]
    except (ValueError, KeyError):  # asked for by another version
        return 0
    p = outcomes.own_plan(case.plan, results.store())
    return sum(outcomes.steps(p, item).exists for item in asked)


def _row(case: Case, job: jobs.Job, told: dict[str, Any]) -> None:
    with st.container(
        border=True,
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"unlearn-job-{job.id}",
    ):
        done, total = _seeds_done(case, told), len(told["seeds"])
        of_seeds = f" · {done} of {counted(total, 'seed')} done" if total > 1 else ""
        name = escaped(job.title.removeprefix(f"{case.run.title} · "))
        state = "stopping" if job.is_live and job.cancel_requested else job.state
        text = f"{ICONS.get(job.state, '')} **{name}** · {state}{of_seeds}"
        if job.state == "running":
            text += f" · {escaped(shell.doing(job))}"
            st.progress(shell.share(job), text=text)
        else:
            st.markdown(text)
        _action(job)
    if job.error:
        st.caption(escaped(reason(job.error)))


def _action(job: jobs.Job) -> None:
    if job.is_live:
        st.button(
            "Cancel",
            key=f"cancel-unlearn-{job.id}",
            icon=":material/stop:",
            disabled=job.cancel_requested or not access.may_end(job.owner),
            on_click=access.checked("cancel jobs", _cancel, (job.owner,)),
            args=(job.id,),
        )
    else:
        st.button(
            "Try again",
            key=f"again-unlearn-{job.id}",
            icon=":material/replay:",
            on_click=access.checked("start jobs", _again, (job.owner,)),
            disabled=not access.may_end(job.owner),
            args=(job.id,),
        )


def _cancel(job_id: int) -> None:
    """Of whose job it is the table is asked again: the button may be of another moment."""
    root = results.store().root
    ownership.stop(root, jobs.table(root).get(job_id))


def _again(job_id: int) -> None:
    who = access.visitor()
    jobs.again(results.store().root, job_id, by=who.name, admin=who.role == "admin")
