"""What people ask of the jobs of a store: start, cancel, try again, see to it that someone works, repair."""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from core import paths
from core.jobs.kinds import check_kind
from core.jobs.launch import ensure_supervisor, table_file
from core.jobs.offer import current
from core.jobs.record import Job, NotYours, Refused, Request
from core.jobs.repair import NOTICE, Repair
from core.jobs.repair import repair as repair_file
from core.jobs.resources import Resources, expected, setting
from core.jobs.table import JobTable
from core.jobs.turns import Turn, never_fits, queue

LIVE_PER_OWNER = 200


def table(store_root: Path | str) -> JobTable:
    """The job table of a store, created when there is none."""
    return JobTable(table_file(store_root))


def submit(store_root: Path | str, kind: str, spec: str, title: str, owner: str = "") -> Job:
    """Ask for work; returns the live job of the same kind and spec when there is one.

    `spec` is a JSON object. Its `options` say what the job needs: `threads` bounds the threads of numeric libraries,
    `device` may be cpu.
    """
    spec = _placed(spec)
    offers = current(store_root, table(store_root)).totals
    asked = Request(kind=kind, spec=spec, title=title, owner=owner, needs=needed(spec, offers))
    return ask(store_root, asked)


def ask(store_root: Path | str, asked: Request) -> Job:
    """As `submit`, with what the job needs and the batch it belongs to; Refused when it can never or not now be had."""
    check_kind(asked.kind)
    jobs = table(store_root)
    offer = current(store_root, jobs)
    if not offer.missing and (why := never_fits(asked.needs, offer.totals)):
        raise Refused(why)
    job = jobs.add(asked, limit=setting("LIVE_PER_OWNER", LIVE_PER_OWNER))
    ensure_supervisor(store_root)
    return job


def _placed(spec: str) -> str:
    """The spec with where images are for whoever asks: a supervisor may have been started with another folder."""
    try:
        told = json.loads(spec)
        told["options"] = {**told.get("options", {}), "data": str(paths.data_root())}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return spec  # the table says what is wrong with it
    return json.dumps(told)


def needed(spec: str, offers: Collection[Resources] = ()) -> Resources:
    """What a job needs, by the options of its spec, and within the `offers` where these leave it open."""
    try:
        options = json.loads(spec).get("options", {})
        return expected(options if isinstance(options, dict) else {}, offers)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return expected({}, offers)  # the table says what is wrong with it


def cancel(store_root: Path | str, job_id: int, *, by: str = "", admin: bool = True) -> Job:
    """Ask a job to stop, and see to it that someone enforces this; NotYours for somebody else's."""
    jobs = table(store_root)
    _check(jobs.get(job_id), by, admin, "cancel")
    job = jobs.request_cancel(job_id)
    if job.is_live:
        ensure_supervisor(store_root)
    return job


def cancel_batch(store_root: Path | str, batch: str, *, by: str = "", admin: bool = True) -> tuple[Job, ...]:
    """Ask all live jobs of a batch to stop, the waiting ones first, so that none starts meanwhile."""
    live = [job for job in table(store_root).batch(batch) if job.is_live]
    ordered = sorted(live, key=lambda job: job.state == "running")
    return tuple(cancel(store_root, job.id, by=by, admin=admin) for job in ordered)


def hand_over(store_root: Path | str, job_id: int, to: str, *, by: str = "", admin: bool = True) -> Job:
    """Leave a live job to somebody else who wants the same; NotYours for somebody else's."""
    jobs = table(store_root)
    _check(jobs.get(job_id), by, admin, "leave")
    return jobs.hand_over(job_id, to)


def again(store_root: Path | str, job_id: int, *, by: str = "", admin: bool = True) -> Job:
    """Ask for an ended job's work once more, for its owner: it continues after the last finished step."""
    old = table(store_root).get(job_id)
    _check(old, by, admin, "try again")
    if old.is_live:
        return old
    offers = current(store_root, table(store_root)).totals
    left_open = old.needs == Resources() or (offers and never_fits(old.needs, offers))
    needs = needed(old.spec, offers) if left_open else old.needs
    values = {name: getattr(old, name) for name in ("kind", "title", "owner", "batch")}
    values["spec"] = _placed(old.spec) if "data" in json.loads(old.spec).get("options", {}) else old.spec
    return ask(store_root, Request(**values, needs=needs))


def attend(store_root: Path | str) -> bool:
    """See to it that live jobs are supervised, also after everything was killed; returns whether there are any."""
    live = bool(table(store_root).active())
    if live:
        ensure_supervisor(store_root)
    return live


def turns(store_root: Path | str) -> tuple[Turn, ...]:
    """The waiting jobs in the order in which they will start, each with what it waits for."""
    jobs = table(store_root)
    offer = current(store_root, jobs)
    order = queue(jobs.active(), offer.places, served=jobs.served(), limit=offer.running_per_owner)
    if not offer.missing:
        return tuple(order)
    why = f"waits for {offer.missing_places}, which cannot be used now"
    return tuple(replace(turn, why=why, never=False) if turn.never else turn for turn in order)


def missing(store_root: Path | str) -> dict[str, str]:
    """Places for jobs that the supervisor at work cannot use just now, by name, with why and what to do."""
    return dict(current(store_root, table(store_root)).missing)


def repair(store_root: Path | str) -> Repair | None:
    """Put a damaged job table aside and save what can be read; None when the table is sound or not there."""
    path = table_file(store_root)
    done = repair_file(path) if path.exists() else None
    attend(store_root)
    return done


def notice(store_root: Path | str) -> str:
    """What the user should know about the table: that it was damaged once, and where the file is; or nothing."""
    return table(store_root).told(NOTICE)


def dismiss_notice(store_root: Path | str) -> None:
    """The user has read it."""
    table(store_root).tell(NOTICE, "")


def _check(job: Job, by: str, admin: bool, what: str) -> None:
    if not job.may_be_changed(by, admin):
        raise NotYours(f"job {job.id} is somebody else's: only its owner or an admin may {what} it")
