"""Which rule flags: the contrast with controls at its calibrated cut-off, or the paper's threshold and tolerance."""

from dataclasses import replace

import numpy as np

from app import results
from app.state import View
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.export import Rule

TITLES = {"contrast": "Contrast with controls", "delta": "Delta-Influence (paper)"}


def in_force(case: Case, view: View) -> Rule:
    """The rule of the view; the paper's where the case has nothing to contrast with."""
    if view.rule == "contrast" and not why_not(case, view):
        return contrast(view, margin=view.margin)
    return DeltaInfluence(threshold=view.threshold, tolerance=view.tolerance, query=view.query)


def contrast(view: View, margin: float = 0.0) -> Contrast:
    """The contrast of the picked image alone, or of all images of the case together."""
    if view.using == "one":
        return Contrast(query=view.query, most_queries=1, margin=margin)
    return Contrast(margin=margin)


def why_not(case: Case, view: View) -> str:
    """Why there is no contrast, in words; empty where there is."""
    found = results.calibrated(case, contrast(view))
    return found if isinstance(found, str) else ""


def flags(case: Case, rule: Rule) -> Detection:
    """What a rule flags, from what is kept: another threshold or margin costs a comparison."""
    if isinstance(rule, DeltaInfluence):
        return rule.judge(results.changes(case, rule.query).ordered)
    found = results.calibrated(case, rule.model_copy(update={"margin": 0.0}))
    if isinstance(found, str):
        raise ValueError(found)
    return replace(found, flagged=found.suspicion > np.float32(rule.margin))
