"""What a study is: rows to measure for each setting, the published figures, and the claims to check.

A setting is one attack on one dataset, for example `cifar10-badnet`; its preset is the file of that name in
assets/experiments/paper/SCALE.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.registry import Plugin

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab

Figures = Mapping[str, float | None]
Measure = Callable[["Lab"], Figures]
Rows = Mapping[str, Figures]
"""Figures by row: published ones, or the means of ours."""

TRIGGERS = ("badnet", "smooth", "witches_brew")
ATTACKS = (*TRIGGERS, "interclass_confusion")
DETECTORS = {
    "spectral_signatures": "SpecSig",
    "activation_clustering": "ActClust",
    "frequency_detector": "FreqDef",
    "influence_threshold": "EK-FAC",
    "delta_influence": "Delta-Influence",
    "relative_collapse": "relative collapse (ours)",
    "contrast": "contrast with controls (ours)",
}
"""Detectors of the comparison, by the names that the published tables use."""
ORIGINALS = {
    "spectral_signatures_original": "SpecSig, original",
    "activation_clustering_original": "ActClust, original",
}
"""The same as their own papers have them, which the published comparison does not show."""
UNLEARNERS = {
    "exact": "EU",
    "catastrophic_forgetting": "CF",
    "ssd": "SSD",
    "scrub": "SCRUB",
    "bad_teacher": "BadT",
}
REMOVED = 0.05
"""Poison success below this counts as removed (both papers)."""


@dataclass(frozen=True)
class Claim:
    """A statement of a paper that our figures can support or contradict, setting by setting."""

    text: str
    holds: Callable[[Rows], bool | None]
    """Given the means by row; None where a row that it needs has not been measured."""


class Study(Plugin):
    """One table or figure, to be measured anew."""

    source: ClassVar[str]
    """Where it is published, for example `Delta-Influence, Table 1`."""
    about: ClassVar[str]
    """The question that it answers, in a sentence."""
    figures: ClassVar[tuple[str, ...]]
    """Names of the figures of a row, the most telling first."""
    attacks: ClassVar[tuple[str, ...]] = ATTACKS
    """Attacks that it is about."""
    claims: ClassVar[tuple[Claim, ...]] = ()
    published: ClassVar[Mapping[str, Rows]] = {}
    """Published figures by setting and row, as shares, not per cent."""
    order: ClassVar[int]
    """Place among the studies: cheap ones, and those that others stand on, first."""
    gated: ClassVar[bool] = True
    """Whether the attack has to have worked before there is anything to judge."""

    @abstractmethod
    def rows(self) -> Mapping[str, Measure]:
        """How each row is measured."""


FLAGS = (
    "precision",
    "true_positive_rate",
    "precision_in_target_label",
    "average_precision",
    "average_precision_in_target_label",
    "flagged",
)
"""Figures of a set of flags; precision and average precision inside the target label stand beside the global ones."""


def published_flags(names: Sequence[str], *columns: tuple[str, str]) -> dict[str, Rows]:
    """Rows by setting from published columns (setting, "precision/TPR precision/TPR ..."), in per cent."""
    found: dict[str, Rows] = {}
    for setting, cells in columns:
        pairs = [[float(x) / 100 for x in cell.split("/")] for cell in cells.split()]
        found[setting] = {
            row: {"precision": precision, "true_positive_rate": rate}
            for row, (precision, rate) in zip(names, pairs, strict=True)
        }
    return found


def known(rows: Rows, row: str, figure: str) -> float | None:
    """A figure of a row; None where the row has not been measured."""
    return rows[row].get(figure) if row in rows else None


def compare(one: float | None, other: float | None, holds: Callable[[float, float], bool]) -> bool | None:
    """`holds` applied to two figures; None where one is unknown."""
    return None if one is None or other is None else holds(one, other)
