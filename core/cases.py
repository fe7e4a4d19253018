"""Cases: what an analyst sees as one investigation. Runs that share their scores are variants of one case.

The variants differ only in what was flagged or how it was unlearned.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import runs
from core.artifacts import Report
from core.detectors.base import Detector
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.runs import Run
from core.store import Artifact, Store


@dataclass(frozen=True)
class Case:
    """One investigation: the run that opened it and every run that shares its scores."""

    run: Run
    plan: Plan
    variants: tuple[Run, ...]
    sealed: bool = False
    """Blind: nobody may see the truth until it is revealed."""
    locked: frozenset[str] = frozenset()
    """Controls that a teacher has locked, by the names of the fields of the view."""

    order: np.ndarray | None = None
    """Row of the training set behind each number that the pages show; None where they are the same."""

    def real_rows(self, shown: Iterable[int]) -> np.ndarray:
        """Rows of the training set behind numbers that the pages show; a blind case numbers its images anew."""
        rows = np.fromiter(shown, np.int64)
        return rows if self.order is None else self.order[rows]

    @property
    def id(self) -> str:
        """Name of the case: that of its first run."""
        return self.run.id

    @property
    def unfinished(self) -> list[Artifact[Any]]:
        """Results that have still to be computed before the case can be looked at; unlearning is not among them."""
        p = self.plan
        needed = (p.dataset, p.poisoning, p.victim, p.before, p.queries, p.changed, p.scores)
        return [a for a in needed if not _exists(a)]


@dataclass(frozen=True)
class Outcome:
    """A model after unlearning, with the rule that chose what was forgotten."""

    detector: Any
    unlearner: Any
    flagged: int
    seconds: float
    trials: tuple[dict[str, Any], ...]
    """Settings that the unlearner tried, the chosen one first; empty where there was nothing to choose."""
    report: Report
    run: Run


def all_cases(store: Store) -> list[Case]:
    """Every case: shipped ones first, then the user's, newest first."""
    groups: dict[str, list[tuple[Run, Plan]]] = {}
    for run in runs.all_runs(store):
        p = plan(run.experiment, store)
        groups.setdefault(p.scores.key, []).append((run, p))
    return [_case(members) for members in groups.values()]


def _case(members: list[tuple[Run, Plan]]) -> Case:
    shipped_first = sorted(members, key=lambda m: (not m[0].shipped, m[0].created))
    run, p = shipped_first[0]
    return Case(run, p, tuple(other for other, _ in shipped_first))


def find(case_id: str, store: Store) -> Case | None:
    """The case that a run belongs to, by the run's name; None when there is no such run."""
    return next((c for c in all_cases(store) if any(run.id == case_id for run in c.variants)), None)


def outcomes(case: Case, store: Store) -> list[Outcome]:
    """Every finished unlearning of a case, of all its variants, each once."""
    found: dict[str, Outcome] = {}
    for run in case.variants:
        p = plan(run.experiment, store)
        for name, after in p.after.items():
            detector = name.split("/")[0]
            needed = (after, p.cleaned[name], p.detections[detector])
            if after.key not in found and all(_exists(a) for a in needed):
                found[after.key] = _outcome(run, p, name)
    return list(found.values())


def _outcome(run: Run, p: Plan, name: str) -> Outcome:
    detector, unlearner = name.split("/")
    made = p.cleaned[name].meta["values"]  # the record alone: weights are large and nobody looks at them here
    return Outcome(
        detector=next(d for d in run.experiment.detectors if d.name == detector),
        unlearner=next(u for u in run.experiment.unlearners if u.name == unlearner),
        flagged=int(p.detections[detector].value.flagged.sum()),
        seconds=made["seconds"],
        trials=tuple(made.get("trials", ())),
        report=p.after[name].value,
        run=run,
    )


def _exists(artifact: Artifact[Any]) -> bool:
    return artifact.store.find(artifact) is not None


def unlearn_variant(case: Case, rule: Detector, unlearners: tuple[Any, ...]) -> Experiment:
    """The case's experiment with this detector in place of the one of its name, and these unlearners.

    Running it adds the unlearning of what the detector flags, and nothing that the case has already.
    """
    experiment = case.run.experiment
    rules = [rule if d.name == rule.name else d for d in experiment.detectors]
    rules += [rule] if rule not in rules else []
    return experiment.changed(
        detectors=[d.model_dump(mode="json") for d in rules],
        unlearners=[u.model_dump(mode="json") for u in unlearners],
        unlearn_after=[rule.name],
    )
