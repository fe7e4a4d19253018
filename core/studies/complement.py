"""Are the missed poisons harmless? Retrain without what was found, and without what was missed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import Claim, Figures, Measure, Rows, Study, compare, known

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab


def without(missed: bool) -> Measure:
    """Measures exact unlearning of the flags, or of the poisons that were not flagged."""

    def measure(lab: "Lab") -> Figures:
        found = lab.detection("delta_influence")
        removed = lab.missed_poisons(found) if missed else found
        rate = lab.grade(removed)["true_positive_rate"]
        return lab.outcome("exact", removed) | {"true_positive_rate": rate}

    return measure


def matter_more(rows: Rows) -> bool | None:
    """The found poisons matter more than the missed ones."""
    found = known(rows, "detected", "poison_success_rate")
    return compare(found, known(rows, "complement", "poison_success_rate"), lambda a, b: a < b)


def published(rate: float, success: float, accuracy: float) -> Figures:
    """A published row."""
    return {"true_positive_rate": rate, "poison_success_rate": success, "test_accuracy": accuracy}


class Complement(Study):
    """Retraining without the flags against retraining without the missed poisons."""

    name: ClassVar[str] = "complement"
    title: ClassVar[str] = "Found against missed poisons"
    order: ClassVar[int] = 60
    source: ClassVar[str] = "Delta-Influence, Table 3"
    about: ClassVar[str] = (
        "Of the poisons, do those matter that Delta-Influence finds, or those that it misses?"
    )
    figures: ClassVar[tuple[str, ...]] = (
        "poison_success_rate",
        "test_accuracy",
        "true_positive_rate",
        "forgotten",
    )
    attacks: ClassVar[tuple[str, ...]] = ("witches_brew", "badnet", "smooth")
    published: ClassVar = {
        "cifar10-witches_brew": {
            "detected": published(0.194, 0.0, 0.9103),
            "complement": published(0.806, 1.0, 0.9223),
        },
        "cifar100-witches_brew": {
            "detected": published(0.624, 0.0, 0.7192),
            "complement": published(0.376, 1.0, 0.7279),
        },
    }
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("removing the found poisons leaves less poison than removing the missed ones", matter_more),
    )

    def rows(self) -> Mapping[str, Measure]:
        """Two rows: what was flagged, and the poisons that were not."""
        return {"detected": without(missed=False), "complement": without(missed=True)}
