"""What every page shares: jobs in words, the opened case, and errors that say what to do."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import streamlit as st
from pydantic import ValidationError

from app import (
    access,
    changed_images,
    damaged,
    measures,
    ownership,
    results,
    state,
    unfinished,
)
from app.words import escaped
from core import jobs, runs
from core.blind import challenges
from core.casebook import CasebookUnavailable
from core.cases import Case
from core.durable import CannotWrite
from core.experiment import Experiment, in_words
from core.jobs import JobsUnavailable
from core.store import ArtifactDamaged

STAGES = {
    "load_dataset": "reading the images",
    "choose_poisons": "choosing the poisons",
    "train": "training a classifier",
    "brought_victim": "reading the weights",
    "extract_features": "reading the victim's features",
    "train_frequency_classifier": "training the frequency classifier",
    "affected_queries": "finding misread test images",
    "picked_queries": "reading the picked image",
    "control_queries": "choosing clean images to compare with",
    "evaluate": "examining a model",
    "examine_flags": "reading the flagged images",
    "transform_queries": "transforming the test images",
    "fit_factors": "fitting the curvature",
    "score_pairs": "scoring influence",
    "score_logits": "scoring influence under every label",
    "detect": "detecting",
    "unlearn": "unlearning",
}
"""What each stage does, in words for the pages."""


def complaint(error: ValueError | OSError) -> str:
    """What is wrong with some settings, one field after the other."""
    return in_words(error).replace("\n", "; ") if isinstance(error, ValidationError) else str(error)


def busy() -> bool:
    """Whether any job is waiting or at work."""
    try:
        return bool(jobs.table(results.store().root).active())
    except JobsUnavailable:
        return False


def stage_name(name: str) -> str:
    """What a stage does, in words."""
    return STAGES.get(name, name.replace("_", " "))


def doing(job: jobs.Job) -> str:
    """What a job is at, in the same words everywhere."""
    return stage_name(job.stage) or ("starting" if job.state == "running" else job.state)


def share(job: jobs.Job) -> float:
    """How far a job is, as a share of its stages."""
    if not job.stages_total:
        return 0.0
    within = job.done / job.total if job.total else 0.0
    return min(1.0, (job.stages_done + min(within, 0.99)) / job.stages_total)


def duration(seconds: float) -> str:
    """Seconds in words: 48 s, 3 min, 2.1 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def opened_case(view: state.View) -> tuple[state.View, Case]:
    """The view fitted to its case, and the case, finished; otherwise says what is missing and stops the page.

    Without a case in the address the first one opens.
    """
    if not view.case and (known := ownership.all_cases(results.store())):
        view = state.update(**vars(state.opening(known[0])))
    case = results.case(view.case) if view.case else None
    if case is None:
        _no_case(view)
    if lacking := case.unfinished:
        unfinished.explained(case, len(lacking), start)
    changed_images.notice(case)
    queries, copies = len(case.plan.queries.value), len(case.plan.changed.value)
    size = len(case.plan.dataset.value.train)
    fitted = state.fitted(view, queries=queries, copies=copies // queries, images=size)
    return fitted if fitted == view else state.update(**vars(fitted)), case


def measured_case(view: state.View, case: Case) -> Case:
    """The case measured as the address says, scored; otherwise says what is missing and stops the page."""
    return _scored("This way of measuring", lambda: measures.measured(case, view.measure))


def picked_case(view: state.View, case: Case) -> Case:
    """The case about the picked image, scored; otherwise says what is missing and stops the page."""
    return _scored("The picked image", lambda: results.picked(case, view.pick))


def _scored(what: str, find: Callable[[], Case]) -> Case:
    try:
        found = find()
        if not found.unfinished:
            return found
        lack = "has not been scored yet"
    except ValueError as error:
        lack = f"is not possible here: {error}"
    st.info(escaped(f"{what} {lack}."), icon=":material/hourglass:")
    st.page_link("views/investigate.py", label="Go on investigating", icon=":material/search:")
    st.stop()


def _no_case(view: state.View) -> None:
    if view.case:
        st.info(
            f"There is no investigation “{escaped(view.case)}” here. It may have been deleted, or the link "
            "comes from another machine.",
            icon=":material/link_off:",
        )
    else:
        st.info("Choose an investigation first.", icon=":material/folder_open:")
    st.page_link("views/cases.py", label="Go to the cases", icon=":material/arrow_back:")
    st.stop()


def start(experiment: Experiment, device: str = "auto", **more: bool) -> jobs.Job:
    """Queue an experiment; the same one twice is one job. `mend=True`: check what there is, and replace what is damaged."""
    who = access.require("start jobs")
    options = {"store": str(results.store().root), "device": device, **more}
    spec = {"experiment": experiment.model_dump(mode="json"), "options": options}
    if who.signed_in:
        ownership.claim(results.store().root, runs.identifier(runs.resolved(experiment)))
    job = jobs.submit(results.store().root, "run", json.dumps(spec), experiment.title, who.name)
    return ownership.asked(results.store().root, job)


def case_of(job: jobs.Job) -> Case | None:
    """The case that a job makes or adds to, where it has been recorded already."""
    try:
        experiment = runs.resolved(Experiment.checked(json.loads(job.spec)["experiment"]))
    except (ValueError, KeyError, OSError):
        return None
    if asked_in := challenges.behind(experiment, results.store()):
        return results.case(asked_in.id)
    return results.case(runs.identifier(experiment))


@contextmanager
def explained_errors(*, blind: bool = False) -> Iterator[None]:
    """Errors that a user can act on become a message; anything else is Streamlit's to show.

    Names of results are digests of settings that name the attack: beside a sealed challenge none is told.
    """
    try:
        yield
    except ArtifactDamaged as error:
        which = "" if (blind := blind or damaged.is_blind()) else f" {escaped(str(error))}."
        st.error(
            f"A stored result was changed after it was computed and is not shown.{which}",
            icon=":material/broken_image:",
        )
        damaged.offer(error, partial(start, mend=True), blind=blind)
    except (FileNotFoundError, PermissionError) as error:
        told = str(error.strerror or "A file is missing") if blind or damaged.is_blind() else str(error)
        st.error(escaped(told), icon=":material/error:")
    except (JobsUnavailable, CasebookUnavailable, CannotWrite) as error:
        st.error(escaped(str(error)), icon=":material/error:")
