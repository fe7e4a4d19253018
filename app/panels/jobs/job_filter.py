"""Which jobs the page lists, and which one is opened: all of it in the address."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app import address_bar, moved, ownership, results
from app.panels.jobs import job_words
from core import jobs
from core.jobs import Job

STATES = {"all": "All", "live": "At work", "ended": "Ended"}
WHOSE = {"mine": "Mine", "everybody": "Everybody's"}
FIRST, MORE, MOST = 25, 50, 1000


@dataclass(frozen=True)
class Wanted:
    """What the address asks for. `job` is the number of the opened one, or 0."""

    job: int = 0
    state: str = "all"
    whose: str = "everybody"

    def keeps(self, job: Job) -> bool:
        """Whether a job is on the list; the opened one always is."""
        if job.id == self.job:
            return True
        mine = self.whose == "everybody" or not job_words.is_foreign(job)
        return mine and (self.state == "all" or (self.state == "live") == job.is_live)


def wanted() -> Wanted:
    """What the address says; whatever makes no sense there counts as not said."""
    told = address_bar.shown()
    number = told.get("job", "")
    return Wanted(
        job=int(number) if number.isdecimal() and len(number) < 10 else 0,
        state=told.get("state", "") if told.get("state", "") in STATES else "all",
        whose=told.get("whose", "") if told.get("whose", "") in WHOSE else "everybody",
    )


def write(name: str, value: str) -> None:
    """Change the address; what is there by default is left out."""
    if value in ("", "all", "everybody"):
        address_bar.change(name, None)
    else:
        address_bar.change(name, value)


def found(asked: Wanted) -> list[Job]:
    """The jobs that whoever looks may see, newest first, with the opened one however old it is."""
    table = jobs.table(results.store().root)
    listed = list(table.list(MOST))
    if asked.job and all(job.id != asked.job for job in listed):
        listed += [job for job in table.numbered(asked.job) if job.id == asked.job]
    return ownership.own_jobs(listed, results.store().root)


def controls(asked: Wanted, known: Sequence[Job]) -> None:
    """The filters; whose jobs is only asked where there are jobs of other people."""
    several = any(job_words.is_foreign(job) for job in known)
    with st.container(horizontal=True, gap="medium", key="job-filters"):
        _choice("Which jobs", "state", STATES, asked.state)
        if several:
            _choice("Whose jobs", "whose", WHOSE, asked.whose)


def _choice(label: str, name: str, options: dict[str, str], value: str) -> None:
    moved.placed(
        st.segmented_control,
        label,
        list(options),
        key=f"jobs-{name}",
        value=value,
        on_move=lambda chosen: write(name, chosen or value),
        format_func=options.__getitem__,
        label_visibility="collapsed",
    )
