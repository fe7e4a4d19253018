"""The attacker's pictures: before, the difference, and after; for the poisons and for the attacked test images."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import images, results, state
from app.address_rules import CHOICES
from app.components.gallery import Item, gallery
from app.shell import escaped
from app.state import View
from app.words import counted, quoted
from core import attack_view
from core.attack_view import Alteration, Pair
from core.cases import Case

LOOKS = {"stored": "As stored", "clean": "Original", "change": "Difference"}


@dataclass(frozen=True)
class Side:
    """The poisons, or the attacked test images."""

    name: str
    """Field of the view that holds the picked one; also the kind of image as the attacker left it."""
    before: str
    """Kind of image that the originals are."""
    noun: str
    carries: str
    """What the label means here."""
    per_page: int
    pair: Pair
    altered: Alteration


def poisons(case: Case) -> Side:
    """The training images that the attack altered."""
    pair = attack_view.poisons(case.plan.dataset.value, case.plan.poisoning.value)
    return Side("poison", "clean", "poison", "labelled", 16, pair, results.attack(case).poisons)


def targets(case: Case) -> Side:
    """The test images that the attack is about."""
    pair = attack_view.targets(case.plan.dataset.value, case.plan.poisoning.value)
    return Side("trigger", "test", "attacked test image", "wanted:", 12, pair, results.attack(case).targets)


def looks(view: View) -> None:
    """How the images are drawn: which version in the grids, and how much differences are amplified."""
    with st.container(horizontal=True, gap="large"):
        for label, name, options, words, hint in (
            ("Images in the grids", "look", list(LOOKS), LOOKS.get, "What the grids below show."),
            (
                "Amplify differences",
                "factor",
                list(CHOICES["factor"]),
                lambda f: "auto" if f == "auto" else f"× {f}",
                "Grey is no change, brighter is more, darker is less. auto: as far as nothing is cut off.",
            ),
        ):
            state.bound(
                st.segmented_control,
                label,
                name,
                getattr(view, name),
                options=options,
                format_func=words,
                required=True,
                help=hint,
                width="content",
            )


def pictures(case: Case, view: View, side: Side) -> None:
    """One image under the magnifying glass, and a page of the others to pick from."""
    if not len(side.pair):
        st.info(f"There is no {side.noun} to show.")
        return
    at = _at(side, view)
    if len(side.pair) == 1:
        _glass(case, view, side, at)
        return
    left, right = st.columns([1, 1], gap="medium")
    with left:
        picked = _grid(case, view, side, at)
    if picked != at:
        state.update(**{side.name: picked})
    with right:
        _glass(case, view, side, picked)


def _grid(case: Case, view: View, side: Side, at: int) -> int:
    page, pages = at // side.per_page, -(-len(side.pair) // side.per_page)
    shown = range(page * side.per_page, min((page + 1) * side.per_page, len(side.pair)))
    st.caption(f"{len(shown)} of {counted(len(side.pair), side.noun)}")
    picked = gallery(
        [_item(case, view, side, i) for i in shown],
        key=f"{side.name}s-{case.id}-{page}",
        label=f"{side.noun}s",
        selected=at,
    )
    if pages > 1:
        key = f"{side.name}-page-{page}-of-{pages}"  # a pager takes its page only when it is new
        st.pagination(
            pages,
            default=page + 1,
            key=key,
            on_change=lambda: state.update(**{side.name: (st.session_state[key] - 1) * side.per_page}),
        )
    return int(picked) if isinstance(picked, int) and 0 <= picked < len(side.pair) else at


def _item(case: Case, view: View, side: Side, i: int) -> Item:
    names, row = case.plan.dataset.value.class_names, int(side.pair.rows[i])
    own, label = names[side.pair.classes[i]], names[side.pair.labels[i]]
    kinds = {"stored": (side.name, i), "clean": (side.before, row)}
    kinds["change"] = (f"{side.name}-change-{_factor(view, side)}", i)
    return {
        "id": i,
        "src": images.address(case.id, *kinds[view.look if side.altered.repainted else "stored"]),
        "title": f"{own} → {label}" if own != label else own,
        "lines": [f"image {row:,}"],
        "alt": f"{side.noun} {i}, shows {own}, {side.carries} {label}",
    }


def _factor(view: View, side: Side) -> int:
    return side.altered.factor if view.factor == "auto" else int(view.factor)


def _glass(case: Case, view: View, side: Side, i: int) -> None:
    """The image before, what was added, and the image after."""
    pair, names = side.pair, case.plan.dataset.value.class_names
    own, label = (names[k] for k in (pair.classes[i], pair.labels[i]))
    _steps(side, i)
    largest, factor = attack_view.largest_change(pair, i), _factor(view, side)
    after = pair.after[i]
    shown = [(np.asarray(after), f"untouched; {side.carries} {label}")]
    if largest:
        change = attack_view.amplified(pair.change(i, i + 1)[0], factor)
        shown = [
            (np.asarray(pair.before[pair.rows[i]]), f"before: {own}"),
            (change, f"difference × {factor}"),
            (np.asarray(after), f"after; {side.carries} {label}"),
        ]
    with st.container(horizontal=True, key=f"side-by-side-{side.name}"):
        for image, words in shown:
            st.image(
                images.inline(images.enlarged(image)),
                caption=escaped(words),
                width="stretch",
                alt=f"{side.noun} {i}, {words}",
            )
    st.markdown(_what_changed(side, own, label, largest))
    if side.name == "trigger":
        st.markdown(_answers(case, side, i))


def _step(side: Side, by: int) -> None:
    """From where one is by now, if one was faster than the page."""
    to = _at(side, state.latest()) + by
    state.update(**{side.name: min(max(to, 0), len(side.pair) - 1)})


def _at(side: Side, view: View) -> int:
    """Which image is shown: the one that the view asks for, if there is one."""
    asked = getattr(view, side.name)
    return asked if 0 <= asked < len(side.pair) else 0


def _steps(side: Side, i: int) -> None:
    """One image back or on."""
    if len(side.pair) == 1:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for words, icon, by in (("Previous", "chevron_left", -1), ("Next", "chevron_right", 1)):
            st.button(
                words,
                key=f"{side.name}-{words}",
                icon=f":material/{icon}:",
                disabled=not 0 <= i + by < len(side.pair),
                on_click=_step,
                args=(side, by),
            )
        st.markdown(f"**{i + 1:,}** of {len(side.pair):,}")


def _what_changed(side: Side, own: str, label: str, largest: int) -> str:
    if side.name == "poison":
        labels = "label kept" if own == label else f"label {quoted(own)} became {quoted(label)}"
    else:
        labels = f"shows {quoted(own)}, shall be read as {quoted(label)}"
    pixels = f"largest change of a pixel {largest} of 255" if largest else "no pixel changed"
    return f"{labels} · {pixels}"


def _answers(case: Case, side: Side, i: int) -> str:
    """What the victim says about a test image, with and without what the attacker did to it."""
    names, row, p = case.plan.dataset.value.class_names, int(side.pair.rows[i]), case.plan
    clean = quoted(names[p.before.value.test_predictions[row]])
    scored = np.flatnonzero(p.queries.value.test_rows == row)
    if not side.altered.repainted:
        return f"The victim reads it as {clean}{_sure(case, scored)}."
    if not len(scored):
        return f"The victim reads the original as {clean}."
    read = quoted(names[p.queries.value.probabilities[scored[0]].argmax()])
    return f"The victim reads this one as {read}{_sure(case, scored)}, the original as {clean}."


def _sure(case: Case, scored: np.ndarray) -> str:
    """How sure the victim is, which is known for the images whose influence was scored."""
    return f" ({case.plan.queries.value.probabilities[scored[0]].max():.1%} sure)" if len(scored) else ""
