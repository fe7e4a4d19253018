"""Choose the misbehaving test image, and see what the classifier makes of it."""

import streamlit as st

from app import charts, images, state
from app.components.gallery import gallery
from app.state import View
from app.words import listed, quoted
from core.artifacts import Queries
from core.cases import Case


def pick_query(case: Case, view: View) -> View:
    """A gallery of the scored test images; returns the view with the one that is picked."""
    queries, names = case.plan.queries.value, list(case.plan.dataset.value.class_names)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        items = [
            {
                "id": i,
                "src": images.address(case.id, "query", i),
                "title": f"read as {names[queries.labels[i]]}",
                "lines": [
                    f"{queries.probabilities[i].max():.1%} sure",
                    f"shows {names[queries.true_labels[i]]}",
                ],
                "alt": f"test image {queries.test_rows[i]}, read as {names[queries.labels[i]]}",
            }
            for i in range(len(queries))
        ]
        picked = gallery(
            items, key=f"queries-{case.id}", label="misbehaving test images", selected=view.query, size=88
        )
        st.caption(_which(queries, names))
    if picked is not None and picked != view.query:
        view = state.update(query=int(picked), image=-1, page=1)
    query = view.query
    with right:
        st.markdown(f"**What the classifier says about test image {queries.test_rows[query]}**")
        values = queries.probabilities[query]
        figure = charts.probabilities(
            names, values, int(queries.true_labels[query]), int(queries.labels[query])
        )
        alt = f"The classifier says {names[int(values.argmax())]} with {values.max():.1%}"
        charts.show(figure, key="query-probabilities", alt=alt, height=210)
    return view


def _which(queries: Queries, names: list[str]) -> str:
    """How many of the misread test images are shown, and what they are taken for."""
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
