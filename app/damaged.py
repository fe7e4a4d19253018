"""A stored result that was altered: which file it is, and a button that sets it aside and computes it again."""

from collections.abc import Callable, Iterator

import streamlit as st

from app import access, ownership, results, state
from core import runs
from core.blind import challenges
from core.cases import Case
from core.experiment import Experiment
from core.pipeline import plan
from core.store import ArtifactDamaged


def is_blind() -> bool:
    """Whether the case of the address is a sealed challenge."""
    found = challenges.find(results.store().root, state.current().case)
    return found is not None and found.sealed


def offer(error: ArtifactDamaged, start: Callable[[Experiment], object], *, blind: bool) -> None:
    """Say how the result comes back; below the message that names the file. `start` queues the work."""
    case = None if blind else _opened()
    if blind:
        st.caption("This is a challenge: whoever made it can open its case and compute the result again.")
    elif (experiment := _behind(error, case)) is None:
        st.caption("Restore the file, or delete its folder and compute it again.")
    else:
        st.caption(
            "Computing it again takes its files aside, and gives the same numbers on the same kind of device."
        )
        key = f"mend-{error.folder.name if error.folder else ''}"
        if st.button("Compute it again", key=key, icon=":material/healing:", **access.only("start jobs")):
            start(experiment)
            st.switch_page("views/jobs.py")


def _opened() -> Case | None:
    view = state.current()
    try:
        case = results.case(view.case) if view.case else None
        return results.picked(case, view.pick) if case and view.pick and not case.sealed else case
    except (ArtifactDamaged, FileNotFoundError, ValueError):
        return None


def _behind(error: ArtifactDamaged, opened: Case | None) -> Experiment | None:
    """An experiment that the damaged result belongs to: of the opened case, else of any that is listed."""
    name = error.folder.name if error.folder else ""
    for experiment in _experiments(opened):
        if any(artifact.stored_as == name for artifact in runs.kept(plan(experiment, results.store()))):
            return experiment
    return None


def _experiments(opened: Case | None) -> Iterator[Experiment]:
    for case in [opened] if opened else []:
        yield from (run.experiment for run in (case.run, *case.variants))
    for case in ownership.all_cases(results.store()):
        yield from (run.experiment for run in (case.run, *case.variants))
