"""Tells on the pages of a case that the files of its images have changed; looked up beside the page, which never waits."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import streamlit as st

from app.words import escaped
from core import beforehand
from core.cases import Case

FRESH_SECONDS = 600.0
"""How long an answer is good: many images take seconds to look through."""
PATIENCE = 0.03
"""Seconds that a page gives the look; a few files answer within."""


@dataclass
class Look:
    """One look at the files behind a case."""

    began: float
    told: Future[str]


_pool = ThreadPoolExecutor(1, "changed-images")
_lock = Lock()
_looks: dict[str, Look] = {}


def notice(case: Case) -> None:
    """A warning where the images have changed since; comes a moment later where there are many."""
    look = _look(case)
    if not look.told.done():
        time.sleep(PATIENCE)
    st.fragment(_show, run_every=None if look.told.done() else 1.5)(look.told)


def _look(case: Case) -> Look:
    now = time.monotonic()
    with _lock:
        look = _looks.get(case.id)
        if look is None or (look.told.done() and now - look.began > FRESH_SECONDS):
            look = _looks[case.id] = Look(now, _pool.submit(beforehand.changed_images, case.plan))
        return look


def forget() -> None:
    """Look again at the next opportunity."""
    with _lock:
        _looks.clear()


def _show(told: Future[str]) -> None:
    if told.done() and told.exception() is None and (words := told.result()):
        st.warning(escaped(words), icon=":material/published_with_changes:")
