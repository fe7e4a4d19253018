"""Who removes the poison? Every unlearner on what Delta-Influence flagged, and SCRUB after every detector."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import DETECTORS, REMOVED, UNLEARNERS, Claim, Figures, Measure, Rows, Study, known

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab

COLUMNS = ("poison_success_rate", "test_accuracy", "clean_label_accuracy", "utility", "seconds")


def unlearned(unlearner: str, detector: str) -> Measure:
    """Measures an unlearner on what a detector flags."""

    def measure(lab: "Lab") -> Figures:
        return lab.outcome(unlearner, lab.detection(detector))

    return measure


def loses_accuracy(row: str) -> Claim:
    """The claim that an unlearner pays for false positives with more than a point of accuracy against EU."""

    def holds(rows: Rows) -> bool | None:
        own, exact = known(rows, row, "test_accuracy"), known(rows, "exact", "test_accuracy")
        return None if own is None or exact is None else own < exact - 0.01

    return Claim(f"{UNLEARNERS[row]} loses more than a point of accuracy against EU", holds)


def removed(row: str) -> Claim:
    """The claim that an unlearner brings the poison success below 5 per cent."""

    def holds(rows: Rows) -> bool | None:
        rate = known(rows, row, "poison_success_rate")
        return None if rate is None else rate < REMOVED

    return Claim(f"{UNLEARNERS[row]} brings the poison success below 5 %", holds)


def dearest(rows: Rows) -> bool | None:
    """EU takes longer than every other unlearner."""
    times = {row: known(rows, row, "seconds") for row in UNLEARNERS}
    exact, others = times.pop("exact"), [t for t in times.values() if t is not None]
    return None if exact is None or not others else exact > max(others)


class Unlearners(Study):
    """Every unlearner on the set that Delta-Influence flags."""

    name: ClassVar[str] = "unlearners"
    title: ClassVar[str] = "Unlearners compared"
    order: ClassVar[int] = 40
    source: ClassVar[str] = "Delta-Influence, Figures 4 and 6; Goel et al., Table 3 (time)"
    about: ClassVar[str] = "Which method removes the poison from the same flagged set, how well and how fast?"
    figures: ClassVar[tuple[str, ...]] = COLUMNS
    claims: ClassVar[tuple[Claim, ...]] = (
        *(removed(name) for name in UNLEARNERS),
        loses_accuracy("ssd"),
        loses_accuracy("scrub"),
        Claim("EU takes longest", dearest),
    )
    published: ClassVar = {
        "cifar10-badnet": {  # one published run, arXiv 2411.13731's notebooks
            "exact": {"poison_success_rate": 0.0, "test_accuracy": 0.9177},
            "catastrophic_forgetting": {"poison_success_rate": 0.0, "test_accuracy": 0.9296},
            "ssd": {"poison_success_rate": 0.001, "test_accuracy": 0.1},
            "scrub": {"poison_success_rate": 0.0, "test_accuracy": 0.8115},
            "bad_teacher": {"poison_success_rate": 0.453, "test_accuracy": 0.9117},
        }
    }

    def rows(self) -> Mapping[str, Measure]:
        """One row per unlearner."""
        return {name: unlearned(name, "delta_influence") for name in UNLEARNERS}


class Scrubbed(Study):
    """SCRUB on what each detector flags."""

    name: ClassVar[str] = "scrubbed"
    title: ClassVar[str] = "SCRUB after each detector"
    order: ClassVar[int] = 70
    source: ClassVar[str] = "Delta-Influence, Figure 5"
    about: ClassVar[str] = "How much does an approximate unlearner suffer from a detector's false positives?"
    figures: ClassVar[tuple[str, ...]] = COLUMNS

    def rows(self) -> Mapping[str, Measure]:
        """One row per detector."""
        return {name: unlearned("scrub", name) for name in DETECTORS}
