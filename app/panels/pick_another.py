"""Choose any other image: one of the test set, one more of the misread ones, or one's own."""

from typing import Any

import numpy as np
import streamlit as st

from app import access, answers, images, shell, state
from app.components.gallery import gallery
from app.shell import escaped
from app.state import View
from app.words import counted
from core import picks, truth
from core.cases import Case
from core.engine import questions
from core.picks import Pick
from core.safeload import SUFFIXES, ImageRefused

PER_PAGE = 24
ANY = -1
SOURCES = {"test": "Test set", "triggered": "More of the misread ones", "upload": "Your own image"}


def pick_another(own: Case, view: View) -> None:
    """A panel that opens on demand; what is picked goes into the address."""
    if state.is_locked("pick"):
        return
    key = f"another-{own.id}"
    if st.session_state.pop(f"{key}-close", False):
        st.session_state[key] = False
    with (
        panel := st.expander(
            "Another test image", icon=":material/add_photo_alternate:", key=key, on_change="rerun"
        )
    ):
        if not panel.open:
            return
        if not st.session_state.get(f"{key}-warm"):  # whoever opens this is about to pick
            st.session_state[f"{key}-warm"] = True
            answers.to(questions.about_misread(own.plan))
        source = st.segmented_control(
            "Where from",
            [name for name in SOURCES if name != "triggered" or (not own.sealed and truth.known(own.plan))],
            default="test",
            required=True,
            format_func=SOURCES.get,
            key=f"{key}-source",
            label_visibility="collapsed",
        )
        chosen = {"test": _from_test_set, "triggered": _from_misread, "upload": _uploaded}[source](own, key)
    if chosen is not None and chosen.text != view.pick:
        st.session_state[f"{key}-close"] = True
        state.update(pick=chosen.text, query=0, image=-1, page=1)
        st.rerun()


def _from_test_set(own: Case, key: str) -> Pick | None:
    data, said = own.plan.dataset.value, own.plan.before.value.test_predictions
    names, true = [escaped(name) for name in data.class_names], data.test.labels
    with st.container(horizontal=True):
        shows, read = (
            st.selectbox(
                label,
                [ANY, *range(len(names))],
                format_func=lambda k: "anything" if k == ANY else data.class_names[k],
                key=f"{key}-{label}",
                width=140,
            )
            for label in ("Shows", "Read as")
        )
    wanted = np.isin(true, range(len(names)) if shows == ANY else [shows])
    wanted &= np.isin(said, range(len(names)) if read == ANY else [read])
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(said[rows] == true[rows], kind="stable")]
    wrong = int((said[rows] != true[rows]).sum())
    st.caption(f"{counted(len(rows), 'test image')}, {wrong:,} of them misread; those come first.")

    def item(row: int) -> dict[str, Any]:
        misread = said[row] != true[row]
        return {
            "src": images.address(own.id, "test", row),
            "title": f"read as {data.class_names[said[row]]}",
            "lines": [f"shows {data.class_names[true[row]]}"],
            "badge": "misread" if misread else None,
            "alt": f"test image {row}, shows {data.class_names[true[row]]}, read as {data.class_names[said[row]]}",
        }

    row = _grid(rows, item, key=f"{key}-test-{shows}-{read}", label="test images")
    return None if row is None else Pick(source="test", row=row)


def _from_misread(own: Case, key: str) -> Pick | None:
    listed = questions.misread(own.plan)
    if not listed.done:
        _wait(own)
        return None
    found, names, truth = listed.value, own.plan.dataset.value.class_names, own.plan.poisoning.value
    shown = own.plan.queries.value
    more = np.flatnonzero(~np.isin(found.test_rows, shown.test_rows))
    st.caption(
        f"{counted(len(more), 'more test image')} that the classifier misreads in the same way, the surest first."
        if len(more)
        else "There are no more: all of them are shown above."
    )
    place = {int(row): i for i, row in enumerate(truth.triggered_rows)}

    def item(row: int) -> dict[str, Any]:
        i = int(np.flatnonzero(found.test_rows == row)[0])
        read, true = names[found.labels[i]], names[found.true_labels[i]]
        return {
            "src": images.address(own.id, "trigger", place[row]),
            "title": f"read as {read}",
            "lines": [f"{found.probabilities[i].max():.1%} sure", f"shows {true}"],
            "alt": f"test image {row}, shows {true}, read as {read}",
        }

    row = _grid(found.test_rows[more], item, key=f"{key}-misread", label="more misread test images")
    return None if row is None else Pick(source="triggered", row=row)


def _wait(own: Case) -> None:
    """Look again until the engine has read the images."""
    question = questions.about_misread(own.plan)
    answer = answers.to(question)
    answer.wait(0.3)

    def look() -> None:
        if answer.state == "done":
            st.rerun()
        elif answer.state == "asking":
            st.caption(f":material/hourglass: {shell.STAGES.get(answer.stage) or 'opening the case'} …")
        else:
            st.error(escaped(answer.error))
            if st.button("Try again", key="list-again"):
                answers.forget(question)
                st.rerun()

    st.fragment(look, run_every=0.4 if answer.state == "asking" else None)()


def _uploaded(own: Case, key: str) -> Pick | None:
    size = own.plan.dataset.value.test.images.shape[-1]
    turn = st.session_state.get(f"{key}-turn", 0)
    file = st.file_uploader(
        f"PNG, JPEG or WebP; the centred square is scaled to {size} × {size} pixels.",
        type=[suffix[1:] for suffix in SUFFIXES],
        key=f"{key}-upload-{turn}",
    )
    if file is None:
        return None
    try:
        access.require("upload files")
        pick = picks.keep_upload(file.getvalue(), size)
    except ImageRefused as error:
        st.error(escaped(str(error)), icon=":material/broken_image:")
        return None
    st.session_state[f"{key}-turn"] = turn + 1  # an empty field next time
    return pick


def _grid(rows: np.ndarray, item: Any, *, key: str, label: str) -> int | None:
    """A page of cards; the row just picked, or None."""
    pages = max(1, -(-len(rows) // PER_PAGE))
    page = min(st.session_state.get(f"{key}-page", 1), pages)
    some = rows[(page - 1) * PER_PAGE : page * PER_PAGE].tolist()
    chosen = gallery([{"id": row} | item(row) for row in some], key=f"{key}-cards", label=label, selected=[])
    if pages > 1:
        st.pagination(pages, key=f"{key}-page")
    return None if chosen is None else int(chosen)
