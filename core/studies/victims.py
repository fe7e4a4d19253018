"""Did the attack work? Everything else is judged only where it did."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from core.studies.base import Figures, Measure, Study

if TYPE_CHECKING:
    from core.studies.laboratory.lab import Lab


def victim(lab: "Lab") -> Figures:
    """Figures of the victim itself."""
    from core.studies.laboratory.lab import outcome

    trained, report = lab.plan.victim.value, lab.plan.before.value
    return outcome(report) | {
        "train_loss": trained.train_loss,
        "seconds": trained.seconds,
        "poisons": float(len(lab.plan.poisoning.value.indices)),
        "train_size": float(len(lab.plan.poisoned.value.train)),
    }


def clean(lab: "Lab") -> Figures:
    """The same recipe and seed on the clean images: how often are the triggered ones misread without any poison?"""
    from core.studies.laboratory.lab import outcome

    trained = lab.trained_clean()
    return outcome(lab.examined(trained).value) | {
        "train_loss": trained.value.train_loss,
        "seconds": trained.value.seconds,
    }


class Victims(Study):
    """Accuracy and poison success of every victim."""

    name: ClassVar[str] = "victims"
    title: ClassVar[str] = "The victims"
    order: ClassVar[int] = 0
    source: ClassVar[str] = "Delta-Influence, section 4.1; Goel et al., Table 2"
    about: ClassVar[str] = "Does the attack take hold, and is the classifier any good otherwise?"
    figures: ClassVar[tuple[str, ...]] = ("poison_success_rate", "test_accuracy", "train_loss")
    gated: ClassVar[bool] = False
    attacks: ClassVar[tuple[str, ...]] = (
        "badnet",
        "smooth",
        "witches_brew",
        "interclass_confusion",
        "badnet_any_class",
    )
    published: ClassVar = {
        "cifar10-badnet": {"victim": {"poison_success_rate": 0.997, "test_accuracy": 0.9172}},
        "cifar100-smooth": {"victim": {"poison_success_rate": 0.96, "test_accuracy": 0.7303}},
        "imagenette-witches_brew": {"victim": {"test_accuracy": 0.76}},
    }

    def rows(self) -> Mapping[str, Measure]:
        """The victim, and its twin that never saw a poison."""
        return {"victim": victim, "clean": clean}
