"""The clean test images that two models read differently: a gallery, and one of them large."""

from dataclasses import replace

import numpy as np
import streamlit as st

from app import charts, images, moved
from app.components.gallery import gallery
from app.panels.unlearning.outcome_compare import KINDS, After, Sides, move
from app.shell import escaped
from app.words import counted, quoted
from core.cases import Case
from core.picks import Pick
from core.unlearned.comparing import Comparison

PER_PAGE = 48
BADGES = {"fixed": "✓ fixed", "broken": "✗ broken", "other": "other"}


def changed(case: Case, both: Sides, found: Comparison) -> None:
    """The gallery with its filter; the image that was clicked stands above, large."""
    st.subheader("Test images whose prediction changed")
    rows = {"all": found.changed, "fixed": found.fixed, "broken": found.broken, "other": found.other}
    _filter(both.after, {kind: len(of_kind) for kind, of_kind in rows.items()})
    chosen = rows[both.after.kind]
    if not len(chosen):
        st.info("No test image of this kind.", icon=":material/check:")
        return
    page = 1
    if len(chosen) > PER_PAGE:
        pages = -(-len(chosen) // PER_PAGE)
        key = f"changed-page-{both.after.second}-{both.after.first}-{both.after.kind}"
        page = min(st.pagination(pages, key=key), pages)
    listed = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    above = st.container()
    picked = gallery(
        [_item(case, both, found, int(row)) for row in listed],
        key=f"changed-{case.id}",
        label="test images that are read differently",
        selected=both.after.row if both.after.row in listed else [],
        size=72,
    )
    row = both.after.row if picked is None else int(picked)
    if row != both.after.row:
        both = replace(both, after=replace(both.after, row=row))
        move(row=row)
    if row in found.changed:
        with above:
            _large(case, both, found, row)


def _filter(after: After, sizes: dict[str, int]) -> None:
    moved.placed(
        st.segmented_control,
        "Which",
        list(KINDS),
        key="changed-kind",
        value=after.kind,
        on_move=lambda kind: move(kind=kind or "all", row=-1),
        format_func=lambda kind: f"{KINDS[kind]} {sizes[kind]:,}",
        required=True,
        label_visibility="collapsed",
    )


def _item(case: Case, both: Sides, found: Comparison, row: int) -> dict:
    names, test = case.plan.dataset.value.class_names, case.plan.dataset.value.test
    before, after = (names[r.test_predictions[row]] for r in both.reports)
    what = found.what(row)
    return {
        "id": row,
        "src": images.address(case.id, "test", row),
        "title": f"{before} → {after}",
        "lines": [f"shows {names[test.labels[row]]}"],
        "badge": BADGES[what],
        "alt": f"test image {row}, shows {names[test.labels[row]]}, read as {before}, then as {after}: {what}",
    }


def _large(case: Case, both: Sides, found: Comparison, row: int) -> None:
    """One image with what both models say about it."""
    data = case.plan.dataset.value
    names, true = list(data.class_names), int(data.test.labels[row])
    with st.container(border=True):
        picture, first, second = st.columns([1, 2, 2], gap="medium")
        with picture:
            pixels = images.inline(images.enlarged(np.asarray(data.test.images[row])))
            st.image(pixels, width=168, alt=f"test image {row}, shows {names[true]}")
            st.caption(f"Test image {row}, shows {quoted(names[true])}: {found.what(row)}.")
        for column, name, report in zip((first, second), both.names, both.reports, strict=True):
            with column:
                said = int(report.test_predictions[row])
                right = "rightly" if said == true else "wrongly"
                st.markdown(f"**{escaped(name)}** reads {quoted(names[said])}, {right}")
                _probabilities(case, row, np.asarray(report.query_probabilities), said, name)
        st.button(
            "Close",
            key="close-changed",
            icon=":material/close:",
            on_click=move,
            kwargs={"row": -1},
        )


def _probabilities(case: Case, row: int, told: np.ndarray, said: int, name: str) -> None:
    """How sure a model is, where it was written down: for picked images that are clean ones."""
    queries, asked = case.plan.queries.value, case.run.experiment.queries
    places = np.flatnonzero(np.asarray(queries.test_rows) == row)
    if not (isinstance(asked, Pick) and asked.source == "test" and len(places)):
        st.caption("How sure it is was written down for the picked images alone.")
        return
    names, true = list(case.plan.dataset.value.class_names), int(queries.true_labels[places[0]])
    figure = charts.probabilities(names, told[places[0]], true, said)
    charts.show(figure, key=f"changed-{name}", alt=f"{name} on {counted(1, 'test image')}", height=180)
