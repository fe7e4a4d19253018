"""Loads results by key and keeps the few that the pages are looking at. No number is made here."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from app import access, kept, ownership
from app.access import Visitor
from app.kept import remembered
from app.state import View
from core import attack_view, cases, collapse, confidence, copies, plateau, runs
from core import truth as truths
from core.artifacts import Detection
from core.attack_view import Alteration, Spectra
from core.blind import challenges, renumbered
from core.cases import Case
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.export import Rule
from core.picks import Pick
from core.pipeline import investigate
from core.store import Store
from core.truth import Truth

KEPT_CASES, KEPT_ORDERS = 8, 8
PICKED = "~"
"""Stands between a run's name and a picked image."""
SEALED = " sealed"
"""Ends the names of cases that are kept as long as they are sealed."""
_store: Store | None = None
_cases: OrderedDict[str, Case] = OrderedDict()
_orders: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lines: OrderedDict[tuple[str, str], plateau.Line] = OrderedDict()
_contrasts: OrderedDict[tuple[str, str], Detection | str] = OrderedDict()
_sureness: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
_attacks: OrderedDict[str, "Attack"] = OrderedDict()
_truths: OrderedDict[str, Truth] = OrderedDict()


def store() -> Store:
    """The store of this server, opened once. It only reads: whatever has to be computed is a job."""
    global _store
    if _store is None or _store.root != runs.paths.store_root():
        _store = runs.open_store(computes=False)
    return _store


def case(run_id: str, who: Visitor | None = None) -> Case | None:
    """The case of a run, or of a picked image (`RUN~PICK`), where it is there for them who look (now: this page's)."""
    found = _case(run_id)
    return found if found and ownership.sees(who or access.visitor(), found, store().root) else None


def _case(run_id: str) -> Case | None:
    own, _, pick = run_id.partition(PICKED)
    found = _blind(own) if own.startswith(challenges.PREFIX) else _listed(own)
    try:
        return picked(found, pick) if found and pick else found
    except ValueError:
        return None


def _listed(run_id: str) -> Case | None:
    return remembered(_cases, run_id, lambda: cases.find(run_id, store()), KEPT_CASES)


def _blind(challenge_id: str) -> Case | None:
    """The case of a challenge; whether it is sealed is looked up every time."""
    if (found := challenges.find(store().root, challenge_id)) is None:
        return None
    name = challenge_id + SEALED * found.sealed
    return remembered(_cases, name, lambda: challenges.case_of(found, store()), KEPT_CASES)


def picked(of: Case, text: str) -> Case:
    """The case about one picked image in place of its own. Raises ValueError for an image that it does not have."""

    def make() -> Case:
        pick = Pick.parse(text)
        _check(of, pick)
        p = investigate(of.run.experiment, store(), pick)
        run = replace(of.run, id=f"{of.id}{PICKED}{text}", experiment=p.experiment)
        same = (c for c in cases.all_cases(store()) if c.plan.scores.key == p.scores.key)
        variants = next((c.variants for c in same), ())
        if of.order is not None:
            variants = challenges.unnamed(variants, run)
        return of.about(run, replace(p, before=renumbered.plain(of.plan.before)), variants)

    return remembered(_cases, f"{of.id}{PICKED}{text}{SEALED * of.sealed}", make, KEPT_CASES)


def kept_case(name: str, make: Callable[[], Case]) -> Case:
    """A case made from another one, kept under a name of its own."""
    return remembered(_cases, name, make, KEPT_CASES)


def _check(of: Case, pick: Pick) -> None:
    data = of.plan.dataset.value
    if pick.label >= len(data.class_names):
        raise ValueError(f"the case has {len(data.class_names)} classes and no label {pick.label}")
    rows = _triggered(of) if pick.source == "triggered" else range(len(data.test))
    if pick.source != "upload" and pick.row not in rows:
        raise ValueError(f"the case has no {pick.words} of this kind")


def _triggered(of: Case) -> np.ndarray:
    """Test images that can be picked as the attacker shows them: while the case is sealed only those it is about."""
    return of.plan.queries.value.test_rows if of.sealed else of.plan.poisoning.value.triggered_rows


def truth(of: Case, view: View) -> Truth | None:
    """Who the poisons are; None where the view hides it, the case is sealed, or nobody knows it."""
    if of.sealed or view.truth == "hide" or not truths.known(of.plan):
        return None
    return remembered(_truths, of.id, lambda: truths.of(of.plan), KEPT_CASES)


