"""A blind challenge from its solver's side: commit a set, then reveal the truth for good."""

import time
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from app import access, measures, ownership, results, rules, state, words
from app.panels.review import review_book
from app.shell import escaped
from app.state import View
from core.blind import challenges, commitments
from core.blind.challenges import Challenge
from core.blind.commitments import Commitment
from core.cases import Case
from core.review import final_set

WORD = "reveal"
"""What has to be typed."""
REVEAL = "reveal"
"""Stands among the locked controls where only the list of challenges reveals."""


class Candidate(NamedTuple):
    """A set that can be committed."""

    title: str
    flagged: np.ndarray
    rule: dict[str, Any]


def nothing_to_see(case: Case) -> None:
    """In place of what only the truth could tell."""
    st.info(
        "The truth of this exercise is sealed, so there is nothing to see here yet. Commit a set of training images, "
        "then reveal the truth.",
        icon=":material/lock:",
    )
    st.page_link("views/challenge.py", label="Commit a set", icon=":material/task_alt:")
    st.page_link("views/investigate.py", label="Go on investigating", icon=":material/search:")


def commit(own: Case, view: View, found: Challenge) -> None:
    """The set as it stands, the form to commit it, what has been committed, and the way to the truth."""
    known = commitments.of_challenge(results.store().root, found.id)
    st.subheader("1 · Commit a set")
    st.markdown(
        "What you commit is fixed with the time and your name. Only its fingerprint (sha256) is shown, so nobody learns "
        "your set, and you cannot change it afterwards without anybody noticing. Commit as often as you like: the last "
        "one counts."
    )
    sets = candidates(own, view)
    if sets:
        _form(own, found, sets)
    st.page_link("views/investigate.py", label="Change the set", icon=":material/tune:")
    _committed(known)
    st.subheader("2 · Reveal the truth")
    _way_out(found, known)


def candidates(own: Case, view: View) -> list[Candidate]:
    """What the rule in force flags, and the same after review, if anything was; none while it is not scored."""
    try:
        case = results.picked(own, view.pick) if view.pick else own
        case = measures.measured(case, view.measure)
    except ValueError as error:
        st.warning(f"What you look at is not here: {escaped(str(error))}.")
        return []
    if case.unfinished:
        st.info(
            "The picked image has not been scored in this way yet; go on investigating.",
            icon=":material/hourglass:",
        )
        return []
    rule = rules.in_force(case, view)
    found = rules.flags(case, rule)
    told = rule.model_dump(mode="json") | {"pick": view.pick, "measure": view.measure}
    title = f"{type(rule).title}, {words.settings(rule)}"
    return [Candidate(title, found.flagged, told), *_reviewed(own, found.flagged, told)]


def _reviewed(own: Case, flagged: np.ndarray, told: dict[str, Any]) -> list[Candidate]:
    """The set after this reviewer's own verdicts; nobody is shown what others make of it."""
    who = review_book.reviewer()
    standing = review_book.read(own).standing(who)
    if not standing:
        return []
    final = final_set.final_set(flagged, standing)
    rule = {"name": "reviewed", "reviewer": who, "verdicts": len(standing), "rule": told}
    return [Candidate(f"The same after review by {who}", final.flagged, rule)]


def _named() -> str:
    """The name used before in this tab, here or on Review."""
    who = review_book.reviewer()
    return st.session_state.get("analyst", "" if who == review_book.FIRST else who)


def _form(own: Case, found: Challenge, sets: list[Candidate]) -> None:
    at = 0
    if len(sets) > 1:
        at = st.radio(
            "Which set",
            range(len(sets)),
            format_func=lambda i: f"{escaped(sets[i].title)} · {int(sets[i].flagged.sum()):,} images",
            key=f"commit-which-{found.id}",
        )
    chosen = sets[min(at, len(sets) - 1)]
    size, n = int(chosen.flagged.sum()), len(chosen.flagged)
    st.markdown(f"**{size:,}** of {n:,} training images: {escaped(chosen.title)}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Your name",
            _named(),
            max_chars=commitments.LONGEST_NAME,
            width=260,
            key="commit-name",
        )
        ready = bool(name.strip()) and size > 0
        if st.button("Commit this set", icon=":material/task_alt:", disabled=not ready, key="commit"):
            _make(own, found, chosen, name)
    if not size:
        st.caption("Nothing is flagged, so there is nothing to commit.")
    elif not name.strip():
        st.caption("Type your name to commit; it stands on the scoreboard.")


def _make(own: Case, found: Challenge, chosen: Candidate, name: str) -> None:
    st.session_state["analyst"] = name
    rows = own.real_rows(np.flatnonzero(chosen.flagged))
    try:
        name = access.require("write verdicts").named(name)
        made = commitments.commit(results.store().root, found.id, analyst=name, rows=rows, rule=chosen.rule)
    except ValueError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return
    st.toast(f"Committed. Note the fingerprint: {made.short}", icon=":material/task_alt:")
    st.session_state["committed"] = made.digest
    st.rerun()


def _committed(known: list[Commitment]) -> None:
    """Names, times and fingerprints; sizes and sets stay sealed."""
    mine = next((c for c in known if c.digest == st.session_state.get("committed")), None)
    if mine:
        st.success(
            f"Your set is committed. Note its fingerprint: **{mine.short}**", icon=":material/task_alt:"
        )
    if not known:
        st.caption("Nobody has committed a set yet.")
        return
    counting = {c.digest for c in commitments.counting(known)}
    rows = [
        {
            "analyst": c.analyst,
            "committed": clock(c.at),
            "fingerprint": c.short,
            "counts": "yes" if c.digest in counting else "replaced by a later one",
        }
        for c in reversed(known)
    ]
    st.dataframe(rows, hide_index=True, key="commitments")


def clock(at: float) -> str:
    """A time as people write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _way_out(found: Challenge, known: list[Commitment]) -> None:
    if REVEAL in found.locked:
        st.info("Your teacher reveals the truth for all, in the list below.", icon=":material/lock:")
        return
    st.caption("For everybody who works on this copy, and for good. Nothing can be committed afterwards.")
    own = ownership.is_own(found.id, results.store().root)
    if st.button(
        "Reveal the truth …", icon=":material/visibility:", disabled=not (known and own), key="reveal"
    ):
        reveal(found.id, found.title)
    if not known:
        st.caption("Commit a set first.")


@st.dialog("Reveal the truth")
def reveal(challenge_id: str, title: str) -> None:
    """Ask for the word, for there is no way back."""
    st.markdown(
        f"**{escaped(title)}** is unsealed for everybody who works on this copy. It cannot be sealed again, and "
        "nothing can be committed afterwards; a fresh blind copy can be made at any time."
    )
    typed = st.text_input(f"Type “{WORD}” to go on", key=f"reveal-word-{challenge_id}")
    sure = typed.strip().lower() == WORD
    if st.button("Reveal for good", icon=":material/visibility:", disabled=not sure, key="reveal-for-good"):
        ownership.require_own(challenge_id, results.store().root, "reveal challenges")
        challenges.reveal(results.store().root, challenge_id)
        results.forget(challenge_id)
        if state.current().case == challenge_id:
            state.update(truth="show")
        st.rerun()
