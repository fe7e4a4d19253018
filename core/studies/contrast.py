"""Does a cut-off that nobody tuned find the poisons? The contrast with controls beside the rules with fixed thresholds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from core.studies.base import ATTACKS, FLAGS, Claim, Figures, Measure, Rows, Study, compare, known

if TYPE_CHECKING:
    from core.artifacts import Detection
    from core.store import Artifact
    from core.studies.laboratory.lab import Lab

FIXED = ("influence_threshold", "delta_influence", "relative_collapse")
COUNTS = (1, 2, 4)
"""Picked test images used."""
RATES = (0.01, 0.1, 0.2)
"""False discovery rates beside the default."""
OTHER = 1_000
"""Added to the seed of copies or controls for a second draw."""
SURE = 0.95
"""Share of resamples that have to repeat a flag for it to count as sure."""
PRECISE, COMPLETE = 0.9, 0.95


def fixed(name: str) -> Measure:
    """Measures a rule with a threshold of its own, on the first picked test image, and on other copies of it."""

    def measure(lab: "Lab") -> Figures:
        found = lab.detection(name)
        other = lab.variant(transforms={"seed": lab.experiment.transforms.seed + OTHER}, queries={"count": 1})
        return lab.grade(found) | {"repeated": shared(found, other.detection(name))}

    return measure


def calibrated(**settings: Any) -> Measure:
    """Measures the contrast with its calibrated cut-off, how sure its flags are, and those of other controls."""

    def measure(lab: "Lab") -> Figures:
        from core import metrics, truth

        p, found = lab.plan, lab.detection("contrast", **settings)
        share = lab.detector("contrast", **settings).confidence(p.scores.value, p.poisoned.value)
        sure = found.value.flagged & (share >= SURE)
        other = lab.variant(controls={"seed": lab.experiment.controls.seed + OTHER})
        return lab.grade(found) | {
            "surely_flagged": metrics.ratio(int(sure.sum()), int(found.value.flagged.sum())),
            "precision_of_sure_flags": metrics.grade(sure, truth.required(p).poisoned)["precision"],
            "repeated": shared(found, other.detection("contrast", **settings)),
        }

    return measure


def shared(one: "Artifact[Detection]", other: "Artifact[Detection]") -> float | None:
    """Share of all images flagged by either that both flag; None where neither flags any."""
    from core.metrics import ratio

    a, b = one.value.flagged, other.value.flagged
    return ratio(int((a & b).sum()), int((a | b).sum()))


def reached(rows: Rows) -> bool | None:
    """Precision and true positive rate of the default, inside the target label too."""
    names = ("precision", "precision_in_target_label", "true_positive_rate")
    found = [known(rows, "contrast/4", name) for name in names]
    rate = found[-1]
    if rate is None:
        return None
    return rate >= COMPLETE and all(value is not None and value >= PRECISE for value in found[:-1])


def better_order(rows: Rows) -> bool | None:
    """Average precision inside the target label, both with one test image."""
    figure = "average_precision_in_target_label"
    ours, published = known(rows, "contrast/1", figure), known(rows, "delta_influence", figure)
    return compare(ours, published, lambda a, b: a > b)


def honest(rows: Rows) -> bool | None:
    """Precision of the default at least one less its rate; true where nothing is flagged."""
    if (flagged := known(rows, "contrast/4", "flagged")) is None:
        return None
    precision = known(rows, "contrast/4", "precision")
    return not flagged or (precision is not None and precision >= 1 - 0.05)


class CalibratedContrast(Study):
    """Fixed thresholds against a calibrated one, with one, two and four test images."""

    name: ClassVar[str] = "contrast"
    title: ClassVar[str] = "A cut-off without ground truth"
    order: ClassVar[int] = 15
    source: ClassVar[str] = "ours; the rules it is compared with: Delta-Influence, section 3"
    about: ClassVar[str] = (
        "How right are the flags when clean control images, and not the truth, decide where to cut?"
    )
    figures: ClassVar[tuple[str, ...]] = (*FLAGS, "surely_flagged", "precision_of_sure_flags", "repeated")
    attacks: ClassVar[tuple[str, ...]] = (*ATTACKS, "badnet_any_class")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("precision is 0.9 and more at a true positive rate of 0.95 and more", reached),
        Claim("the contrast orders the images of the target label better than Delta-Influence", better_order),
        Claim("no more than the stated share of the flags is false", honest),
    )

    def rows(self) -> Mapping[str, Measure]:
        """Rules with fixed thresholds; `contrast/images` at the default rate; `rate/share` with four images."""
        counts = {f"contrast/{n}": calibrated(most_queries=n) for n in COUNTS}
        rates = {f"rate/{rate}": calibrated(most_queries=4, rate=rate) for rate in RATES}
        return {name: fixed(name) for name in FIXED} | counts | rates
