"""The record of a review: every verdict and every undo with its time, and files to take along or bring in."""

from datetime import UTC, datetime

import streamlit as st

from app import access, state, words
from app.panels.review import review_book
from app.panels.review.review_queue import Review
from app.panels.review.verdicts import WORDS
from app.shell import escaped
from core.casebook import CasebookUnavailable
from core.review.verdict_files import LARGEST, Brought, audit_csv, bring_in, from_json, to_json
from core.review.verdict_rows import Row

MOST = 2000


def record(of: Review) -> None:
    """The rows as a table, newest first; one of them can be taken back."""
    rows = review_book.visible_rows(of.ledger, of.who)[::-1]
    if not rows:
        st.info("No verdict has been written down yet.", icon=":material/history:")
    else:
        _table(of, rows)
    _hidden(of, rows)
    _files(of)


def _table(of: Review, rows: list[Row]) -> None:
    shown = rows[:MOST]
    chosen = st.dataframe(
        [_line(row) for row in shown],
        key=f"record-{of.case.id}-{rows[0].id}",
        hide_index=True,
        width="stretch",
        height=min(420, 38 + 35 * len(shown)),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "time": st.column_config.DatetimeColumn("Time (UTC)", format="YYYY-MM-DD HH:mm:ss"),
            "image": st.column_config.NumberColumn("Image", format="%d"),
        },
    ).selection.rows
    if len(rows) > MOST:
        st.caption(f"The newest {MOST:,} of {len(rows):,}; the CSV has all of them.")
    row = shown[chosen[0]] if chosen and chosen[0] < len(shown) else None
    with st.container(horizontal=True, vertical_alignment="center"):
        _take_back(of, row)
        if row and st.button(f"Open image {row.image}", icon=":material/visibility:"):
            state.update(image=row.image)
            st.switch_page("views/image.py")


def _line(row: Row) -> dict:
    return {
        "time": datetime.fromtimestamp(row.at, UTC),
        "Reviewer": row.reviewer,
        "image": row.image,
        "From": WORDS[row.before],
        "To": WORDS[row.verdict],
        "Reason": row.reason,
        "What": "verdict" if row.undoes is None else "undo",
        "Undone": "" if row.in_force else "undone",
    }


def _take_back(of: Review, row: Row | None) -> None:
    if row is None:
        st.caption("Select a row to take it back or to look at its image.")
        return
    own = row.reviewer == of.who and row.in_force and access.allowed("write verdicts")
    label = "Take this verdict back" if row.undoes is None else "Do it again after all"
    st.button(label, icon=":material/undo:", disabled=not own, on_click=lambda: _undo_row(of, row))
    if not own:
        st.caption("Undone already." if row.reviewer == of.who else "Only its reviewer takes a verdict back.")


def _undo_row(of: Review, row: Row) -> None:
    try:
        access.require("write verdicts")
        review_book.book(of.case).undo_row(of.who, row.id)
    except CasebookUnavailable as error:
        st.error(escaped(str(error)), icon=":material/error:")


def _hidden(of: Review, rows: list[Row]) -> None:
    hidden = len(of.ledger.rows) - len(rows)
    if hidden:
        st.caption(
            f"{words.counted(hidden, 'row')} of others about images that you have not judged: not shown."
        )
    if of.ledger.ignored:
        st.caption(
            f"{words.counted(of.ledger.ignored, 'row')} about images that this case does not have: ignored."
        )


def _files(of: Review) -> None:
    book, ledger = review_book.book(of.case), of.ledger
    with st.container(horizontal=True):
        for name, mime, make in (
            ("verdicts.csv", "text/csv", lambda: audit_csv(review_book.visible_rows(ledger, of.who))),
            ("my_verdicts.json", "application/json", lambda: to_json(book, ledger, [of.who])),
        ):
            st.download_button(
                name,
                make,
                file_name=name,
                mime=mime,
                key=f"download-{name}",
                icon=":material/download:",
                on_click="ignore",
                disabled=not ledger.rows,
            )
    with st.expander("Bring in a colleague's verdicts", icon=":material/upload_file:"):
        st.caption("A my_verdicts.json that somebody saved on this page, about this same case.")
        sent = st.file_uploader("Verdicts", type="json", key=f"bring-{of.case.id}", max_upload_size=5)
        if sent is not None:
            _bring(of, sent.getvalue() if sent.size <= LARGEST else b"")


def _bring(of: Review, content: bytes) -> None:
    book = review_book.book(of.case)
    try:
        brought = from_json(content, book)
        st.markdown(
            f"{words.counted(brought.verdicts, 'verdict')} of {escaped(words.listed(brought.said))}"
            + (
                f"; {words.counted(brought.left_out, 'entry', 'entries')} left out"
                if brought.left_out
                else ""
            )
        )
        st.button(
            "Add them",
            icon=":material/merge:",
            disabled=not brought.verdicts,
            on_click=_add,
            args=(of, brought),
        )
    except ValueError as error:
        st.error(f"Not brought in: {escaped(str(error))}.", icon=":material/error:")


def _add(of: Review, brought: Brought) -> None:
    try:
        access.require("upload files")
        reserved = None if access.visitor().signed_in else of.who
        changed = bring_in(review_book.book(of.case), brought, reserved=reserved)
        st.toast(f"{words.counted(changed, 'verdict')} added.", icon=":material/check:")
    except CasebookUnavailable as error:
        st.error(escaped(str(error)), icon=":material/error:")
