"""Two reviewers of one case: how far they agree beyond chance, and what they have to settle."""

import streamlit as st

from app import state, words
from app.panels.review import review_book
from app.panels.review.review_queue import Review
from app.shell import escaped
from core.review import final_set
from core.review.agreement import JUDGED, Agreement, agreement


def two_reviewers(of: Review) -> None:
    """Agreement with another reviewer, and the conflicts."""
    if not of.others:
        st.info(
            "Only you have reviewed this case so far. A colleague opens the same case, types a name of their own above and "
            "reviews; neither sees what the other said about an image before both have judged it.",
            icon=":material/group:",
        )
        return
    names = list(of.others)
    other = names[0]
    if len(names) > 1:
        other = st.selectbox("Compare with", names, key=f"other-{of.case.id}")
    found = agreement(of.mine, of.others[other])
    _figures(found)
    _table(found, of.who, other)
    _settle(of, other)


def _figures(found: Agreement) -> None:
    both, raw, kappa = st.columns(3)
    both.metric("Judged by both", f"{found.n:,}")
    raw.metric("Same verdict", "–" if found.raw is None else f"{found.raw:.0%}")
    kappa.metric(
        "Cohen's kappa",
        "–" if found.kappa is None else f"{found.kappa:.2f}",
        help="0: no more than chance would agree; 1: always. Cohen 1960; interval: ± 1.96 large-sample standard errors "
        "(Fleiss, Cohen and Everitt 1969).",
    )
    interval = "" if found.low is None else f"95 % interval of kappa {found.low:.2f} to {found.high:.2f}. "
    if interval or found.remark:
        st.caption(f"{interval}{found.remark}")


def _table(found: Agreement, who: str, other: str) -> None:
    if not found.n:
        return
    columns = [f"{other}: {verdict}" for verdict in JUDGED]
    lines = [
        {"": f"{who}: {verdict}"} | dict(zip(columns, counts, strict=True))
        for verdict, counts in zip(JUDGED, found.table.tolist(), strict=True)
    ]
    st.dataframe(lines, hide_index=True, width="stretch")


def _settle(of: Review, other: str) -> None:
    differing = final_set.disputed(of.mine, [of.others[other]])
    hard = final_set.conflicts([of.mine, of.others[other]])
    if not differing:
        return
    st.markdown(
        f"You and {escaped(other)} differ on **{words.counted(len(differing), 'image')}**, on {len(hard)} of them one says "
        "poison and the other keep."
    )

    def settle() -> None:
        st.session_state[review_book.SHOW] = True
        state.update(queue="disputed", label=-1, image=differing[0])

    st.button("Look at them again", icon=":material/handshake:", on_click=settle)
