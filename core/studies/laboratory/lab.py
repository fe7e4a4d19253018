"""One setting with one seed: every result that a study may ask for, computed once and kept in the store."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core import registry, stages, truth
from core.artifacts import Detection, Report, TrainedModel
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.registry import asked_for
from core.store import Artifact, Store

AGAIN = 2_000_003
"""Added to the seed of the victim's training for the same recipe with other draws."""


@dataclass(frozen=True)
class Lab:
    """An experiment and everything that can be asked about it."""

    experiment: Experiment
    store: Store

    @cached_property
    def plan(self) -> Plan:
        """The investigation itself."""
        return plan(self.experiment, self.store)

    def variant(self, **changes: Any) -> "Lab":
        """The same setting with some tables of settings changed, one level deep."""
        tree = self.experiment.model_dump(mode="json")
        merged = {k: tree[k] | v if isinstance(v, dict) else v for k, v in changes.items()}
        return Lab(Experiment.checked(tree | merged), self.store)

    def detector(self, name: str, **settings: Any) -> Any:
        """A detector with the preset's settings, or the defaults, and these changes."""
        given = {d.name: d for d in self.experiment.detectors}
        return (
            given[name].model_copy(update=settings)
            if name in given
            else registry.create("detectors", name, **settings)
        )

    def detection(self, name: str, **settings: Any) -> Artifact[Detection]:
        """What a detector flags."""
        detector, evidence = self.detector(name, **settings), self.plan.evidence
        asked = asked_for(detector.detect, evidence)
        return self.store.step(stages.detect, detector, *(evidence[e] for e in asked))

    def some_poisons(self, share: float) -> Artifact[Detection]:
        """A random share of the true poisons, and nothing else."""
        p = self.plan
        return self.store.step(stages.some_poisons, share, p.poisoned, p.poisoning)

    def missed_poisons(self, found: Artifact[Detection]) -> Artifact[Detection]:
        """The true poisons that a detector did not flag."""
        return self.store.step(stages.missed_poisons, self.plan.poisoned, self.plan.poisoning, found)

    def cleaned(self, unlearner: str, found: Artifact[Detection]) -> Artifact[TrainedModel]:
        """The model after unlearning a flagged set, with the preset's settings of the unlearner."""
        x, p = self.experiment, self.plan
        given = {u.name: u for u in x.unlearners}
        method = given.get(unlearner) or registry.create("unlearners", unlearner)
        return self.store.step(stages.unlearn, method, x.recipe, x.model, p.victim, p.poisoned, found)

    def trained_clean(self) -> Artifact[TrainedModel]:
        """The victim's twin: the same recipe and seed on the clean training set."""
        x = self.experiment
        return self.store.step(stages.train, x.recipe, x.model, self.plan.dataset)

    def trained_again(self) -> Artifact[TrainedModel]:
        """The victim's recipe on its own poisoned training set, with other weights, order and augmentation."""
        x = self.experiment
        other = x.recipe.model_copy(update={"seed": x.recipe.seed + AGAIN})
        return self.store.step(stages.train, other, x.model, self.plan.poisoned)

    def examined(self, model: Artifact[TrainedModel]) -> Artifact[Report]:
        """What a model does on clean and triggered images."""
        p = self.plan
        return self.store.step(
            stages.evaluate, self.experiment.model, model, p.dataset, p.poisoning, p.queries
        )

    def grade(self, found: Artifact[Detection]) -> dict[str, Any]:
        """Flags and order against the truth."""
        return truth.required(self.plan).grade(found.value)

    def outcome(self, unlearner: str, found: Artifact[Detection]) -> dict[str, float | None]:
        """Figures of the model after unlearning a flagged set."""
        model = self.cleaned(unlearner, found)
        return outcome(self.examined(model).value) | {
            "seconds": model.value.seconds,
            "forgotten": float(found.value.flagged.sum()),
        }


def outcome(report: Report) -> dict[str, float | None]:
    """The figures of a report that studies compare."""
    names = (
        "poison_success_rate",
        "test_accuracy",
        "clean_label_accuracy",
        "manipulated_accuracy",
        "utility",
    )
    return {name: getattr(report, name) for name in names}
