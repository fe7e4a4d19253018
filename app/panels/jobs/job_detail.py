"""Everything about one job: its steps, what it takes up, and its log as it is written."""

from collections.abc import Iterable
from typing import Literal

import streamlit as st

from app import shell
from app.panels.jobs import job_words
from app.words import counted, escaped, size
from core import jobs
from core.jobs import Job

TAIL_BYTES = 12_000
LOG_HEIGHT = 320
WIDE, NARROW = 90, 45
"""Characters in a line of the log on a wide page and on a phone; a line more is LINE_HEIGHT pixels."""
LINE_HEIGHT, MARGINS = 23, 66
NO_STEPS = {
    "queued": "It has not begun.",
    "running": "It is starting.",
    "done": "Everything had been computed already; no step had to run.",
}


def detail(job: Job) -> None:
    """Steps and facts side by side, the log below."""
    left, right = st.columns(2, gap="medium")
    with left:
        _steps(job)
    with right:
        _facts(job)
    _log(job)


def _steps(job: Job) -> None:
    done = job.finished
    st.markdown("**Steps**")
    if not done and not job.stage:
        st.caption(NO_STEPS.get(job.state, "It ended before its first step."))
        return
    lines = [f":material/check: {_named(name, count)} · {shell.duration(took)}" for name, count, took in done]
    if job.stage:
        icon = {"running": ":material/play_arrow:", "done": ":material/check:"}.get(
            job.state, ":material/close:"
        )
        now = " · now" if job.state == "running" else ""
        lines.append(f"{icon} {_named(job.stage, 1)}{now}")
    if job.stages_total and job.state == "running" and (left := job.stages_total - job.stages_done - 1) > 0:
        lines.append(f":material/more_horiz: {counted(left, 'step')} to come")
    _lines(lines)


def _lines(lines: Iterable[str]) -> None:
    """Short facts, one below the other, of the size of what stands beside them."""
    st.caption("  \n".join(lines))


def _named(name: str, count: int) -> str:
    return escaped(shell.stage_name(name)) + (f", {count} times" if count > 1 else "")


def _facts(job: Job) -> None:
    st.markdown("**About this job**")
    facts = {
        "Asked for by": job_words.owner(job),
        "Takes up": job_words.needs(job),
        "Runs on": job_words.place(job) if job.state == "running" else "",
        "Process": str(job.pid) if job.state == "running" and job.pid and job.executor == "local" else "",
        "Group": escaped(job.batch),
        "Says": escaped(job.message),
    }
    _lines(f"{name}: {value}" for name, value in facts.items() if value)


def _log(job: Job) -> None:
    log = jobs.Log(job.log)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Log**, the last lines")
        follow = job.state != "running" or st.toggle(
            "Follow",
            value=True,
            key=f"follow-{job.id}",
            help="Off: the lines stay, so that you can read them.",
        )
    held = f"job-log-{job.id}"
    if follow or held not in st.session_state:
        st.session_state[held] = log.tail(TAIL_BYTES)
    text = st.session_state[held]
    if not text.strip():
        st.caption("Nothing has been printed yet." if job.is_live else "Nothing was printed.")
        return
    with st.container(height=height(text), autoscroll=follow, key=f"log-{job.id}"):
        st.code(text, language=None, wrap_lines=True)
    st.download_button(
        f"Download the whole log ({size(log.size())})",
        log.whole,
        file_name=f"job-{job.id}.log.txt",
        mime="text/plain",
        key=f"download-log-{job.id}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def height(text: str) -> int | Literal["content"]:
    """Pixels of the box around a log: as high as its text, and no higher than LOG_HEIGHT on any screen."""
    if MARGINS + _rows(text, NARROW) * LINE_HEIGHT <= LOG_HEIGHT:
        return "content"
    return min(LOG_HEIGHT, MARGINS + _rows(text, WIDE) * LINE_HEIGHT)


def _rows(text: str, width: int) -> int:
    return sum(max(1, -(-len(line) // width)) for line in text.splitlines())
