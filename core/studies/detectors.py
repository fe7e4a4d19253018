"""Who finds the poisons? Every detector on the same victim, and what retraining without its flags leaves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import (
    DETECTORS,
    FLAGS,
    ORIGINALS,
    REMOVED,
    Claim,
    Figures,
    Measure,
    Rows,
    Study,
    compare,
    known,
    published_flags,
)

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab


PUBLISHED = (
    "spectral_signatures",
    "activation_clustering",
    "frequency_detector",
    "influence_threshold",
    "delta_influence",
)
"""Rows of the published table, in its order."""


def more_precise(rows: Rows) -> bool | None:
    """Delta-Influence's precision above EK-FAC's at an equal or better true positive rate."""
    ours, theirs = "delta_influence", "influence_threshold"
    sharper = compare(known(rows, ours, "precision"), known(rows, theirs, "precision"), lambda a, b: a > b)
    complete = compare(
        known(rows, ours, "true_positive_rate"),
        known(rows, theirs, "true_positive_rate"),
        lambda a, b: a >= b,
    )
    return None if sharper is None or complete is None else sharper and complete


def most_precise(rows: Rows) -> bool | None:
    """Delta-Influence's precision above that of every published detector."""
    ours = known(rows, "delta_influence", "precision")
    others = [known(rows, row, "precision") for row in DETECTORS if row in rows and row not in OURS]
    measured = [p for p in others if p is not None]
    return None if ours is None or not measured else ours > max(measured)


OURS = ("delta_influence", "relative_collapse", "contrast")


def judged(name: str, **settings: str) -> Measure:
    """Measures what a detector flags."""

    def measure(lab: "Lab") -> Figures:
        return lab.grade(lab.detection(name, **settings))

    return measure


def retrained(name: str) -> Measure:
    """Measures exact unlearning of what a detector flags."""

    def measure(lab: "Lab") -> Figures:
        return lab.outcome("exact", lab.detection(name))

    return measure


def afresh(lab: "Lab") -> Figures:
    """The recipe again on all the poisoned images: an attack may not survive other weights, whatever is removed."""
    from core.studies.laboratory.lab import outcome

    again = lab.trained_again()
    return outcome(lab.examined(again).value) | {"seconds": again.value.seconds, "forgotten": 0.0}


class Detectors(Study):
    """Precision and true positive rate of the compared detectors."""

    name: ClassVar[str] = "detectors"
    title: ClassVar[str] = "Detectors compared"
    order: ClassVar[int] = 10
    source: ClassVar[str] = "Delta-Influence, Table 1"
    about: ClassVar[str] = (
        "How many of the poisons does each detector flag, and how many clean images with them?"
    )
    figures: ClassVar[tuple[str, ...]] = FLAGS
    published: ClassVar = published_flags(
        PUBLISHED,
        ("cifar10-badnet", "3.6/88.3 2.2/94.9 8.0/72.3 2.8/67.1 17.6/99.1"),
        ("cifar10-smooth", "1.3/88.3 2.2/99.1 0.4/3.2 2.9/100 13.3/100"),
        ("cifar10-witches_brew", "1.4/96.8 2.1/93.4 10.2/93.6 0.8/17.4 3.3/19.4"),
        ("cifar100-badnet", "1.3/82.6 1.6/96.3 5.3/85.7 3.2/70.0 37.3/96.9"),
        ("cifar100-smooth", "0.5/78.4 0.6/100 0.1/2.4 0.9/96.8 2.9/100"),
        ("cifar100-witches_brew", "0.3/35.2 0.3/55.2 1.8/78.4 0.4/47.2 2.1/62.4"),
    )
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim(
            "Delta-Influence is more precise than EK-FAC at an equal or better true positive rate",
            more_precise,
        ),
        Claim("Delta-Influence is the most precise of the published detectors", most_precise),
    )

    def rows(self) -> Mapping[str, Measure]:
        """One row per detector, and the two that their own papers describe otherwise."""
        originals = {row: judged(row.removesuffix("_original"), mode="original") for row in ORIGINALS}
        return {name: judged(name) for name in DETECTORS} | originals


def removes(row: str) -> Claim:
    """The claim that a row's poison success falls below 5 per cent."""

    def holds(rows: Rows) -> bool | None:
        rate = known(rows, row, "poison_success_rate")
        return None if rate is None else rate < REMOVED

    return Claim(f"poison success is below 5 % after {DETECTORS.get(row, row)} and exact retraining", holds)


class Retrained(Study):
    """What is left of the poison after exact unlearning of each detector's flags."""

    name: ClassVar[str] = "retrained"
    title: ClassVar[str] = "Retrained without the flags"
    order: ClassVar[int] = 30
    source: ClassVar[str] = "Delta-Influence, Figures 3 and 6"
    about: ClassVar[str] = "Is the poison gone after retraining without the flagged images, and at what cost?"
    figures: ClassVar[tuple[str, ...]] = (
        "poison_success_rate",
        "test_accuracy",
        "clean_label_accuracy",
        "forgotten",
    )
    claims: ClassVar[tuple[Claim, ...]] = (
        removes("delta_influence"),
        removes("activation_clustering"),
        removes("influence_threshold"),
    )

    def rows(self) -> Mapping[str, Measure]:
        """What fresh weights alone do, and one row per detector."""
        return {"nothing": afresh} | {name: retrained(name) for name in DETECTORS}
