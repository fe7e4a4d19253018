"""The line that is dragged, one for each rule, with its plateau, its count and the way back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import rules, state
from app.address_rules import LARGEST
from app.components.threshold import threshold
from app.panels import kinds
from app.shell import escaped
from app.state import View
from core.cases import Case
from core.detectors.relative_collapse import RelativeCollapse

FIRST_GUESS = RelativeCollapse().threshold


@dataclass(frozen=True)
class Dragged:
    """What differs between the lines of the rules."""

    field: str
    """Of the view, which holds the cut-off."""
    default: float
    back: str
    """What the way back to the default is called."""
    hint: str
    key: str
    name: str = "Threshold"
    mark: str = ""
    mirrored: bool = False
    """Flagged means above, and the component gets everything negated."""
    reach: float = LARGEST


def contrast(case: Case, view: View) -> None:
    """The calibrated cut-off; dragging it is possible and seldom needed."""
    label = int(case.plan.queries.value.labels[view.query])
    controls, name = (
        len(case.plan.scores.value.controls(label)),
        case.plan.poisoned.value.class_names[label],
    )
    st.caption(
        f"Does a training image support the misread image more than it supports {controls} clean test images of "
        f"“{escaped(name)}”, the *controls*? Clean training images do not, poisons do. The cut-off is calibrated without "
        "any truth: each control stands in for the misread image once, which shows how far chance goes."
    )
    _drawn(
        case,
        view,
        Dragged(
            field="margin",
            default=0.0,
            back="Back to calibrated",
            hint="The cut-off that the controls give.",
            key=f"margin-{case.id}-{view.query if view.using == 'one' else 'all'}",
            name="Above the cut-off",
            mark="calibrated",
            mirrored=True,
        ),
    )


def delta(case: Case, view: View) -> None:
    """Threshold and tolerance of the paper's rule."""
    st.caption(
        f"Each of the {rules.in_use(case, view)} transformed and relabelled copies changes every training image's "
        "influence. Clean images lose some and gain some; poisons lose on nearly every copy. An image is flagged when all "
        "but a tolerated few of its changes are below the threshold."
    )
    kinds.chips(case, view)
    what = Dragged(
        field="threshold",
        default=state.RULE.threshold,
        back="Back to 0",
        hint="Needs no tuning: any fall counts.",
        key=f"threshold-{case.id}-{view.query}",
    )
    _drawn(case, view, what, _tolerance)


def relative(case: Case, view: View) -> None:
    """Cut-off and tolerance of the relative collapse."""
    st.caption(
        f"How much of its own influence does a training image lose on the {rules.in_use(case, view)} copies? The fall is "
        "divided by the size of the image's own scores: −1 to 1, whatever their scale, so that badly fitted clean images "
        f"no longer pass. The cut-off {FIRST_GUESS:g}, the loss of a third, is a first guess and not calibrated: where it "
        "belongs differs from case to case."
    )
    kinds.chips(case, view)
    what = Dragged(
        field="cut",
        default=FIRST_GUESS,
        back=f"Back to {FIRST_GUESS:g}",
        hint="A first guess: the loss of a third of the influence.",
        key=f"cut-{case.id}-{view.query}",
        name="Collapse above",
        mark="first guess",
        mirrored=True,
        reach=1.0,
    )
    _drawn(case, view, what, _tolerance)


def _drawn(case: Case, view: View, what: Dragged, more: Callable[[Case, View], None] | None = None) -> None:
    """The line on the left, count and way back on the right; `more` are controls above the count."""
    left, right = st.columns([4, 1], gap="medium")
    if more:
        with right:
            more(case, view)
    with left:
        _line(case, view, what)
    with right:
        _count(rules.flags(case, rules.in_force(case, view)).flagged)
        _back(view, what)


def _line(case: Case, view: View, what: Dragged) -> None:
    line, sign = rules.line(case, rules.in_force(case, view)), -1 if what.mirrored else 1
    found = line.plateau

    def moved(value: float) -> None:
        within = min(max(sign * value, -what.reach), what.reach)
        state.update(**{what.field: within + 0.0, "page": 1})  # no minus zero

    threshold(
        line.statistic,
        sign * getattr(view, what.field),
        flagged_total=len(line.statistic),
        key=what.key,
        plateau=(found.low, found.high) if found else None,
        mark=(what.mark, sign * what.default) if what.mark else None,
        mirrored=what.mirrored,
        name=what.name,
        locked=state.is_locked(what.field),
        on_move=moved,
    )
    if state.is_locked(what.field):
        st.caption(f":material/lock: {state.LOCKED}")


def _tolerance(case: Case, view: View) -> None:
    most = min(rules.in_use(case, view) - 1, max(view.tolerance, 10))  # a link may ask for more than 10
    if most < 1:
        st.caption("One copy counts: nothing can be tolerated.")
        return
    hint = "How many of the copies may fail to push the influence below the threshold."
    now = min(view.tolerance, most)  # a locked one may be more than the copies in use allow
    state.bound(st.slider, "Tolerance", "tolerance", now, min_value=0, max_value=most, help=hint)


def _count(flagged: np.ndarray) -> None:
    number, n = int(flagged.sum()), len(flagged)
    st.metric("Flagged", f"{number:,}", help=f"of {n:,} training images ({number / n:.1%})")


def _back(view: View, what: Dragged) -> None:
    if getattr(view, what.field) != what.default:
        st.button(
            what.back,
            icon=":material/undo:",
            disabled=state.is_locked(what.field),
            help=what.hint,
            on_click=lambda: state.update(**{what.field: what.default, "page": 1}),
        )