def forget(run_id: str) -> None:
    """Look the case up again next time, for example because a variant of it was started."""
    kept.forget(_cases, lambda name: name.startswith(run_id))


@dataclass(frozen=True)
class Changes:
    """Changes of influence of one picked test image."""

    delta: np.ndarray
    """Change by transformed copy (row) and training image (column)."""
    ordered: np.ndarray
    """The same with each column in ascending order."""
    typical: float
    """Median size of a change, the yardstick for drawing."""

    @cached_property
    def surface(self) -> plateau.Surface:
        """What every threshold and tolerance flags."""
        return plateau.surface(self.ordered)


def changes(of: Case, query: int, without: tuple[str, ...] = ()) -> Changes:
    """The changes of a picked test image, sorted once: every movement of the threshold uses them.

    `without` are kinds of transformation that are left out.
    """
    key = (of.plan.scores.key, query, without)

    def make() -> Changes:
        delta = copies.changes(of.plan.scores.value, query, without)
        return Changes(delta, collapse.sorted_changes(delta), collapse.typical_change(delta))

    return remembered(_orders, key, make, KEPT_ORDERS)


def calibrated(of: Case, rule: Contrast) -> Detection | str:
    """The contrast at its calibrated cut-off, or in words why it cannot be told."""

    def make() -> Detection | str:
        try:
            return verdict(of.plan, rule)
        except ValueError as error:
            return str(error)

    _ = of.plan.scores.value  # says so where the file was altered since, whatever is kept of it
    return remembered(_contrasts, (of.plan.scores.key, rule.model_dump_json()), make, KEPT_ORDERS)


def line(of: Case, rule: Rule, found: Detection) -> plateau.Line:
    """What the cut-off of a rule is compared with, sorted once, and its plateau; the same for every cut-off."""
    made = {"contrast": plateau.of_contrast, "relative_collapse": plateau.of_collapse}
    make, key = made.get(rule.name, plateau.of_changes), (of.plan.scores.key, rule.model_dump_json())
    return remembered(_lines, key, lambda: make(found.suspicion), 2 * KEPT_ORDERS)


def collapsed(of: Case, rule: RelativeCollapse) -> Detection:
    """The relative collapse of every training image: another cut-off is a comparison with it."""
    key = (of.plan.scores.key, rule.model_dump_json())
    return remembered(_orders, key, lambda: verdict(of.plan, rule))


def sureness(of: Case, rule: Rule) -> np.ndarray:
    """For every training image, the share of resamples of the same evidence that flag it."""

    def make() -> np.ndarray:
        if isinstance(rule, Contrast):
            return rule.confidence(of.plan.scores.value, of.plan.poisoned.value)
        return _of_copies(of, rule, slice(None))

    return remembered(_sureness, (of.plan.scores.key, rule.model_dump_json()), make, KEPT_ORDERS)


def sureness_of(of: Case, rule: Rule, i: int) -> float:
    """The same of one image, which another cut-off does not make expensive."""
    return float(sureness(of, rule)[i] if isinstance(rule, Contrast) else _of_copies(of, rule, [i])[0])


def _of_copies(of: Case, rule: DeltaInfluence | RelativeCollapse, which: Any) -> np.ndarray:
    if isinstance(rule, DeltaInfluence):
        changed = changes(of, rule.query, rule.without).delta
    else:
        changed = rule.changes(of.plan.scores.value)
    return confidence.of_count_rule(changed[:, which], rule.level, rule.tolerance)


@dataclass(frozen=True)
class Attack:
    """What an attack altered, from its own side."""

    poisons: Alteration
    targets: Alteration
    spectra: Spectra | None
    """Spectra of the poisons; None where no pixel changed."""


def attack(of: Case) -> Attack:
    """What the attack of a case altered, counted once: every move on the page uses it."""

    def make() -> Attack:
        data, poisoning = of.plan.dataset.value, of.plan.poisoning.value
        pair = attack_view.poisons(data, poisoning)
        altered = attack_view.alteration(pair)
        spectra = attack_view.spectra(pair) if altered.repainted else None
        return Attack(altered, attack_view.alteration(attack_view.targets(data, poisoning)), spectra)

    return remembered(_attacks, of.plan.poisoning.key, make, KEPT_CASES)
