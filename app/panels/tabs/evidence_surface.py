"""Threshold × tolerance: what every pair of settings of the paper's rule flags."""

import numpy as np
import streamlit as st

from app import results, rules, state
from app.components.surface import Layer, Point, surface
from app.panels.advice import PLATEAU
from app.state import View
from app.words import counted
from core import collapse
from core.artifacts import Detection
from core.cases import Case
from core.detectors.delta_influence import DeltaInfluence
from core.plateau import Surface

GRADES = {
    "f1": ("F1", "Balance of precision and true positive rate. Needs the truth."),
    "true_positive_rate": ("True positive rate", "Share of the poisons that are flagged. Needs the truth."),
    "precision": ("Precision", "Share of the flagged images that are poisons. Needs the truth."),
}


def settings(case: Case, view: View, found: Detection) -> None:
    """The map, with the truth's layers where it is shown."""
    changes = results.changes(case, view.query, rules.left_out(case, view))
    made, rule = changes.surface, rules.in_force(case, view)
    st.caption(" ".join(_told(made, rule.name == "delta_influence")), help=PLATEAU)
    inside = isinstance(rule, DeltaInfluence) and rule.tolerance < len(made.counts)
    surface(
        made.counts,
        made.thresholds,
        (rule.threshold, rule.tolerance) if inside else None,
        total=changes.ordered.shape[1],
        key=f"surface-{case.id}-{view.query}",
        layers=[_stability(made), *_grades(case, view, made)],
        plateau=made.plateau.cells if made.plateau else None,
        on_pick=_picked,
    )


def _told(made: Surface, is_paper: bool) -> list[str]:
    told = ["How many images every pair of settings flags: all that a defender can see."]
    if not is_paper:
        told.append("It is about the paper's rule: choosing a cell switches to Delta-Influence.")
    if (found := made.plateau) is None:
        return [*told, "There is no plateau: every step changes the set."]
    size = (
        counted(found.most, "image")
        if found.fewest == found.most
        else f"{found.fewest:,} to {found.most:,} images"
    )
    return [*told, f"Outlined: the plateau, where a step hardly changes the set ({size} inside)."]


def _picked(point: Point) -> None:
    state.update(threshold=point[0], tolerance=point[1], rule="delta", page=1)


def _stability(made: Surface) -> Layer:
    meaning = "How much of the set changes with one step in any direction, at most. Dark is stable."
    return {"name": "Change per step", "values": made.instability, "meaning": meaning}


def _grades(case: Case, view: View, made: Surface) -> list[Layer]:
    """F1, true positive rate and precision of every cell; none where the truth may not be known."""
    if (truth := results.truth(case, view)) is None:
        return []
    ordered = results.changes(case, view.query, rules.left_out(case, view)).ordered
    hits = collapse.surface(np.ascontiguousarray(ordered[:, truth.poisoned]), made.thresholds)
    figures = collapse.graded_surface(made.counts, hits, len(truth))
    return [
        {"name": title, "values": figures[name], "meaning": meaning}
        for name, (title, meaning) in GRADES.items()
    ]
