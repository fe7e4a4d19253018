"""Unlearning of one set, by one method, with one seed: its results by name, and those that are there.

The recipe's own seed gives the keys of `core.pipeline`, so that nothing is made twice. Other seeds change the
unlearning and leave the victim as it is.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core import registry, sets, stages
from core.artifacts import Detection, Forgotten, Report, TrainedModel
from core.detectors.base import Detector
from core.detectors.reviewed import Reviewed
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.registry import asked_for
from core.store import Artifact, Store
from core.unlearners.base import Unlearner

Role = Literal["flags", "random", "others", "oracle"]
"""What is removed: what somebody flagged, or to compare with: as many others, all others of the label, the poisons."""
MOST_SEEDS = 5


def id_of(settings: dict[str, Any]) -> str:
    """12 hexadecimal digits that name what was asked for."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Asked:
    """One unlearning: of what, how, with which seed."""

    rule: Detector
    unlearner: Unlearner
    seed: int
    role: Role = "flags"
    of: str = ""
    """Digest of the set that this one is compared with; empty for flags."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but the seed, as JSON."""
        return {
            "role": self.role,
            "of": self.of,
            "rule": self.rule.model_dump(mode="json"),
            "unlearner": self.unlearner.model_dump(mode="json"),
        }

    @property
    def id(self) -> str:
        """12 hexadecimal digits, the same for every seed."""
        return id_of(self.settings)

    @classmethod
    def read(cls, told: dict[str, Any], seed: int) -> "Asked":
        """From JSON. Raises ValueError or KeyError where it names no method of ours."""
        if told["role"] not in ("flags", "random", "others", "oracle"):
            raise ValueError(f"role={told['role']!r}: expected flags, random, others or oracle")
        rule = registry.create("detectors", **told["rule"])
        unlearner = registry.create("unlearners", **told["unlearner"])
        return cls(rule, unlearner, int(seed), told["role"], str(told["of"]))


@dataclass(frozen=True)
class Steps:
    """The results of one unlearning, made or not."""

    found: Artifact[Detection]
    model: Artifact[TrainedModel]
    report: Artifact[Report]
    forgotten: Artifact[Forgotten]

    @property
    def goals(self) -> tuple[Artifact[Any], ...]:
        """What has to exist when it is finished."""
        return self.report, self.forgotten

    @property
    def exists(self) -> bool:
        """Whether there is something to show; how the flagged images are read may come later."""
        return all(a.store.find(a) is not None for a in (self.found, self.model, self.report))


@dataclass(frozen=True)
class Outcome:
    """A model after unlearning, with the rule that chose what was forgotten."""

    asked: Asked
    made: Steps
    digest: str
    """Of the rows that were removed."""
    flagged: int
    seconds: float
    trials: tuple[dict[str, Any], ...]
    """Settings that the unlearner tried, the chosen one first; empty where there was nothing to choose."""
    report: Report
    forgotten: Forgotten | None
    """How the model reads the removed images; None where that was not measured."""

    @property
    def detector(self) -> Detector:
        """Whose flags were removed."""
        return self.asked.rule

    @property
    def unlearner(self) -> Unlearner:
        """How."""
        return self.asked.unlearner


def detection(p: Plan, asked: Asked) -> Artifact[Detection]:
    """The set to remove, as flags."""
    if asked.role == "oracle":
        return p.dataset.store.step(stages.some_poisons, 1.0, p.poisoned, p.poisoning)
    evidence = (p.evidence[name] for name in asked_for(asked.rule.detect, p.evidence))
    return p.dataset.store.step(stages.detect, asked.rule, *evidence)


def steps(p: Plan, asked: Asked) -> Steps:
    """The results of an unlearning, named and not computed."""
    x, step, found = p.experiment, p.dataset.store.step, detection(p, asked)
    recipe = x.recipe.model_copy(update={"seed": asked.seed})
    model = step(stages.unlearn, asked.unlearner, recipe, x.model, p.victim, p.poisoned, found)
    report = step(stages.evaluate, x.model, model, p.dataset, p.poisoning, p.queries)
    return Steps(found, model, report, step(stages.examine_flags, x.model, model, p.poisoned, found))


def of_plan(p: Plan) -> list[Asked]:
    """What an experiment asks for by itself."""
    x = p.experiment
    rules = {d.name: d for d in x.detectors}
    return [Asked(rules[name], u, x.recipe.seed) for name in x.unlearn_after for u in x.unlearners]


def seeds(x: Experiment, count: int) -> list[int]:
    """The recipe's own seed and those after it. Raises ValueError for a count out of 1 to 5."""
    if not 1 <= count <= MOST_SEEDS:
        raise ValueError(f"seeds={count}: expected 1 to {MOST_SEEDS}")
    return list(range(x.recipe.seed, x.recipe.seed + count))


def finished(p: Plan, asked: Iterable[Asked]) -> list[Outcome]:
    """Those that have been made, each once."""
    found: dict[str, Outcome] = {}
    removed: dict[str, tuple[str, int]] = {}
    for item in asked:
        made = steps(p, item)
        if (name := f"{item.id}/{made.report.key}") in found or not made.exists:
            continue
        if made.found.key not in removed:
            rows = np.flatnonzero(made.found.value.flagged)
            removed[made.found.key] = sets.digest_of(rows), len(rows)
        found[name] = _outcome(item, made, *removed[made.found.key])
    return list(found.values())


def _outcome(asked: Asked, made: Steps, digest: str, flagged: int) -> Outcome:
    record = made.model.meta["values"]  # the record alone: weights are large and nobody looks at them here
    measured = made.forgotten.store.find(made.forgotten) is not None
    return Outcome(
        asked=asked,
        made=made,
        digest=digest,
        flagged=flagged,
        seconds=record["seconds"],
        trials=tuple(record.get("trials", ())),
        report=made.report.value,
        forgotten=made.forgotten.value if measured else None,
    )


def kept_set(rows: Iterable[int], salt: str = "") -> Reviewed:
    """The detector that flags exactly these rows, which are written down for it; `salt` is the case's."""
    return Reviewed(digest=sets.keep(rows, salt))


def own_plan(p: Plan, store: Store) -> Plan:
    """The plan by rows of the data, which a blind case numbers anew."""
    return plan(p.experiment, store)


def missing_seeds(found: Iterable[Outcome], asked: Asked, digest: str, wanted: Iterable[int]) -> list[int]:
    """Seeds for which a method has no result on a set of this digest, whichever rule named it."""
    done = {
        o.asked.seed
        for o in found
        if o.asked.unlearner == asked.unlearner
        and o.asked.role == asked.role
        and digest == (o.asked.of if asked.role in ("random", "others") else o.digest)
    }
    return [seed for seed in wanted if seed not in done]
