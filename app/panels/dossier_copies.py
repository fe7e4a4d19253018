"""One training image's change of influence on every copy of the picked test image, with the copies' pictures."""

import numpy as np
import streamlit as st

from app import image_facts, images, results, rules
from app.components.gallery import gallery
from app.panels import inspector
from app.shell import escaped
from app.state import View
from app.words import transformation
from core.cases import Case


def copies(case: Case, view: View, i: int) -> None:
    """The figure, then the copies in its order; a click shows one large."""
    st.header("On every copy")
    st.caption(
        "How much its influence changes when the picked image is transformed and asked about under another label. Below the "
        "dotted line counts as a fall."
    )
    inspector.changes(case, view, i, "dossier-changes")
    with st.expander(
        "The copies, lowest change first", key=f"copies-of-{case.id}", icon=":material/photo_library:"
    ):
        left, right = st.columns([1, 3], gap="medium")
        with right:
            picked = _grid(case, view, i)
        with left:  # on a phone the first column is on top
            _large(case, view, i, picked)


def _grid(case: Case, view: View, i: int) -> int:
    """Every copy in order of its change; the row of the one to show large."""
    changed, rows = case.plan.changed.value, np.flatnonzero(case.plan.changed.value.parent == view.query)
    delta = results.changes(case, view.query).delta[:, i]
    below = image_facts.level(rules.in_force(case, view))
    order = np.argsort(delta, kind="stable")
    picked = gallery(
        [
            {
                "id": int(rows[k]),
                "src": images.address(case.id, "copy", int(rows[k])),
                "title": transformation(changed.transforms[rows[k]]),
                "lines": [f"{delta[k]:+.3g}", "falls" if delta[k] < below else "does not fall"],
                "alt": f"{transformation(changed.transforms[rows[k]])} copy, change of influence {delta[k]:.3g}",
            }
            for k in order
        ],
        key=f"dossier-copies-{case.id}-{view.query}",
        label="copies by change",
        size=56,
    )
    return picked if isinstance(picked, int) and picked in rows else int(rows[order[0]])


def _large(case: Case, view: View, i: int, row: int) -> None:
    """One copy, what it was asked about, and what the classifier sees in it."""
    changed, names = case.plan.changed.value, case.plan.poisoned.value.class_names
    at = int((changed.parent[:row] == view.query).sum())
    kind = transformation(changed.transforms[row])
    st.image(
        images.inline(images.enlarged(changed.images[row])),
        width=200,
        alt=f"transformed copy, {kind}",
    )
    sees = names[changed.probabilities[row].argmax()]
    st.markdown(
        f"**{escaped(kind)}**  \nasked about “{escaped(names[changed.labels[row]])}”, read as “{escaped(sees)}”  \n"
        f"change of influence {results.changes(case, view.query).delta[at, i]:+.4g}"
    )
