"""The whole method, top to bottom.

`plan` names every result of an experiment without computing any; each is a lazy Artifact. Asking for one
computes it and what it needs, once, and keeps it. The truth (`poisoning`) reaches only the stages that play
the attacker or the examiner, never a detector or an unlearner.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import stages
from core.artifacts import (
    Dataset,
    Detection,
    Factors,
    InfluenceScores,
    Poisoning,
    Queries,
    Report,
    TrainedModel,
)
from core.experiment import Experiment
from core.picks import Pick, picked
from core.recipe import Brought
from core.registry import asked_for
from core.store import Artifact, Store

EVIDENCE: tuple[str, ...] = ("training_set", "victim", "queries", "scores", "features", "frequency")
"""What a detector may ask for, by the names of its arguments."""


@dataclass(frozen=True)
class Plan:
    """Every result of one experiment, named and not yet computed."""

    experiment: Experiment
    dataset: Artifact[Dataset]
    poisoning: Artifact[Poisoning]
    poisoned: Artifact[Dataset]
    victim: Artifact[TrainedModel]
    queries: Artifact[Queries]
    changed: Artifact[Queries]
    factors: Artifact[Factors]
    controls: Artifact[Queries]
    scores: Artifact[InfluenceScores]
    evidence: dict[str, Artifact[Any]]
    before: Artifact[Report]
    detections: dict[str, Artifact[Detection]]
    cleaned: dict[str, Artifact[TrainedModel]]
    after: dict[str, Artifact[Report]]

    @property
    def goals(self) -> list[Artifact[Any]]:
        """What a finished investigation consists of: all that the pages and the summary read."""
        views = [self.dataset, self.poisoning, self.victim, self.before, self.queries, self.changed]
        models = [*self.cleaned.values(), *self.after.values()]
        return [*views, *self.detections.values(), self.scores, *models]


def plan(x: Experiment, store: Store) -> Plan:
    """Apply every stage of the method to the settings of one experiment."""
    step = store.step

    # The attacker, who may have trained a network of his own on clean data, alters the training set.
    dataset = step(stages.load_dataset, x.dataset)
    surrogate = step(stages.train, x.recipe.of_the_attacker(), x.model, dataset)
    known = {"dataset": dataset, "model": x.model, "training": x.recipe, "surrogate": surrogate}
    poisoning = step(stages.choose_poisons, x.attack, *_given(x.attack.poison, known))

    # The defender trains on what he finds, or has the weights of somebody who did.
    poisoned = step(stages.poison, dataset, poisoning)
    make = stages.brought_victim if isinstance(x.training, Brought) else stages.train
    victim = step(make, x.training.made_from, x.model, poisoned)

    # Misbehaving test images are transformed and relabelled; influence on these and on clean controls is scored.
    which = stages.picked_queries if isinstance(x.queries, Pick) else stages.affected_queries
    queries = step(which, x.queries, x.model, victim, dataset, poisoning)
    changed = step(stages.transform_queries, x.transforms, x.model, victim, dataset, queries)
    factors = step(stages.fit_factors, x.factors, x.model, victim, poisoned)
    controls = step(stages.control_queries, x.controls, x.model, victim, dataset, queries)
    scores = step(
        stages.score_pairs, x.scores, x.model, victim, poisoned, factors, queries, changed, controls
    )

    # Whoever loses influence, or is suspect otherwise, is flagged, forgotten, and the model examined again.
    features = step(stages.extract_features, x.model, victim, poisoned)
    frequency = step(stages.train_frequency_classifier, x.frequency, dataset)
    evidence = dict(zip(EVIDENCE, (poisoned, victim, queries, scores, features, frequency), strict=True))
    detections = {d.name: step(stages.detect, d, *_given(d.detect, evidence)) for d in x.detectors}
    cleaned = {
        f"{name}/{u.name}": step(stages.unlearn, u, x.recipe, x.model, victim, poisoned, detections[name])
        for name in x.unlearn_after
        for u in x.unlearners
    }
    examined = {
        name: step(stages.evaluate, x.model, model, dataset, poisoning, queries)
        for name, model in {"victim": victim, **cleaned}.items()
    }
    before = examined.pop("victim")
    results = (dataset, poisoning, poisoned, victim, queries, changed, factors, controls, scores)
    return Plan(x, *results, evidence, before, detections, cleaned, examined)


def _given(method: Callable[..., Any], offered: dict[str, Any]) -> list[Any]:
    """What a plugin's method asks for by the names of its arguments."""
    return [offered[name] for name in asked_for(method, offered)]


def investigate(x: Experiment, store: Store, pick: Pick) -> Plan:
    """The same investigation of one picked image; whatever does not depend on the image is shared with `plan`."""
    return plan(picked(x, pick), store)
