"""Which cases, challenges and jobs are there for whom. Without a login all of them are there for everybody."""

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from app import access
from app.access import Visitor
from app.words import escaped
from core import cases, jobs, owners
from core.blind import challenges
from core.blind.challenges import Challenge
from core.cases import Case
from core.jobs import Job
from core.store import Store


def sees(who: Visitor, case: Case, root: Path) -> bool:
    """Whether a case is there for somebody: theirs, shared, bundled, or a challenge, which its link opens."""
    if not who.signed_in or case.id.startswith(challenges.PREFIX) or case.run.shipped:
        return True
    return any(_sees(who, run.id, root) for run in case.variants or (case.run,))


def _sees(who: Visitor, name: str, root: Path) -> bool:
    known = owners.of(root, name.partition("~")[0].partition("/")[0])
    return who.sees(known.owners, known.shared)


def all_cases(store: Store) -> list[Case]:
    """Every case that is there for whoever looks: shipped ones first, then the others, newest first."""
    who = access.visitor()
    return [case for case in cases.all_cases(store) if sees(who, case, store.root)]


def listed_challenges(found: Iterable[Challenge], root: Path) -> list[Challenge]:
    """The challenges in the lists of whoever looks: their own; others open by their link."""
    who = access.visitor()
    return [one for one in found if not who.signed_in or _sees(who, one.id, root)]


def is_own(name: str, root: Path) -> bool:
    """Whether a challenge is theirs who look, or they are an admin."""
    who = access.visitor()
    return who.sees(owners.of(root, name).owners)


def require_own(challenge: Challenge | str, root: Path, action: str) -> None:
    """Raise NotAllowed unless they may do this and the challenge is their own."""
    name = challenge if isinstance(challenge, str) else challenge.id
    access.require(action, owners.of(root, name).owners)


def may_change(case: Case, root: Path) -> bool:
    """Whether they may share or remove a case."""
    who = access.visitor()
    return who.may("remove cases") and who.sees(owners_of(case, root))


def own_jobs(found: Iterable[Job], root: Path) -> list[Job]:
    """The jobs whose titles and logs whoever looks may read: those they asked for, and for admins all."""
    who = access.visitor()
    return [j for j in found if who.sees((j.owner,)) or who.sees(owners.of(root, _name(j)).owners)]


def asked(root: Path, job: Job) -> Job:
    """Note that whoever looks asked for a job, too, that somebody else had asked for before."""
    who = access.visitor()
    if who.signed_in and job.owner != who.name:
        owners.claim(root, _name(job), who.name)
    return job


def stop(root: Path, job: Job) -> None:
    """Cancel a job for whoever looks; where others have asked for the same work it is left to them, and goes on."""
    who = access.require("cancel jobs", (job.owner,))
    if not leave(root, job):
        jobs.cancel(root, job.id, by=who.name, admin=who.role == "admin")


def leave(root: Path, job: Job) -> bool:
    """Leave one's own job to those who have asked for it, too, and say so; whether there are any."""
    who = access.require("cancel jobs", (job.owner,))
    others = [name for name in owners.of(root, _name(job)).owners if name != job.owner]
    if not others or who.name != job.owner:
        return False
    left = jobs.hand_over(root, job.id, others[0], by=who.name, admin=False)
    for name in others[1:]:
        owners.claim(root, _name(left), name)
    if left.owner != who.name:
        st.toast(f"“{escaped(job.title)}” goes on for somebody else who asked for the same.")
    return left.owner != who.name


def _name(job: Job) -> str:
    return f"job-{job.id}-{job.seal}"


def claim(root: Path, name: str) -> None:
    """Note that a case or challenge is theirs who look, where people sign in."""
    who = access.visitor()
    if who.signed_in:
        owners.claim(root, name, who.name, shared=bool(access.lists().get("share_new_cases", False)))


def owners_of(case: Case, root: Path) -> list[str]:
    """Everybody who began a case."""
    return sorted({name for run in case.variants or (case.run,) for name in owners.of(root, run.id).owners})


def is_shared(case: Case, root: Path) -> bool:
    """Whether everybody who may sign in sees a case."""
    return case.run.shipped or any(owners.of(root, run.id).shared for run in case.variants or (case.run,))


def share(case: Case, root: Path, shared: bool) -> None:
    """Show a case to everybody, or to its owners alone; only they and admins may."""
    access.require("share cases", owners_of(case, root))
    for run in case.variants or (case.run,):
        owners.share(root, run.id, shared)
