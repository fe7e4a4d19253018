"""How much of the poison has to be known? Unlearners given ten to a hundred per cent of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import UNLEARNERS, Claim, Figures, Measure, Rows, Study, compare, known

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab

SHARES = tuple(range(10, 101, 10))
"""Per cent of the poisons that are given to the unlearner, with no false positive among them."""


def given(unlearner: str, per_cent: int) -> Measure:
    """Measures an unlearner that knows a share of the poisons."""

    def measure(lab: "Lab") -> Figures:
        return lab.outcome(unlearner, lab.some_poisons(per_cent / 100))

    return measure


def untouched(lab: "Lab") -> Figures:
    """Measures the victim, for comparison."""
    from core.studies.laboratory.lab import outcome

    return outcome(lab.plan.before.value)


def needs_most(rows: Rows) -> bool | None:
    """EU with half the poisons known repairs less than with all of them."""
    half, full = (known(rows, f"exact/{share}", "clean_label_accuracy") for share in (50, 100))
    return compare(half, full, lambda a, b: a < b - 0.02)


def dampens_early(rows: Rows) -> bool | None:
    """SSD with a tenth of the poisons known repairs more than EU with as many."""
    ssd, exact = (known(rows, f"{name}/10", "clean_label_accuracy") for name in ("ssd", "exact"))
    return compare(ssd, exact, lambda a, b: a > b)


class Deletion(Study):
    """The deletion-fraction sweep."""

    name: ClassVar[str] = "deletion"
    title: ClassVar[str] = "Part of the poison known"
    order: ClassVar[int] = 90
    source: ClassVar[str] = "Goel et al., Figures 2 to 7"
    about: ClassVar[str] = (
        "What does each unlearner repair when only part of the manipulated images is known?"
    )
    figures: ClassVar[tuple[str, ...]] = (
        "clean_label_accuracy",
        "utility",
        "manipulated_accuracy",
        "poison_success_rate",
    )
    attacks: ClassVar[tuple[str, ...]] = ("badnet_any_class", "interclass_confusion")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim(
            "exact retraining repairs less when half of the manipulated images is known than when all are",
            needs_most,
        ),
        Claim("with a tenth known, SSD repairs more than exact retraining", dampens_early),
    )

    def rows(self) -> Mapping[str, Measure]:
        """The victim, and every unlearner at every share."""
        swept = {f"{name}/{share}": given(name, share) for share in SHARES for name in UNLEARNERS}
        return {"none": untouched} | swept
