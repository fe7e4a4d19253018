"""Verdicts wherever a training image is shown: three small buttons, a badge, and a line about all of them."""

import streamlit as st

from app import access, moved
from app.panels.review import review_book
from app.shell import escaped
from app.state import View
from app.words import counted, listed
from core.artifacts import Detection
from core.casebook import CasebookUnavailable
from core.cases import Case
from core.review import final_set
from core.review.verdict_rows import AUTO

UNDO = "undo"
WORDS = {"poison": "poison", "keep": "keep", "unsure": "unsure", AUTO: "left to the rule"}
ICONS = {"poison": ":material/flag:", "keep": ":material/check:", "unsure": ":material/question_mark:"}


def verdict_buttons(case: Case, view: View, i: int) -> None:
    """What stands on training image `i`, and buttons to say something else; the same again takes it back."""
    who = review_book.reviewer()
    found = review_book.read_quietly(case)
    mine = found.standing(who).get(i, AUTO)
    moved.placed(
        st.segmented_control,
        "Your verdict",
        list(ICONS),
        key=f"verdict-{review_book.book(case).case_id}-{i}",
        value=None if mine == AUTO else mine,
        on_move=lambda verdict: say(case, [i], verdict or AUTO),
        format_func=lambda verdict: f"{ICONS[verdict]} {verdict.capitalize()}",
        label_visibility="collapsed",
        disabled=not access.allowed("write verdicts"),
        help="It stays whatever the cut-off is. Press it again to leave the image to the rule.",
    )
    said = [f"{escaped(name)}: {verdict}" for name, verdict in review_book.visible_to(found, who, i)]
    own = f"Your verdict as {escaped(who)}: {WORDS[mine]}"
    st.caption(" · ".join([own, *said]))


def say(case: Case, several: list[int], verdict: str) -> None:
    """Write one verdict down about some images, or take the last one back."""
    book, who = review_book.book(case), review_book.reviewer()
    try:
        access.require("write verdicts")
        undone = book.undo(who) if verdict == UNDO else book.judge(who, several, verdict)
    except (CasebookUnavailable, access.NotAllowed) as error:
        st.toast(escaped(str(error)), icon=":material/error:")
        return
    if verdict == UNDO:
        st.toast(
            f"{counted(undone, 'verdict')} taken back." if undone else "There is no verdict to take back."
        )


def badges(case: Case) -> dict[int, str]:
    """This reviewer's verdicts in two words each, by image; those left to the rule are not among them."""
    mine = review_book.read_quietly(case).standing(review_book.reviewer())
    return {image: f"you: {verdict}" for image, verdict in mine.items()}


def chip(case: Case, found: Detection) -> str:
    """What this reviewer's verdicts change about what is flagged: `3 kept by you and 2 rescued`; empty for nothing."""
    mine = review_book.read_quietly(case).standing(review_book.reviewer())
    if not mine:
        return ""
    final = final_set.final_set(found.flagged, mine)
    counts = {
        "kept by you": len(final.kept),
        "rescued": len(final.rescued),
        "confirmed": final.confirmed,
        "unsure": len(final.unsure),
    }
    return listed((f"{n:,} {what}" for what, n in counts.items() if n), most=4)
