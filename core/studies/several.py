"""Do several misread test images help? EK-FAC and Delta-Influence with one, five and ten of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import Claim, Figures, Measure, Rows, Study, compare, known

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab

COUNTS = (1, 5, 10)
METHODS = ("influence_mean", "influence_boosted", "delta_influence_several")
NAMES = {"influence_mean": "EK-FAC", "delta_influence_several": "Delta-Influence"}
FIGURES = ("precision", "true_positive_rate", "poison_success_rate", "test_accuracy")


def with_images(method: str, count: int) -> Measure:
    """Measures a method's flags with this many test images, and retraining without them."""

    def measure(lab: "Lab") -> Figures:
        several = lab.variant(queries={"count": max(COUNTS)})
        found = several.detection(method, n_queries=count)
        return lab.grade(found) | lab.outcome("exact", found)

    return measure


def table(rows: str) -> Rows:
    """Published rows "method count precision TPR success accuracy", in per cent."""
    found: dict[str, Figures] = {}
    for row in rows.strip().splitlines():
        method, count, *cells = row.split()
        found[f"{method}/{count}"] = dict(zip(FIGURES, (float(c) / 100 for c in cells), strict=True))
    return found


def gains(method: str) -> Claim:
    """The claim that five images give a method more precision than one."""

    def holds(rows: Rows) -> bool | None:
        one, five = known(rows, f"{method}/1", "precision"), known(rows, f"{method}/5", "precision")
        return compare(one, five, lambda a, b: a < b)

    return Claim(f"five test images make {NAMES[method]} more precise than one", holds)


def still_ahead(rows: Rows) -> bool | None:
    """Delta-Influence with one image is more precise than EK-FAC with five."""
    one = known(rows, "delta_influence_several/1", "precision")
    return compare(one, known(rows, "influence_boosted/5", "precision"), lambda a, b: a > b)


class Several(Study):
    """One, five and ten test images."""

    name: ClassVar[str] = "several"
    title: ClassVar[str] = "Several test images"
    order: ClassVar[int] = 80
    source: ClassVar[str] = "Delta-Influence, Tables 4 and 5"
    about: ClassVar[str] = "How much does it help to have found more than one misread test image?"
    figures: ClassVar[tuple[str, ...]] = FIGURES
    attacks: ClassVar[tuple[str, ...]] = ("badnet", "smooth")
    published: ClassVar = {
        "imagenette-badnet": table("""
            influence_mean 1 22.1 99.1 0.3 68.7
            delta_influence_several 1 49.0 100 0.8 79.7
            influence_mean 5 25.9 98.8 0.5 73.3
            influence_boosted 5 34.2 98.5 0.8 75.4
            delta_influence_several 5 66.7 100 0.5 80.0
            influence_mean 10 26.6 98.8 0.5 75.8
            influence_boosted 10 48.9 97.2 1.6 77.8
            delta_influence_several 10 67.2 100 0.8 79.9
        """),
        "imagenette-smooth": table("""
            influence_mean 1 10.5 99.3 0 72.4
            delta_influence_several 1 25.8 99.3 0 75.4
            influence_mean 5 12.8 99.0 0 74.4
            influence_boosted 5 21.8 99.0 0.3 74.0
            delta_influence_several 5 27.5 99.3 0.3 76.6
            influence_mean 10 12.9 99.3 0 74.1
            influence_boosted 10 24.2 99.3 0.3 73.6
            delta_influence_several 10 28.7 99.3 0.3 75.0
        """),
    }
    claims: ClassVar[tuple[Claim, ...]] = (
        gains("delta_influence_several"),
        Claim(
            "one test image with Delta-Influence is more precise than five with boosted EK-FAC", still_ahead
        ),
    )

    def rows(self) -> Mapping[str, Measure]:
        """Method by number of test images; boosting one image is the same as taking its mean."""
        return {
            f"{method}/{count}": with_images(method, count)
            for count in COUNTS
            for method in METHODS
            if not (method == "influence_boosted" and count == 1)
        }
