"""The controls of a review, the component in which images are judged, and what can be said of a whole queue."""

import streamlit as st

from app import moved, shell, state, words
from app.components.triage import take, triage
from app.panels.review import review_book, review_queue
from app.panels.review.review_queue import Review
from app.state import View
from core.casebook import CasebookUnavailable
from core.cases import Case
from core.review.verdict_rows import Ledger

ORDERS = {
    "uncertain": "Uncertain",
    "suspect": "Most suspect",
    "disputed": "Disputed",
    "others": "Controls",
}
HINTS = {
    "uncertain": "the least certain first: there a look helps most",
    "suspect": "the clearest first",
    "disputed": "images on which you and another reviewer have said different things",
    "others": "random images of the same labels that are far from flagged: whoever calls many of them poison "
    "says so by habit",
}


def controls(case: Case, view: View, ledger: Ledger) -> None:
    """Who reviews, in which order, which label, and whether others' verdicts are shown."""
    names = case.plan.poisoned.value.class_names
    who, order, label = st.columns([1.3, 3, 1.2], vertical_alignment="bottom")
    with who:
        review_book.who_are_you(ledger)
    with order:
        state.bound(
            st.segmented_control,
            "Order",
            "queue",
            view.queue if view.queue in ORDERS else "uncertain",
            options=list(ORDERS),
            format_func=ORDERS.get,
            required=True,
            wrap=True,
        )
    with label:
        state.bound(
            st.selectbox,
            "Labelled",
            "label",
            view.label if view.label < len(names) else -1,
            options=[-1, *range(len(names))],
            format_func=lambda k: "any label" if k < 0 else names[k],
        )


def receive(case: Case) -> None:
    """Write down what the browser has sent since the last run."""
    book, who = review_book.book(case), review_book.reviewer()

    def write(gestures) -> None:
        book.perform(who, [g for g in gestures if all(0 <= i < book.size for i in g.images)])

    take(_key(case), _owner(case), write)


def judge(of: Review) -> None:
    """The component, and below it what can be said of the whole queue; the address follows where one looks."""
    st.caption(_told(of))
    triage(
        _key(of.case),
        review_queue.packet(of),
        review_queue.told(of),
        book=_owner(of.case),
        at=of.view.image,
        on_look=lambda image: state.update(image=image),
    )
    _whole_queue(of)


def _key(case: Case) -> str:
    return f"triage-{review_book.book(case).case_id}"


def _owner(case: Case) -> str:
    return f"{review_book.book(case).case_id} {review_book.reviewer()}"


def _told(of: Review) -> str:
    """What is in the queue, in a sentence."""
    queue = of.queue
    order = of.view.queue if of.view.queue in ORDERS else "uncertain"
    parts = [
        f"{queue.flagged:,} flagged" if queue.flagged else "",
        f"{queue.missed:,} not flagged" if queue.missed and order == "disputed" else "",
        f"{queue.missed:,} just below the cut-off" if queue.missed and order != "disputed" else "",
        words.counted(queue.controls, "control") if queue.controls else "",
    ]
    rest = f" The first {len(queue.images):,}; {queue.left_out:,} more follow." if queue.left_out else ""
    return f"{words.listed(part for part in parts if part)} · {HINTS[order]}.{rest}"


def nothing(of: Review) -> None:
    """Why there is nothing to look at, and where to go."""
    order = of.view.queue
    if not of.found.flagged.any():
        st.info("Nothing to review: flag images in Investigate.", icon=":material/fact_check:")
        st.page_link("views/investigate.py", label="Flag images in Investigate", icon=":material/search:")
    elif of.view.label >= 0:
        st.info("No image of this label is in the queue.", icon=":material/filter_alt_off:")
        st.button("Any label", icon=":material/undo:", on_click=lambda: state.update(label=-1))
    elif order == "disputed":
        st.info(
            "Nothing is disputed: no image has different verdicts of you and another reviewer. A colleague reviews the "
            "same case under a name of their own, here or in another browser.",
            icon=":material/handshake:",
        )
    else:
        st.info("No image of a flagged label is far from flagged.", icon=":material/info:")


def _whole_queue(of: Review) -> None:
    mine = of.mine
    open_ones = [i for i in of.queue.images.tolist() if i not in mine]
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Judge the rest at once", icon=":material/done_all:", disabled=not open_ones):
            st.markdown(f"**{words.counted(len(open_ones), 'image')}** of this queue not judged by you yet.")
            for verdict in ("poison", "keep"):
                st.button(
                    f"Call all {len(open_ones):,} {verdict}",
                    key=f"rest-{verdict}",
                    width="stretch",
                    on_click=_say_all,
                    args=(of.case, open_ones, verdict),
                )
            st.caption("One step: Undo takes back all of them together.")
        _undo_many(of)
        moved.placed(
            st.toggle,
            "Show others' verdicts",
            key="show_others_now",
            value=review_book.others_shown(),
            on_move=lambda shown: st.session_state.update({review_book.SHOW: shown}),
            help="Otherwise you see what others said about an image once you have judged it, so that nobody follows "
            "anybody.",
        )


def _undo_many(of: Review) -> None:
    last = of.ledger.done(of.who)[-1:]
    if last and len(last[0]) > 1:
        label = f"Undo the last {len(last[0]):,} together"
        st.button(label, icon=":material/undo:", on_click=lambda: _safely(of.case, "undo"))


def _say_all(case: Case, chosen: list[int], verdict: str) -> None:
    _safely(case, "judge", chosen, verdict)


def _safely(case: Case, what: str, *words_of_it) -> None:
    """One gesture of this reviewer; says so where the casebook cannot be used."""
    try:
        getattr(review_book.book(case), what)(review_book.reviewer(), *words_of_it)
    except CasebookUnavailable as error:
        st.error(shell.escaped(str(error)), icon=":material/error:")
