"""How delicate is the rule? Threshold, tolerance and number of copies, from the same scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import Claim, Figures, Measure, Rows, Study, known

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab

THRESHOLDS = (0, -1, -5, -10, -100)
TOLERANCES = (0, 1, 2, 3)
COPIES = (5, 10, 20, 30, 40)


def at(threshold: float, tolerance: int) -> Measure:
    """Measures Delta-Influence at a threshold and tolerance of the published grid."""

    def measure(lab: "Lab") -> Figures:
        return lab.grade(lab.detection("delta_influence", threshold=float(threshold), tolerance=tolerance))

    return measure


def fewer(copies: int) -> Measure:
    """Measures the rule on the first so many copies."""

    def measure(lab: "Lab") -> Figures:
        from core import collapse, truth

        p, detector = lab.plan, lab.detector("delta_influence")
        found = detector.judge(collapse.sorted_changes(p.scores.value.delta(detector.query)[:copies]))
        return truth.required(p).grade(found)

    return measure


def stricter(rows: Rows) -> bool | None:
    """Fifty copies are more precise than ten."""
    ten, all_of_them = known(rows, "copies/10", "precision"), known(rows, "0/0", "precision")
    return None if ten is None or all_of_them is None else ten < all_of_them


class Sensitivity(Study):
    """Threshold by tolerance, and fewer copies."""

    name: ClassVar[str] = "sensitivity"
    title: ClassVar[str] = "Threshold, tolerance, copies"
    order: ClassVar[int] = 20
    source: ClassVar[str] = "Delta-Influence, section 4.1 (the grid; no figures published)"
    about: ClassVar[str] = "How much do the flags depend on threshold, tolerance and number of copies?"
    figures: ClassVar[tuple[str, ...]] = (
        "precision",
        "true_positive_rate",
        "precision_in_target_label",
        "flagged",
    )
    claims: ClassVar[tuple[Claim, ...]] = (Claim("more copies make the rule more precise", stricter),)

    def rows(self) -> Mapping[str, Measure]:
        """`threshold/tolerance`, and `copies/number` at the preset's threshold and tolerance."""
        grid = {f"{t}/{k}": at(t, k) for t in THRESHOLDS for k in TOLERANCES}
        return grid | {f"copies/{n}": fewer(n) for n in COPIES}
