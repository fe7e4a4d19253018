"""Training images as a gallery: what is listed, in which order, what is selected, and one of them in the inspector."""

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from app import image_facts, images, results, rules, state
from app.address_rules import MOST_CHOSEN
from app.components.gallery import Selection, workbench
from app.panels import listing as lists
from app.panels.inspector import inspector, shown
from app.panels.listing import PER_PAGE, SHOWN, SORTS, Listing
from app.panels.review import verdicts
from app.shell import escaped
from app.state import View
from app.words import counted
from core import collapse
from core.artifacts import Detection
from core.cases import Case

KEYS = {"p": "poison", "e": "keep", "u": "unsure", "z": verdicts.UNDO}
"""More keys of the gallery, each with the name of its action."""


def training_images(case: Case, view: View, found: Detection) -> None:
    """A page of training images, and the inspector beside it."""
    left, right = st.columns([5, 3], gap="medium")
    with left:
        _choices(case, view)
        listed = lists.listing(case, view, found)
        page = min(max(view.page, 1), listed.pages)
        _counts(case, view, listed, page)
        primary = shown(view, found, listed)
        workbench(
            cards(case, view, found, listed.rows[(page - 1) * PER_PAGE : page * PER_PAGE]),
            key=f"gallery-{case.id}",
            label="training images",
            selection=_selection(view, primary),
            keys=KEYS,
            on_gesture=partial(_take, case, listed, primary),
        )
        if listed.pages > 1:
            _pager(listed.pages, page)
        _selected(case, view)
    with right:
        inspector(case, view, found, listed)


def _selection(view: View, primary: int) -> Selection:
    """What the view has selected, as the gallery takes it."""
    pinned = view.pinned if view.pinned >= 0 else None
    return Selection(primary, lists.chosen(view), pinned, most=MOST_CHOSEN)


def _take(case: Case, listed: Listing, before: int, picked: Selection) -> None:
    """Move to what was picked, write verdicts, and turn the page."""
    picked = _of_case(picked, range(len(case.plan.dataset.value.train)))
    now = {
        "chosen": ".".join(map(str, picked.chosen)),
        "pinned": -1 if picked.pinned is None else picked.pinned,
    }
    asked = state.latest().image  # may be further than what was shown when one is faster than the page
    if picked.primary is not None and picked.primary != (asked if asked >= 0 else before):
        now["image"] = int(picked.primary)
    chosen = lists.chosen(state.update(**now))
    for action in picked.actions:
        if action.name in KEYS.values():
            verdicts.say(case, chosen if int(action.id) in chosen else [int(action.id)], action.name)
        elif action.name in ("next", "previous"):
            lists.go(listed, listed.beside(int(action.id), 1 if action.name == "next" else -1))


def _of_case(picked: Selection, images: range) -> Selection:
    """The selection without images that the case does not have: a browser can send any number."""
    return replace(
        picked,
        primary=picked.primary if picked.primary in images else None,
        chosen=tuple(i for i in picked.chosen if i in images),
        pinned=picked.pinned if picked.pinned in images else None,
        actions=tuple(a for a in picked.actions if a.id in images),
    )


def _choices(case: Case, view: View) -> None:
    """What is listed, in which order, and with which label."""
    names = case.plan.poisoned.value.class_names
    state.bound(
        st.segmented_control,
        "Show",
        "show",
        lists.shown(view),
        options=list(SHOWN),
        format_func=SHOWN.get,
        required=True,
        wrap=True,
        label_visibility="collapsed",
    )
    order = dict(SORTS) | ({"suspect": "most influential first"} if view.show == "influential" else {})
    with st.container(horizontal=True):
        state.bound(st.selectbox, "Order", "sort", view.sort, options=list(order), format_func=order.get)
        state.bound(
            st.selectbox,
            "Label",
            "label",
            lists.label(case, view),
            options=[-1, *range(len(names))],
            format_func=lambda k: "any" if k < 0 else names[k],
        )


