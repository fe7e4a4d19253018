"""What the settings mean, in plain words: what the default flags, what the chosen one, and where the plateau lies."""

import numpy as np
import streamlit as st

from app import results, rules, state
from app.state import View
from app.words import counted
from core import collapse, soundness
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.export import Rule
from core.plateau import Line

MANY = 0.2
FIELDS = {"contrast": "margin", "delta_influence": "threshold", "relative_collapse": "cut"}
"""Field of the view that holds a rule's cut-off."""
PLATEAU = (
    "A plateau is the longest stretch of settings on which a step hardly changes the flagged set (by less than 5 %). "
    "There the exact choice does not matter. That is no guarantee that the flags are right: in our own cases the middle "
    "of a plateau was worse than the calibrated contrast, and often worse than the paper's threshold 0."
)


def advice(case: Case, view: View, found: Detection) -> None:
    """One line about the settings; where nothing or very much is flagged, that instead."""
    rule = rules.in_force(case, view)
    line, (flagged, n) = rules.line(case, rule), (int(found.flagged.sum()), len(found.flagged))
    if not flagged:
        _nothing(rule, line)
    elif flagged > MANY * n:
        st.warning(f"{flagged / n:.0%} of the training set is flagged: the method assumes a small set.")
    if (silent := soundness.silent(case.plan.scores.value, view.query)) > MANY * n:
        st.warning(
            f"{silent / n:.0%} of the training images have exactly no influence: the classifier fits them so surely that "
            "their loss rounds to 0. Nothing can be said about them; fewer epochs or more weight decay leave something "
            "to measure."
        )
    told = [*_defaults(case, view, rule, flagged), *_plateau(rule, line)]
    st.caption(" ".join(told), help=PLATEAU if line.plateau else None)


def _nothing(rule: Rule, line: Line) -> None:
    """How far the nearest image is, and a way there."""
    field, sign = FIELDS[rule.name], 1 if isinstance(rule, DeltaInfluence) else -1
    side, end = ("below", "lowest") if sign > 0 else ("above", "highest")
    nearest, beyond = sign * float(line.statistic[0]), sign * collapse.least_that_flags(line.statistic)
    st.info(
        f"Nothing is flagged: for this rule no training image stands out. Nothing is {side} {_at(rule, _cut(rule))}; the "
        f"{end} image is at {_at(rule, nearest)}.",
        icon=":material/search_off:",
    )
    if field == "cut" and abs(beyond) > 1:
        return
    st.button(
        f"Go to the {end} image",
        icon=":material/my_location:",
        on_click=lambda: state.update(**{field: beyond, "page": 1}),
    )


def _defaults(case: Case, view: View, rule: Rule, flagged: int) -> list[str]:
    """What the rule flags at its default, and at the chosen cut-off where that is another."""
    names = {
        "contrast": (0.0, "The calibrated cut-off"),
        "delta_influence": (state.RULE.threshold, "Threshold 0, the paper's choice,"),
        "relative_collapse": (RelativeCollapse().threshold, "The first guess"),
    }
    default, name = names[rule.name]
    level = "margin" if isinstance(rule, Contrast) else "threshold"
    usual = rules.flags(case, rule.model_copy(update={level: default}))
    told = [f"{name} flags {int(usual.flagged.sum()):,}."]
    if np.float32(_cut(rule)) != np.float32(default):
        told.append(f"Yours, {_at(rule, _cut(rule))}, flags {flagged:,}.")
    calibrated = None if isinstance(rule, Contrast) else results.calibrated(case, rules.contrast(view))
    if isinstance(calibrated, Detection):
        told.append(f"The calibrated contrast flags {int(calibrated.flagged.sum()):,}.")
    return told


def _plateau(rule: Rule, line: Line) -> list[str]:
    found = line.plateau
    if found is None:
        return ["There is no plateau: every step changes the set."]
    sign = 1 if isinstance(rule, DeltaInfluence) else -1
    low, high = sorted((sign * found.low, sign * found.high))
    size = (
        counted(found.most, "image")
        if found.fewest == found.most
        else f"{found.fewest:,} to {found.most:,} images"
    )
    return [f"The plateau lies between {_at(rule, low)} and {_at(rule, high)} ({size})."]


def _cut(rule: Rule) -> float:
    return rule.margin if isinstance(rule, Contrast) else rule.threshold


def _at(rule: Rule, value: float) -> str:
    """A cut-off in words, with a true minus sign."""
    digits = ",.0f" if 1000 <= abs(value) < 1e7 else ".3g"
    shown = f"{value:{'+' * isinstance(rule, Contrast)}{digits}}"
    return shown.replace("-", "−")
