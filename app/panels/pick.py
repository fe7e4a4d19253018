"""Choose the misbehaving test image, and see what the classifier makes of it."""

from collections import OrderedDict

import numpy as np
import streamlit as st

from app import charts, images, results, state
from app.components.gallery import gallery
from app.drawn import Drawn, drawn
from app.state import View
from app.words import listed, quoted
from core.artifacts import Queries
from core.cases import Case
from core.picks import OWN, UNKNOWN, Pick, read_upload

_opinions: OrderedDict[tuple[str, str, int], Drawn] = OrderedDict()


def pick_query(own: Case, view: View) -> tuple[View, Case]:
    """A gallery of the scored test images; returns the view with the one that is picked, and the case about it."""
    queries, names = own.plan.queries.value, list(own.plan.dataset.value.class_names)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chosen = gallery(
            [_item(own, queries, names, i) for i in range(len(queries))],
            key=f"queries-{own.id}",
            label="misbehaving test images",
            selected=[] if view.pick else view.query,
            size=88,
        )
        st.caption(_which(own, queries, names))
        if state.is_locked("query"):
            st.caption(f":material/lock: {state.LOCKED}")
    if chosen in range(len(queries)) and (view.pick or chosen != view.query):
        view = state.update(pick="", query=int(chosen), image=-1, page=1)
    case = _about(own, view)
    if case is own:
        view = view if not view.pick else state.update(pick="")
        with right:
            _opinion(own, names, view.query)
        return view, own
    with left:
        _picked(own, case, names)
    with right:
        if case.plan.queries.done:
            _opinion(case, names, 0)
            _label(case, names)
    return view, case


def _about(own: Case, view: View) -> Case:
    """The case about the picked image; a link may name one that is not here."""
    if not view.pick:
        return own
    try:
        return results.picked(own, view.pick)
    except ValueError as error:
        st.warning(f"The picked image is not here: {error}. The case's own images are shown.")
        return own


def _item(own: Case, queries: Queries, names: list[str], i: int) -> dict:
    read, true = names[queries.labels[i]], int(queries.true_labels[i])
    return {
        "id": i,
        "src": images.address(own.id, "query", i),
        "title": f"read as {read}",
        "lines": [
            f"{queries.probabilities[i].max():.1%} sure",
            "uploaded" if true == UNKNOWN else f"shows {names[true]}",
        ],
        "alt": f"test image {queries.test_rows[i]}, read as {read}",
    }


def _which(own: Case, queries: Queries, names: list[str]) -> str:
    """How many of the misread test images are shown, and what they are taken for."""
    if isinstance(own.run.experiment.queries, Pick):
        return "The image that was picked for this investigation."
    read = listed(quoted(names[k]) for k in dict.fromkeys(queries.labels.tolist()))
    if queries.n_affected == 1:
        return (
            f"The only test image that the classifier misreads as {read}; the investigation starts from it."
        )
    first = "All" if len(queries) == queries.n_affected else f"{len(queries)} of the"
    return (
        f"{first} {queries.n_affected:,} misread test images, taken for {read}. The investigation starts from the one "
        "you pick."
    )


def _opinion(case: Case, names: list[str], query: int) -> None:
    """What the classifier makes of one image."""
    queries = case.plan.queries.value
    row, values = queries.test_rows[query], queries.probabilities[query]
    about = "your image" if row == UNKNOWN else f"test image {row}"
    st.markdown(f"**What the classifier says about {about}**")
    true, read = int(queries.true_labels[query]), int(queries.labels[query])
    figure = results.remembered(
        _opinions,
        (case.id, case.plan.queries.key, query),
        lambda: drawn(charts.probabilities(names, values, true, read), 210),
    )
    alt = f"The classifier says {names[int(values.argmax())]} with {values.max():.1%}"
    charts.show(figure, key="query-probabilities", alt=alt)


def _picked(own: Case, case: Case, names: list[str]) -> None:
    """The picked image, what is known of it, and the way back."""
    pick = case.run.experiment.queries
    pixels, true = _image(own, pick)
    with st.container(border=True, key="picked-image"):
        picture, words = st.columns([1, 3], vertical_alignment="center")
        with picture:
            alt = f"picked: {pick.words}"
            st.image(images.inline(images.enlarged(pixels)), width=112, alt=alt)
        with words:
            shows = "" if true == UNKNOWN else f", shows {quoted(names[true])}"
            st.markdown(f"**Picked instead: {pick.words}**{shows}")
            if case.plan.queries.done:
                st.caption(_reading(case.plan.queries.value, pick, names))
            st.button(
                "Back to the case's own images",
                icon=":material/undo:",
                key="own-images",
                on_click=lambda: state.update(pick="", query=0, image=-1, page=1),
            )


def _image(own: Case, pick: Pick) -> tuple[np.ndarray, int]:
    """Pixels and true label of a picked image."""
    if pick.source == "upload":
        return read_upload(pick.digest), UNKNOWN
    test, truth = own.plan.dataset.value.test, own.plan.poisoning.value
    if pick.source == "test":
        return test.images[pick.row], int(test.labels[pick.row])
    place = int(np.flatnonzero(truth.triggered_rows == pick.row)[0])
    return truth.triggered.images[place], int(truth.triggered.labels[place])


def _reading(queries: Queries, pick: Pick, names: list[str]) -> str:
    """Whether the classifier is wrong about the image, and what its influence therefore shows."""
    says, asked, true = (
        int(x) for x in (queries.probabilities[0].argmax(), queries.labels[0], queries.true_labels[0])
    )
    if asked != says:
        return (
            f"Read as {quoted(names[says])}. You ask about {quoted(names[asked])}: influence shows what speaks for that "
            "answer, although the classifier does not give it."
        )
    if true == UNKNOWN:
        return f"Read as {quoted(names[says])}. Only you know whether that is right."
    if says == true:
        return (
            "**The classifier reads it rightly.** Influence then shows what supports the right answer; what is flagged "
            "is no sign of poison."
        )
    return f"Misread as {quoted(names[says])}."


def _label(case: Case, names: list[str]) -> None:
    """Ask why the image is not read as something else."""
    pick = case.run.experiment.queries
    key, own = f"asked-{case.id}", int(case.plan.queries.value.probabilities[0].argmax())

    def chosen() -> None:
        asked = st.session_state[key]
        other = pick.model_copy(update={"label": OWN if asked == own else asked})
        state.update(pick=other.text, image=-1, page=1)

    st.selectbox(
        "Asked about",
        [OWN, *range(len(names))],
        index=pick.label + 1,
        format_func=lambda k: "what the classifier says" if k == OWN else names[k],
        key=key,
        on_change=chosen,
        help="Influence is always about one answer: by default the classifier's own.",
    )