def _counts(case: Case, view: View, listed: Listing, page: int) -> None:
    """How many of how many are shown, and what is not and why."""
    noun, n = lists.NOUNS[lists.shown(view)], len(listed.rows)
    first, last = min((page - 1) * PER_PAGE + 1, n), min(page * PER_PAGE, n)
    st.caption(f"{first:,} to {last:,} of {listed.total:,} {noun}" if n else f"0 of {listed.total:,} {noun}")
    if listed.beyond:
        st.caption(f"Only the first {n:,} are listed; {listed.beyond:,} more are not.")
    if listed.hidden:
        name = escaped(case.plan.poisoned.value.class_names[view.label])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/filter_alt: {listed.hidden:,} of {listed.total:,} {noun} are filtered out by label "
                f"(only “{name}” is shown)."
            )
            st.button(
                "Show all labels", key="all-labels", icon=":material/filter_alt_off:", on_click=_all_labels
            )
    elif not listed.total:
        _none(view)


def _all_labels() -> None:
    state.update(label=-1)


def _none(view: View) -> None:
    """Nothing to list: why, and what to do."""
    if lists.shown(view) == "chosen":
        st.info(
            "No image is selected. Ctrl-click or Shift-click cards, or use *Select* in the inspector.",
            icon=":material/check_box:",
        )
    elif lists.shown(view) == "flagged":
        st.info(
            "Nothing is flagged. The images that came closest are under *Just missed*.",
            icon=":material/info:",
        )
    else:
        st.info("Every training image is flagged.", icon=":material/info:")


def _pager(pages: int, page: int) -> None:
    key = f"page-{page}-of-{pages}"  # a pager takes its page only when it is new
    st.pagination(pages, default=page, key=key, on_change=lambda: state.update(page=st.session_state[key]))


def _selected(case: Case, view: View) -> None:
    """The size of the set with its button, and the keys."""
    if some := lists.chosen(view):
        n = len(case.plan.poisoned.value.train)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/check_box: **{len(some)}** of {counted(n, 'training image')} selected")
            st.button(
                "Clear",
                key="clear-chosen",
                icon=":material/close:",
                on_click=lambda: state.update(chosen=""),
                help="Esc in the gallery does the same.",
            )
    st.caption(
        "Click or Enter: inspect · Shift: extend a set · Ctrl: add or take away · Esc: empty it · N: pin · J, K: next, "
        "previous · P, E, U: poison, keep, unsure, for the whole set where the image is in it · Z: undo"
    )


def cards(case: Case, view: View, found: Detection, rows: np.ndarray) -> list[dict]:
    """A card for each of some training images."""
    rule = rules.in_force(case, view)
    changes = results.changes(case, view.query, rules.left_out(case, view))
    below, truth = image_facts.level(rule), results.truth(case, view)
    data, judged = case.plan.poisoned.value, verdicts.badges(case)

    def card(i: int) -> dict:
        column, name = changes.delta[:, i], data.class_names[data.train.labels[i]]
        votes = f"{int((column < below).sum())} of {len(column)} fall"
        far, shortly, told = image_facts.distance(rule, found, i), [], []
        if not image_facts.compared(case, rule, i):
            shortly = told = ["not compared"]
        elif far is not None:
            shortly, told = [image_facts.shortly(far)], [image_facts.beyond(far)]
        return {
            "id": i,
            "src": images.address(case.id, "train", i),
            "title": name,
            "lines": [
                f"number {i:,}",
                *shortly,
                votes,
                *([judged[i]] if i in judged else []),
            ],
            "badge": truth and ("poison" if truth.poisoned[i] else "clean"),
            "flagged": bool(found.flagged[i]),
            "strip": collapse.compressed(changes.ordered[:, i], changes.typical).tolist(),
            "alt": ", ".join([f"training image {i}", f"label {name}", *told, votes]),
        }

    return [card(int(i)) for i in rows]
