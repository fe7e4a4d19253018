"""Cases: what an analyst sees as one investigation. Runs that share their scores are variants of one case.

The variants differ only in what was flagged or how it was unlearned.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core import runs, sets
from core.blind import renumbered
from core.detectors.base import Detector
from core.detectors.reviewed import Reviewed
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.runs import Run
from core.store import Artifact, Store
from core.unlearned import outcome_jobs
from core.unlearned import outcomes as made
from core.unlearned.outcomes import Outcome


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

    salt: str = ""
    """Of a blind case: goes into the names of sets that people make in it."""
    order: np.ndarray | None = None
    """Row of the training set behind each number that the pages show; None where they are the same."""

    def real_rows(self, shown: Iterable[int]) -> np.ndarray:
        """Rows of the training set behind numbers that the pages show; a blind case numbers its images anew."""
        rows = np.fromiter(shown, np.int64)
        return rows if self.order is None else self.order[rows]

    def places(self, rows: Iterable[int]) -> np.ndarray:
        """Numbers that the pages show for rows of the training set: the opposite of `real_rows`."""
        found = np.fromiter(rows, np.int64)
        return found if self.order is None else renumbered.places_of(self.order)[found]

    def about(self, run: Run, p: Plan, variants: tuple[Run, ...] = ()) -> "Case":
        """The case with other results, for example of another test image: sealed, locked and numbered alike."""
        shown = p if self.order is None else renumbered.plan_of(p, self.order)
        return replace(self, run=run, plan=shown, variants=variants)

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
    """Every finished unlearning of a case, of all its variants and of whatever was asked for since, each once."""
    found: dict[tuple[str, str], Outcome] = {}
    for run in case.variants:
        p = plan(run.experiment, store)
        found |= {(o.asked.id, o.made.model.key): o for o in made.finished(p, made.of_plan(p))}
    own = made.own_plan(case.plan, store)
    found |= {(o.asked.id, o.made.model.key): o for o in made.finished(own, outcome_jobs.noted(own))}
    return [o for o in found.values() if not case.sealed or _tells_nothing(o, case.salt)]


def _tells_nothing(of: Outcome, salt: str) -> bool:
    """Whether it may be seen while the truth is sealed: sets that people chose elsewhere may be chosen with it."""
    chosen = isinstance(of.detector, Reviewed) and not sets.is_of(of.detector.digest, salt)
    return of.asked.role != "oracle" and not chosen


def _exists(artifact: Artifact[Any]) -> bool:
    return artifact.store.find(artifact) is not None


def unlearn_variant(case: Case, rule: Detector, unlearners: tuple[Any, ...]) -> Experiment:
    """The case's experiment with this detector in place of the one of its name, and these unlearners.

    Running it adds the unlearning of what the detector flags, and nothing that the case has already: for forecasts,
    and for the command line.
    """
    experiment = case.run.experiment
    rules = [rule if d.name == rule.name else d for d in experiment.detectors]
    rules += [rule] if rule not in rules else []
    return experiment.changed(
        detectors=[d.model_dump(mode="json") for d in rules],
        unlearners=[u.model_dump(mode="json") for u in unlearners],
        unlearn_after=[rule.name],
    )
