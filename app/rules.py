"""Which rule flags: the contrast at its calibrated cut-off, the paper's threshold, or the relative collapse."""

from collections import Counter, OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np

from app import results
from app.state import View
from core import copies
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.export import Rule
from core.plateau import Line

_kinds: OrderedDict[tuple[str, int], Counter[str]] = OrderedDict()
TITLES = {
    "contrast": "Contrast with controls",
    "delta": "Delta-Influence (paper)",
    "relative": "Relative collapse",
}


def in_force(case: Case, view: View) -> Rule:
    """The rule of the view; the paper's where the case has nothing to contrast with."""
    if view.rule == "contrast" and not why_not(case, view):
        return contrast(view, margin=view.margin)
    return of_copies(case, view)


def of_copies(case: Case, view: View) -> DeltaInfluence | RelativeCollapse:
    """The rule of the view about the copies, with no more tolerance than the copies in use allow."""
    without = left_out(case, view)
    most = in_use(case, view) - 1
    shared: dict[str, Any] = {
        "tolerance": min(view.tolerance, most),
        "query": view.query,
        "without": without,
    }
    if view.rule == "relative":
        return RelativeCollapse(threshold=view.cut, **shared)
    return DeltaInfluence(threshold=view.threshold, **shared)


def kinds(case: Case, view: View) -> dict[str, int]:
    """How many copies of the picked image each kind of transformation made, by its name."""
    made = _made(case, view)
    return {kind: made[kind] for kind in sorted(made) if kind}


def _made(case: Case, view: View) -> Counter[str]:
    """How many copies each kind made; the empty name stands for those that were only relabelled."""
    scores = case.plan.scores
    key = (scores.key, view.query)
    return results.remembered(_kinds, key, lambda: Counter(copies.kinds(scores.value, view.query)))


def left_out(case: Case, view: View) -> tuple[str, ...]:
    """The kinds that the view leaves out and the case has; none where no copy would be left."""
    made = _made(case, view)
    chosen = tuple(sorted((set(view.without.split(".")) - {""}) & made.keys()))
    return chosen if sum(made[kind] for kind in chosen) < made.total() else ()


def in_use(case: Case, view: View) -> int:
    """How many copies of the picked image count."""
    made, without = _made(case, view), left_out(case, view)
    return sum(number for kind, number in made.items() if kind not in without)


def contrast(view: View, margin: float = 0.0) -> Contrast:
    """The contrast of the picked image alone, or of all images of the case together."""
    if view.using == "one":
        return Contrast(query=view.query, most_queries=1, margin=margin)
    return Contrast(margin=margin)


def why_not(case: Case, view: View) -> str:
    """Why there is no contrast, in words; empty where there is."""
    found = results.calibrated(case, contrast(view))
    return found if isinstance(found, str) else ""


def changes(case: Case, rule: DeltaInfluence | RelativeCollapse) -> np.ndarray:
    """What a rule compares with its level: a row for each copy that counts."""
    if isinstance(rule, DeltaInfluence):
        return results.changes(case, rule.query, rule.without).delta
    return rule.changes(case.plan.scores.value)


def line(case: Case, rule: Rule) -> Line:
    """What the cut-off of the rule is compared with, and the plateau; the same for every cut-off."""
    base = without_cut(rule)
    return results.line(case, base, flags(case, base))


def without_cut(rule: Rule) -> Rule:
    """The rule with its cut-off at zero: a name for all rules that differ in nothing else."""
    return rule.model_copy(update={"margin" if isinstance(rule, Contrast) else "threshold": 0.0})


def flags(case: Case, rule: Rule) -> Detection:
    """What a rule flags, from what is kept: another threshold or margin costs a comparison."""
    if isinstance(rule, DeltaInfluence):
        return rule.judge(results.changes(case, rule.query, rule.without).ordered)
    if isinstance(rule, RelativeCollapse):
        found = results.collapsed(case, without_cut(rule))
        return replace(found, flagged=found.suspicion > np.float32(rule.threshold))
    found = results.calibrated(case, without_cut(rule))
    if isinstance(found, str):
        raise ValueError(found)
    return replace(found, flagged=found.suspicion > np.float32(rule.margin))
