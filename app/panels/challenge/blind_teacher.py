"""Blind challenges from their teacher's side: make one, hand out its link, reveal it, copy it, remove it."""

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from app import access, ownership, results, rules, state, words
from app.panels.challenge import blind
from app.shell import escaped
from app.state import View
from app.words import counted, listed
from core import truth
from core.blind import challenges, commitments
from core.blind.challenges import Challenge, Wanted
from core.cases import Case

LOCKS: dict[str, tuple[str, ...]] = {
    "Test image": ("query", "pick"),
    "How influence is measured": ("measure",),
    "Which rule": ("rule", "using"),
    "Cut-off of the contrast": ("margin",),
    "Threshold": ("threshold",),
    "Tolerance": ("tolerance",),
    "Cut-off of the relative collapse": ("cut",),
    "Transformations left out": ("without",),
    "Evidence": ("tab",),
    "Reveal": (blind.REVEAL,),
}
"""What a teacher can lock, and the fields of the view behind it."""

LISTED = (
    "The case itself stays among the *Cases* of this server, truth and all. Where your class uses the same server, take it "
    "off the list there: its challenges go on working."
)


def make() -> None:
    """The form for a new challenge."""
    known = {
        c.id: c for c in ownership.all_cases(results.store()) if not c.unfinished and truth.known(c.plan)
    }
    if not known:
        st.info(
            "A challenge is made of a finished case whose poisons are known. Compute one first.",
            icon=":material/info:",
        )
        st.page_link("views/set_up.py", label="Start a new investigation", icon=":material/add_circle:")
        return
    view = state.current()
    case = _chosen(known, view)
    count = len(challenges.every(results.store().root))
    title = st.text_input(
        "Title",
        f"Exercise {count + 1}",
        max_chars=challenges.LONGEST_TITLE,
        key=f"challenge-title-{count}",
        help="All that people learn of the case beside its images: it must not name the attack.",
    )
    locks = st.pills(
        "Locked controls",
        list(LOCKS),
        selection_mode="multi",
        wrap=True,
        key="challenge-locks",
        help="They stay as the exercise opens, whatever is written into the address. With *Reveal* only this page reveals "
        "the truth.",
    )
    start = _start(case, view)
    st.caption(_opens(case, start, same=view.case == case.id))
    st.caption(LISTED)
    if st.button("Make the challenge", icon=":material/add_circle:", key="make-challenge"):
        _made(case, start, title, locks)


def _chosen(known: dict[str, Case], view: View) -> Case:
    """The case to make a challenge of, at first the one that is open."""
    name = st.selectbox(
        "Case",
        list(known),
        index=list(known).index(view.case) if view.case in known else 0,
        format_func=lambda name: known[name].run.title,
        key="challenge-case",
    )
    return known[name]


def _start(case: Case, view: View) -> View:
    """How it opens: as the case stands in this tab, less what would point at single training images."""
    own = view if view.case == case.id else state.opening(case)
    kept = {"query", "rule", "margin", "using", "threshold", "tolerance", "cut", "measure", "without", "tab"}
    told = {name: value for name, value in vars(own).items() if name in kept}
    start = View(**told, pick=own.pick if own.pick.startswith(("test-", "upload-")) else "")
    scores = case.plan.scores.value
    queries = scores.n_originals
    return state.fitted(start, queries=queries, copies=len(scores.rows(0)), images=0)


def _opens(case: Case, start: View, *, same: bool) -> str:
    rule = rules.in_force(case, start)
    told = f"Opens with {escaped(type(rule).title)}: {escaped(words.settings(rule))}"
    if same:
        return f"{told}, as the case stands in this tab now."
    return f"{told}. To begin elsewhere, set the case up on *Investigate* first, then come back."


def _made(case: Case, start: View, title: str, locks: list[str]) -> None:
    fields = frozenset(field for lock in locks for field in LOCKS[lock])
    wanted = Wanted(title, fields, state.parameters_of(start))
    try:
        access.require("make challenges")
        made = challenges.make(results.store().root, case, wanted)
    except ValueError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return
    ownership.claim(results.store().root, made.id)
    st.toast(f"“{escaped(made.title)}” is ready; hand out its link.", icon=":material/link:")
    st.rerun()


def every() -> None:
    """All challenges with their links."""
    root = results.store().root
    _undo()
    found = ownership.listed_challenges(challenges.every(root), root)
    if not found:
        st.info("No challenge yet. Make the first one below.", icon=":material/visibility_off:")
    for challenge in found:
        with st.container(border=True):
            _row(challenge)


def _row(found: Challenge) -> None:
    known = commitments.of_challenge(results.store().root, found.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escaped(found.title)}**", width="content")
        if found.sealed:
            st.badge("blind", icon=":material/lock:", color="violet")
        else:
            st.badge("revealed", icon=":material/visibility:", color="green")
        st.badge(_people(known), icon=":material/task_alt:", color="gray")
    if locks := [name for name, fields in LOCKS.items() if set(fields) <= found.locked]:
        st.caption(f":material/lock: Locked: {listed((name.lower() for name in locks), most=9)}")
    st.code(link(found), language=None, wrap_lines=True)
    _buttons(found, known)


def _people(known: list[commitments.Commitment]) -> str:
    if not known:
        return "nothing committed"
    return f"{counted(len(commitments.counting(known)), 'analyst')} committed"


def link(found: Challenge) -> str:
    """What a teacher hands out: it tells nothing but the challenge's name, and opens it as it was made."""
    here = urlsplit(st.context.url or "")
    base = here.path.rpartition("/")[0]
    server = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    return f"{server}{base}/investigate?case={found.id}"


def _buttons(found: Challenge, known: list[Any]) -> None:
    with st.container(horizontal=True):
        if st.button("Open", key=f"open-{found.id}", icon=":material/search:"):
            st.switch_page("views/investigate.py", query_params={"case": found.id})
        words = "Commit" if found.sealed else "Score"
        if st.button(words, key=f"solve-{found.id}", icon=":material/task_alt:"):
            st.switch_page("views/challenge.py", query_params={"case": found.id})
        if found.sealed and st.button(
            "Reveal for all …", key=f"reveal-{found.id}", icon=":material/visibility:"
        ):
            blind.reveal(found.id, found.title)
        st.button(
            "Fresh copy",
            key=f"again-{found.id}",
            icon=":material/content_copy:",
            on_click=_again,
            args=(found,),
            disabled=not access.allowed("make challenges"),
            help="The same case and locks, numbered anew, with nothing committed.",
        )
        st.button(
            "Remove",
            key=f"remove-{found.id}",
            icon=":material/delete:",
            type="tertiary",
            on_click=_remove,
            args=(found,),
            help="Can be undone; what was committed is kept.",
        )


def _again(found: Challenge) -> None:
    root = results.store().root
    ownership.require_own(found, root, "make challenges")
    ownership.claim(root, challenges.again(root, found).id)


def _remove(found: Challenge) -> None:
    ownership.require_own(found, results.store().root, "make challenges")
    challenges.remove(results.store().root, found.id)
    st.session_state["removed_challenge"] = found


def _restore() -> None:
    found = st.session_state.pop("removed_challenge")
    ownership.require_own(found, results.store().root, "make challenges")
    challenges.restore(results.store().root, found.id)


def _undo() -> None:
    if found := st.session_state.get("removed_challenge"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(f"“{escaped(found.title)}” was removed.", icon=":material/delete:")
            st.button("Undo", icon=":material/undo:", on_click=_restore, key="restore-challenge")
