"""One training image under the magnifying glass, and the pinned one beside it."""

from dataclasses import replace

import numpy as np
import streamlit as st

from app import charts, closeup_charts, closeups, image_facts, images, results, rules, state
from app.address_rules import MOST_CHOSEN
from app.components.gallery import gallery
from app.panels import listing as lists
from app.panels.layers import layers
from app.panels.listing import Listing
from app.panels.review.verdicts import verdict_buttons
from app.shell import escaped
from app.state import View
from app.words import transformation
from core import collapse, copies
from core.artifacts import Detection
from core.cases import Case


def inspector(case: Case, view: View, found: Detection, listed: Listing) -> None:
    """The primary image: where it stands, pictures, facts, what can be done with it, and the evidence."""
    i = shown(view, found, listed)
    lists.steps(listed, i, "inspector")
    state.bound(
        st.number_input,
        "Training image",
        "image",
        i,
        min_value=0,
        max_value=len(found.flagged) - 1,
        step=1,
        help="Any training image by its number, flagged or not.",
    )
    pictures(case, i, "inspected")
    columns = [(f"{i:,}", image_facts.facts(case, view, found, i))]
    if 0 <= view.pinned != i:
        pictures(case, view.pinned, "pinned")
        columns.append((f"pinned {view.pinned:,}", image_facts.facts(case, view, found, view.pinned)))
    st.markdown(image_facts.side_by_side(columns))
    decisions(case, view, i)
    st.page_link(
        "views/image.py",
        label="Open on its own page",
        icon=":material/open_in_full:",
        query_params=address(replace(view, image=i)),
    )
    changes(case, view, i, "image-changes")
    layers(case, view, i)
    neighbours(case, found, listed, i)


def shown(view: View, found: Detection, listed: Listing) -> int:
    """The image in the inspector: the primary, or else the first that is listed, or the most suspect."""
    if 0 <= view.image < len(found.flagged):
        return view.image
    return int(listed.rows[0]) if len(listed.rows) else int(np.argmax(found.suspicion))


def address(view: View) -> dict[str, str]:
    """The whole address of a view, so that a link also works in another tab."""
    return state.parameters_of(view) | {"v": state.VERSION}


def pictures(case: Case, i: int, which: str) -> None:
    """The image, what it has beyond the mean of its label, and that mean."""
    with st.container(horizontal=True, key=f"side-by-side-{which}"):
        for pixels, words, alt in views(case, i, "pinned " if which == "pinned" else ""):
            picture(pixels, words, alt)


def views(case: Case, i: int, of: str = "") -> list[tuple[np.ndarray, str, str]]:
    """The three pictures of one image, each with its caption and with the text that stands for it."""
    data = case.plan.poisoned.value
    name = data.class_names[data.train.labels[i]]
    rest, factor = closeups.residual(case, i)
    mean, alt = closeups.label_mean(case, i) / 255, f"{of}training image {i}"
    return [
        (data.train.images[i], f"{of}image {i:,}", alt),
        (rest, f"less the mean{f' × {factor}' if factor > 1 else ''}", f"{alt} less the mean of its label"),
        (mean, f"mean of “{name}”", f"mean of all images labelled {name}"),
    ]


def picture(pixels: np.ndarray, words: str, alt: str, width: int | str = "stretch") -> None:
    """One picture with its pixels kept sharp; its caption is foreign text."""
    least = max(336, width) if isinstance(width, int) else 336
    content = images.inline(images.enlarged(pixels, least))
    st.image(content, caption=escaped(words), width=width, alt=alt)


def decisions(case: Case, view: View, i: int) -> None:
    """What can be done with one image: judge it, pin it, select it."""
    verdict_buttons(case, view, i)
    some = lists.chosen(view)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Unpin" if view.pinned == i else "Pin to compare",
            key="pin-image",
            icon=":material/keep_off:" if view.pinned == i else ":material/keep:",
            on_click=lambda: state.update(pinned=-1 if view.pinned == i else i),
            help="Keeps this image beside whichever you look at next. N in the gallery does the same.",
        )
        if view.pinned not in (i, -1):
            st.button(
                f"Unpin {view.pinned:,}",
                key="unpin-other",
                icon=":material/keep_off:",
                on_click=lambda: state.update(pinned=-1),
            )
        now = [k for k in some if k != i] if i in some else [*some, i]
        st.button(
            "Deselect" if i in some else "Select",
            key="select-image",
            icon=":material/check_box:" if i in some else ":material/check_box_outline_blank:",
            disabled=len(now) > MOST_CHOSEN,
            on_click=lambda: state.update(chosen=".".join(map(str, now))),
            help="Adds it to the selected set, or takes it away. Ctrl-click in the gallery does the same.",
        )


def changes(case: Case, view: View, i: int, key: str) -> None:
    """Its change of influence on every copy, by kind."""
    delta = results.changes(case, view.query).delta[:, i]
    below = image_facts.level(rules.in_force(case, view))
    names = [transformation(kind) for kind in copies.kinds(case.plan.scores.value, view.query)]
    figure = closeup_charts.changes_by_kind(delta, names, below, collapse.typical_change(delta))
    fall = int((delta < below).sum())
    alt = f"changes of influence of training image {i}, {fall} of {len(delta)} below the dotted line"
    charts.show(figure, key=key, alt=alt)


def neighbours(case: Case, found: Detection, listed: Listing, i: int) -> None:
    """The flagged images that look most like it; a click inspects one."""
    near = closeups.nearest(case, found, i)
    st.markdown("**Nearest flagged images**")
    if not len(near.rows):
        st.caption("No other image is flagged.")
        return
    data = case.plan.poisoned.value
    st.caption(
        f"By pixels, among {near.compared:,} flagged. The number is the typical difference of a pixel, of 255."
    )
    picked = gallery(
        [
            {
                "id": int(k),
                "src": images.address(case.id, "train", int(k)),
                "title": data.class_names[data.train.labels[k]],
                "lines": [f"number {k:,}", f"differs by {far:.0f}"],
                "alt": f"training image {k}, differs by {far:.0f} of 255",
            }
            for k, far in zip(near.rows, near.distances, strict=True)
        ],
        key=f"near-{case.id}",
        label="nearest flagged images",
        selected=[],
        size=56,
    )
    if isinstance(picked, int) and picked != i:
        lists.go(listed, picked)
        st.rerun()
