"""Which half does the work? New labels only, new images only, or both."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import FLAGS, Claim, Figures, Measure, Rows, Study, known, published_flags

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab

MODES = ("label", "image", "both")


def mode_of(lab: "Lab", mode: str) -> "Lab":
    """The same victim with another kind of change; one picked test image is enough."""
    if mode == lab.experiment.transforms.mode:
        return lab
    return lab.variant(transforms={"mode": mode}, queries={"count": 1})


def judged(mode: str) -> Measure:
    """Measures what Delta-Influence flags with this kind of change."""

    def measure(lab: "Lab") -> Figures:
        changed = mode_of(lab, mode)
        return changed.grade(changed.detection("delta_influence"))

    return measure


def retrained(mode: str) -> Measure:
    """Measures exact unlearning of it."""

    def measure(lab: "Lab") -> Figures:
        changed = mode_of(lab, mode)
        return lab.outcome("exact", changed.detection("delta_influence"))

    return measure


def broad(rows: Rows) -> bool | None:
    """Label-only: true positive rate at least 0.9, precision below that of both together."""
    rate, precision = known(rows, "label", "true_positive_rate"), known(rows, "label", "precision")
    both = known(rows, "both", "precision")
    return None if rate is None or precision is None or both is None else rate >= 0.9 and precision < both


def narrow(rows: Rows) -> bool | None:
    """Image-only misses more poisons than both together."""
    image, both = known(rows, "image", "true_positive_rate"), known(rows, "both", "true_positive_rate")
    return None if image is None or both is None else image < both


class Ablation(Study):
    """Delta-Influence with new labels only, new images only, and both."""

    name: ClassVar[str] = "ablation"
    title: ClassVar[str] = "Label, image, or both"
    order: ClassVar[int] = 50
    source: ClassVar[str] = "Delta-Influence, Table 2"
    about: ClassVar[str] = "Does the new image or the new label make the influence collapse?"
    figures: ClassVar[tuple[str, ...]] = FLAGS
    published: ClassVar = published_flags(
        MODES,
        ("cifar10-badnet", "4.0/97.5 14.4/68.9 17.6/99.1"),
        ("cifar10-smooth", "6.3/100 31.3/8 13.3/100"),
        ("cifar10-witches_brew", "1.2/24.2 2.5/3.2 3.3/19.4"),
        ("cifar100-badnet", "3.1/99.1 7.6/50.6 37.3/96.9"),
        ("cifar100-smooth", "1.1/100 0/0 2.9/100"),
        ("cifar100-witches_brew", "0.8/73.6 1.1/20.8 2.1/62.4"),
    )
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("label-only finds 90 % or more of the poisons, less precisely than both together", broad),
        Claim("image-only misses more poisons than both together", narrow),
    )

    def rows(self) -> Mapping[str, Measure]:
        """One row per kind of change."""
        return {mode: judged(mode) for mode in MODES}


class AblationRetrained(Study):
    """What is left of the poison after exact unlearning of each variant's flags."""

    name: ClassVar[str] = "ablation_retrained"
    title: ClassVar[str] = "Label, image, or both: retrained"
    order: ClassVar[int] = 55
    source: ClassVar[str] = "Delta-Influence, Figure 7"
    about: ClassVar[str] = "Is the poison gone after retraining without what each variant flags?"
    figures: ClassVar[tuple[str, ...]] = ("poison_success_rate", "test_accuracy", "forgotten")

    def rows(self) -> Mapping[str, Measure]:
        """One row per kind of change."""
        return {mode: retrained(mode) for mode in MODES}
