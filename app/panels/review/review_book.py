"""Who reviews here, and the verdicts of the opened case as far as this reviewer may see them."""

from collections import OrderedDict
from contextlib import suppress
from threading import Lock

import streamlit as st

from app import access, moved, results
from core.casebook import CasebookUnavailable
from core.cases import Case
from core.review.verdict_rows import LONGEST_NAME, Ledger, Row, checked_name
from core.review.verdicts import Verdicts

FIRST = "reviewer 1"
NAME, SHOW = "reviewer", "show_others"
KEPT = 8
_lock = Lock()
_ledgers: OrderedDict[Verdicts, tuple[int, Ledger]] = OrderedDict()


def reviewer() -> str:
    """Who judges in this tab; a name stays in the session and never goes into an address."""
    who = access.visitor()
    return who.short if who.signed_in else st.session_state.get(NAME, FIRST)


def book(case: Case) -> Verdicts:
    """The verdicts of a case. A picked image or another measure is no other training set, so they share them."""
    own = case.id.partition(results.PICKED)[0]
    return Verdicts(results.store().root, own, len(case.plan.dataset.value.train))


def read(case: Case) -> Ledger:
    """The rows of a case; read again only when one was added."""
    of = book(case)
    newest = of.newest()
    with _lock:
        if _ledgers.get(of, (-1,))[0] != newest:
            _ledgers[of] = newest, of.read()
        _ledgers.move_to_end(of)
        while len(_ledgers) > KEPT:
            _ledgers.popitem(last=False)
        return _ledgers[of][1]


def read_quietly(case: Case) -> Ledger:
    """The same for pages that are about something else: nothing where the casebook cannot be used."""
    with suppress(CasebookUnavailable):
        return read(case)
    return Ledger()


def others_shown() -> bool:
    """Whether this tab shows what others said about images that its reviewer has not judged."""
    return bool(st.session_state.get(SHOW, False))


def visible_to(found: Ledger, who: str, image: int) -> list[tuple[str, str]]:
    """What other reviewers said about an image, by name; nothing before `who` has judged it, unless asked for."""
    if not others_shown() and image not in found.standing(who):
        return []
    said = ((name, found.standing(name).get(image)) for name in found.reviewers if name != who)
    return [(name, verdict) for name, verdict in said if verdict]


def visible_rows(found: Ledger, who: str) -> list[Row]:
    """Rows that this reviewer may see: own ones, and those about images that both have judged."""
    if others_shown():
        return list(found.rows)
    judged = found.standing(who)
    return [row for row in found.rows if row.reviewer == who or row.image in judged]


def who_are_you(found: Ledger) -> str:
    """Asks for the reviewer's name, typed once or chosen among those who have reviewed; returns it."""
    who = reviewer()
    if access.visitor().signed_in:
        may = access.allowed("write verdicts")
        st.text(f"You judge as {who}." if may else "You may read verdicts, not write any.")
        return who
    names = list(dict.fromkeys([who, *found.reviewers]))

    def rename(name: str | None) -> None:
        with suppress(ValueError):  # an empty or endless name changes nothing
            st.session_state[NAME] = checked_name((name or "")[: LONGEST_NAME + 1])

    moved.placed(
        st.selectbox,
        "You are",
        names,
        key="who",
        value=who,
        on_move=rename,
        accept_new_options=True,
        help="Type your name, so that your verdicts are kept apart from a colleague's. It stays in this tab.",
    )
    return who
