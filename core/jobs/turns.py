"""Whose turn it is: the order in which waiting jobs start, and what each of them waits for.

The rule: owners take turns. Of the first waiting job of every owner, next is the one whose owner has the fewest jobs
at work, then whose owner was served longest ago, then the oldest. A job that does not fit now keeps what it needs
reserved, so that smaller ones start beside it only on what is left. The first job of an owner that ten younger ones
were started before goes first of all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.jobs.record import Job
from core.jobs.resources import Resources

PATIENCE = 10
PLENTY = 10**9


@dataclass(frozen=True)
class Place:
    """Somewhere jobs can run: its executor, all it offers, and the graphics cards to hand out one by one."""

    executor: str
    total: Resources
    devices: tuple[str, ...] = ()


ANYWHERE = (Place("", Resources(PLENTY, PLENTY)),)


@dataclass(frozen=True)
class Turn:
    """One waiting job: where it can start now, or why it cannot. Never is for what no place could ever hold."""

    job: Job
    place: Place | None = None
    devices: str = ""
    why: str = ""
    never: bool = False


@dataclass
class _Room:
    """What is free, while the queue is gone through."""

    places: Sequence[Place]
    limit: int
    served: Mapping[str, int]
    free: dict[str, Resources] = field(default_factory=dict)
    cards: dict[str, list[str]] = field(default_factory=dict)
    at_work: Counter[str] = field(default_factory=Counter)
    ahead: Counter[str] = field(default_factory=Counter)
    digests: set[str] = field(default_factory=set)
    reserved_by: Job | None = None


def queue(
    live: Iterable[Job], places: Sequence[Place], *, served: Mapping[str, int], limit: int = 0
) -> Iterator[Turn]:
    """Every waiting one of the live jobs in the order of its turn.

    `served` is the latest turn of each owner; `limit` bounds the jobs at work of one owner, 0 does not.
    """
    jobs = sorted(live, key=lambda job: -job.id)
    room = _room([job for job in jobs if job.state == "running"], places, served, limit)
    lines: dict[str, list[Job]] = {}
    for job in jobs:
        if job.state == "queued":
            lines.setdefault(job.owner, []).append(job)
    while lines:
        owner = min(lines, key=lambda owner: _rank(lines[owner][-1], room))
        yield _turn(lines[owner].pop(), room)
        if not lines[owner]:
            del lines[owner]


def passed_by(started: Job, live: Iterable[Job]) -> list[int]:
    """The numbers of those jobs, first of their owners, that wait longer than one that is started now."""
    first: dict[str, int] = {}
    for job in live:
        if job.state == "queued":
            first[job.owner] = min(job.id, first.get(job.owner, job.id))
    return [number for number in first.values() if number < started.id]


def never_fits(needs: Resources, totals: Iterable[Resources]) -> str:
    """Why no place could ever hold this much, and what to do; empty where one can."""
    offers = tuple(totals)
    if any(needs.fits(total) for total in offers):
        return ""
    most = "; or ".join(total.words for total in offers) or "nothing at all"
    return (
        f"the job needs {needs.words}, and there is {most}: ask for less, or start `python -m core jobs supervise` "
        "where there is more"
    )


def _room(running: Sequence[Job], places: Sequence[Place], served: Mapping[str, int], limit: int) -> _Room:
    room = _Room(places, limit, served)
    for place in places:
        here = [job for job in running if job.executor == place.executor]
        free, taken = place.total, {name for job in here for name in job.devices.split(",")}
        for job in here:
            free = free.without(job.needs)
        room.free[place.executor] = free
        room.cards[place.executor] = [name for name in place.devices if name not in taken]
    for job in running:
        room.at_work[job.owner] += 1
        room.ahead[job.owner] += 1
        room.digests.add(job.digest)
    return room


def _rank(job: Job, room: _Room) -> tuple[bool, int, int, int]:
    return job.passed < PATIENCE, room.ahead[job.owner], room.served.get(job.owner, 0), job.id


def _turn(job: Job, room: _Room) -> Turn:
    room.ahead[job.owner] += 1
    if why := never_fits(job.needs, [place.total for place in room.places]):
        return Turn(job, why=why, never=True)
    if job.digest in room.digests:
        return Turn(job, why="the same work is still running and is being stopped")
    if room.limit and room.at_work[job.owner] >= room.limit:
        return Turn(job, why=f"{room.at_work[job.owner]} of {room.limit} running jobs of its owner")
    able = [place for place in room.places if job.needs.fits(place.total)]
    for place in able:
        if job.needs.fits(room.free[place.executor]) and _has_cards(job, place, room.cards):
            return _started(job, place, room)
    return _reserved(job, able[0], room)


def _has_cards(job: Job, place: Place, cards: Mapping[str, Sequence[str]]) -> bool:
    return not place.devices or job.gpu <= len(cards[place.executor])


def _started(job: Job, place: Place, room: _Room) -> Turn:
    name = place.executor
    given, room.cards[name] = room.cards[name][: job.gpu], room.cards[name][job.gpu :]
    room.free[name] = room.free[name].without(job.needs)
    room.at_work[job.owner] += 1
    room.digests.add(job.digest)
    return Turn(job, place, ",".join(given))


def _reserved(job: Job, place: Place, room: _Room) -> Turn:
    """Set aside what the job needs, so that nothing behind it can take it first."""
    free = room.free[place.executor]
    why = _lack(job, free) if room.reserved_by is None else f"job {room.reserved_by.id} goes first"
    room.reserved_by = room.reserved_by or job
    room.free[place.executor] = free.without(job.needs)
    return Turn(job, why=why)


def _lack(job: Job, free: Resources) -> str:
    if job.gpu > free.gpu:
        return "waits for a free GPU" if job.gpu == 1 else f"waits for {job.gpu} free GPUs"
    if job.cpu > free.cpu:
        return f"waits for {job.cpu} free processor thread" + "s" * (job.cpu != 1)
    return f"waits for {job.memory:,} MB of free memory"
