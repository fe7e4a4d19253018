"""Which training images are listed, and in what order: whatever pages through them or walks along them asks here."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import results, rules, state
from app.state import View
from core.artifacts import Detection
from core.cases import Case

PER_PAGE = 30
MOST = 360
"""Images that are listed where nearly all of the training set could be."""
SHOWN = {
    "flagged": "Flagged",
    "missed": "Just missed",
    "influential": "Most influential",
    "chosen": "Selected",
}
NOUNS = {
    "flagged": "flagged",
    "missed": "not flagged",
    "influential": "training images",
    "chosen": "selected",
}
SORTS = {
    "suspect": "most suspect first",
    "unsure": "least sure first",
    "label": "by label",
    "number": "by number",
}


@dataclass(frozen=True)
class Listing:
    """Training images in the order in which they are shown."""

    rows: np.ndarray
    total: int
    """All that are of this kind, whatever their label."""
    hidden: int
    """Of these, filtered out by label."""

    @property
    def beyond(self) -> int:
        """Of these, not listed because there are too many."""
        return self.total - self.hidden - len(self.rows)

    @property
    def pages(self) -> int:
        """How many pages they fill, one at least."""
        return max(1, -(-len(self.rows) // PER_PAGE))

    def place(self, i: int) -> int | None:
        """Where an image stands, from 0; None where it is not listed."""
        at = np.flatnonzero(self.rows == i)
        return int(at[0]) if len(at) else None

    def beside(self, i: int, by: int) -> int | None:
        """The image so many places on; the first where this one is not listed, None beyond either end."""
        at = self.place(i)
        to = 0 if at is None else at + by
        return int(self.rows[to]) if 0 <= to < len(self.rows) else None


def chosen(view: View) -> tuple[int, ...]:
    """The images that are selected together."""
    return tuple(int(i) for i in view.chosen.split(".") if i)


def shown(view: View) -> str:
    """What is listed; an address may name anything."""
    return view.show if view.show in SHOWN else "flagged"


def label(case: Case, view: View) -> int:
    """The label that is filtered by, or −1; an address may name one that the case does not have."""
    return view.label if 0 <= view.label < len(case.plan.poisoned.value.class_names) else -1


def listing(case: Case, view: View, found: Detection) -> Listing:
    """The images of the view, filtered and in order."""
    show, labels = shown(view), np.asarray(case.plan.poisoned.value.train.labels)
    ranks = found.suspicion
    if show == "influential":
        ranks = np.asarray(case.plan.scores.value.original(view.query))
    kinds = {"flagged": found.flagged, "missed": ~found.flagged, "influential": np.ones(len(ranks), bool)}
    own = np.array(chosen(view), np.int64) if show == "chosen" else np.flatnonzero(kinds[show])
    rows = own[labels[own] == label(case, view)] if label(case, view) >= 0 else own
    hidden = len(own) - len(rows)
    rows = rows[np.argsort(-ranks[rows], kind="stable")]
    rows = rows[:MOST] if show in ("missed", "influential") else rows
    return Listing(rows[_order(case, view, rows)], len(own), hidden)


def _order(case: Case, view: View, rows: np.ndarray) -> np.ndarray:
    """The places of images that stand most suspect first, in the order of the view."""
    match view.sort:
        case "unsure":
            sure = results.sureness(case, rules.in_force(case, view))[rows]
            return np.argsort(np.abs(sure - 0.5), kind="stable")
        case "label":
            return np.argsort(np.asarray(case.plan.poisoned.value.train.labels)[rows], kind="stable")
        case "number":
            return np.argsort(rows, kind="stable")
    return np.arange(len(rows))


def go(found: Listing, i: int | None) -> None:
    """Put an image into the inspector, and turn to the page that it is on."""
    if i is None:
        return
    at = found.place(i)
    state.update(image=int(i), **({} if at is None else {"page": at // PER_PAGE + 1}))


def _step(found: Listing, i: int, by: int) -> None:
    """From where one is by now, if one was faster than the page, else from image `i`."""
    now = state.latest().image
    go(found, found.beside(now if now >= 0 else i, by))


def steps(found: Listing, i: int, key: str) -> None:
    """One image back or on in the order, and where this one stands."""
    at = found.place(i)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for words, icon, by in (("Previous", "chevron_left", -1), ("Next", "chevron_right", 1)):
            to = found.beside(i, by)
            st.button(
                words,
                key=f"{key}-{words}",
                icon=f":material/{icon}:",
                disabled=to is None,
                on_click=_step,
                args=(found, i, by),
            )
        n = len(found.rows)
        st.markdown(f"**{at + 1:,}** of {n:,}" if at is not None else f"not among the {n:,} listed")
