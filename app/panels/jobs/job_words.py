"""How a job is put into words: its state, how far it is, how long it still takes, what it waits for."""

import time
from collections.abc import Sequence

from app import access, serving, shell
from app.words import counted, escaped
from core import jobs
from core.jobs import Job
from core.jobs.offer import PLACES
from core.jobs.turns import Turn

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


def progress(job: Job) -> str:
    """Step, phase, rate and time to go."""
    parts = [shell.doing(job)]
    if job.stages_total:
        parts.insert(0, f"step {min(job.stages_done + 1, job.stages_total)} of {job.stages_total}")
    if job.total:
        step = ", step" if job.phase[-1:].isdigit() else ""
        parts.append(f"{job.phase}{step} {job.done:,} of {job.total:,}")
    if job.rate:
        parts.append(f"{job.rate:,.1f} a second")
    if left := jobs.remaining(job):
        low, high = (shell.duration(seconds) for seconds in left)
        parts.append(f"this phase ends in {'about ' + low if low == high else f'{low} to {high}'}")
    return " · ".join(parts)


def waiting(job: Job, queue: Sequence[Turn]) -> str:
    """The place of a waiting job in the queue, and why it does not run yet."""
    for place, turn in enumerate(queue, 1):
        if turn.job.id == job.id:
            why = turn.why or "a free place has been found: it starts in a moment"
            return f"place {place} of {len(queue)} in the queue · {why}"
    return "starts in a moment"


def times(job: Job) -> str:
    """When it was asked for, how long it took or has been at work, and which attempt this is."""
    asked = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.created))
    parts = [f"asked for {asked}"]
    if (seconds := job.elapsed) is not None and job.state != "queued":
        verb = "at work for" if job.state == "running" else "took"
        parts.append(f"{verb} {shell.duration(seconds)}")
    if job.attempt > 1:
        parts.append(f"attempt {job.attempt}")
    return " · ".join(parts)


def needs(job: Job) -> str:
    """What it takes up while it runs, and which graphics card it was given."""
    return job.needs.words + (f" (card {escaped(job.devices)})" if job.devices else "")


def is_foreign(job: Job) -> bool:
    """Whether somebody else asked for it; on one's own machine nobody is somebody else."""
    who = access.visitor()
    return (who.signed_in or serving.is_open()) and job.owner != who.name


def owner(job: Job) -> str:
    """Who asked for it."""
    if not job.owner:
        return "the command line"
    if not is_foreign(job):
        return "you"
    return escaped(job.owner) if access.visitor().signed_in else "another browser"


def place(job: Job) -> str:
    """Where it runs."""
    return PLACES.get(job.executor, job.executor)


def members(found: Sequence[Job]) -> str:
    """How far the jobs of a group are, counted by state."""
    states = {state: sum(job.state == state for job in found) for state in ICONS}
    told = [f"{count} {state}" for state, count in states.items() if count]
    return f"{counted(len(found), 'job')}: {', '.join(told)}"
