"""Training images as a gallery, and one of them under the magnifying glass."""

import numpy as np
import streamlit as st

from app import charts, images, results, rules, state
from app.components.gallery import gallery
from app.panels.layers import layers
from app.shell import escaped
from app.state import View
from core import collapse
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast

PER_PAGE = 30
SHOWN = {"flagged": "Flagged", "missed": "Just missed", "influential": "Most influential"}


def training_images(case: Case, view: View, found: Detection) -> None:
    """A page of training images, and the inspector beside it."""
    left, right = st.columns([5, 3], gap="medium")
    with left:
        show = view.show if view.show in SHOWN else "flagged"
        state.bound(
            st.segmented_control,
            "Show",
            "show",
            show,
            options=list(SHOWN),
            format_func=SHOWN.get,
            required=True,
            label_visibility="collapsed",
        )
        rows = _rows(case, view, found, show)
        pages = max(1, -(-len(rows) // PER_PAGE))
        page = min(max(view.page, 1), pages)
        chosen = rows[(page - 1) * PER_PAGE : page * PER_PAGE]
        st.caption(f"{len(chosen)} of {len(rows):,} · {SHOWN[show].lower()}, most suspect first")
        picked = gallery(
            [_item(case, view, found, int(i)) for i in chosen],
            key=f"gallery-{case.id}",
            label="training images",
            selected=view.image if view.image >= 0 else [],
        )
        if pages > 1:
            _pager(pages, page)
    if picked is not None and picked != view.image:
        view = state.update(image=int(picked))
    with right:
        _inspector(case, view, found, rows)


def _pager(pages: int, page: int) -> None:
    key = f"page-{page}-of-{pages}"  # a pager takes its page only when it is new
    st.pagination(pages, default=page, key=key, on_change=lambda: state.update(page=st.session_state[key]))


def _rows(case: Case, view: View, found: Detection, show: str) -> np.ndarray:
    if show == "influential":
        return np.argsort(-case.plan.scores.value.original(view.query), kind="stable")[:360]
    order = np.argsort(-found.suspicion, kind="stable")
    flagged = found.flagged[order]
    return order[flagged] if show == "flagged" else order[~flagged][:360]


def _item(case: Case, view: View, found: Detection, i: int) -> dict:
    changes, truth = results.changes(case, view.query), results.truth(case, view)
    data, column = case.plan.poisoned.value, changes.delta[:, i]
    votes, name = int((column < view.threshold).sum()), data.class_names[data.train.labels[i]]
    strip = collapse.compressed(changes.ordered[:, i], changes.typical)
    return {
        "id": i,
        "src": images.address(case.id, "train", i),
        "title": name,
        "lines": [f"{votes} of {len(column)} fall"],
        "badge": truth and ("poison" if truth.poisoned[i] else "clean"),
        "flagged": bool(found.flagged[i]),
        "strip": strip.tolist(),
        "alt": f"training image {i}, label {name}, {votes} of {len(column)} changes below the threshold",
    }


def _inspector(case: Case, view: View, found: Detection, rows: np.ndarray) -> None:
    n = len(found.flagged)
    i = view.image if 0 <= view.image < n else int(rows[0]) if len(rows) else 0
    delta = results.changes(case, view.query).delta
    data, scores = case.plan.poisoned.value, case.plan.scores.value
    state.bound(
        st.number_input,
        "Training image",
        "image",
        i,
        min_value=0,
        max_value=n - 1,
        step=1,
        help="Any training image by its number, flagged or not.",
    )
    picture, words = st.columns([1, 1.4])
    with picture:
        st.image(
            images.png(images.enlarged(data.train.images[i])),
            width=168,
            output_format="PNG",
            alt=f"training image {i}",
        )
    with words:
        _told(case, view, found, i)
    kinds = [scores.transforms[row].replace("_", " ") or "relabelled" for row in scores.rows(view.query)]
    figure = charts.changes_of_image(delta[:, i], kinds, view.threshold, collapse.typical_change(delta[:, i]))
    charts.show(figure, key="image-changes", alt=f"changes of influence of training image {i}", height=270)
    layers(case, view, i)


def _told(case: Case, view: View, found: Detection, i: int) -> None:
    """What is known of a training image, in words."""
    delta, data = results.changes(case, view.query).delta, case.plan.poisoned.value
    rule = rules.in_force(case, view)
    st.markdown(f"**labelled “{escaped(data.class_names[data.train.labels[i]])}”**")
    st.markdown(
        f"{int((delta[:, i] < view.threshold).sum())} of {len(delta)} changes below {view.threshold:.3g}"
    )
    if isinstance(rule, Contrast):
        st.markdown(f"{found.suspicion[i]:+.2f} above the contrast's cut-off")
    else:
        st.markdown(f"deciding change {-found.suspicion[i]:.4g}")
    st.markdown(f"flagged again in {results.sureness(case, rule)[i]:.0%} of resamples")
    st.markdown(f"influence {case.plan.scores.value.original(view.query)[i]:.4g}")
    with st.container(horizontal=True):
        flagged = bool(found.flagged[i])
        st.badge("flagged" if flagged else "not flagged", color="orange" if flagged else "gray")
        if truth := results.truth(case, view):
            poisoned = bool(truth.poisoned[i])
            st.badge("poison" if poisoned else "clean", color="red" if poisoned else "green")
