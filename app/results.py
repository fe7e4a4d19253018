"""Loads results by key and keeps the few that the pages are looking at. No number is made here."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np

from app.state import View
from core import attack_view, cases, collapse, confidence, runs
from core import truth as truths
from core.artifacts import Detection
from core.attack_view import Alteration, Spectra
from core.cases import Case
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.picks import Pick
from core.pipeline import investigate
from core.store import Store
from core.truth import Truth

KEPT_CASES, KEPT_ORDERS = 8, 8
PICKED = "~"
"""Stands between a run's name and a picked image."""
_lock = Lock()
_store: Store | None = None
_cases: OrderedDict[str, Case] = OrderedDict()
_orders: OrderedDict[tuple[str, int], Any] = OrderedDict()
_contrasts: OrderedDict[tuple[str, str], Detection | str] = OrderedDict()
_sureness: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
_images: OrderedDict[tuple[str, str], Any] = OrderedDict()
_attacks: OrderedDict[str, "Attack"] = OrderedDict()
_truths: OrderedDict[str, Truth] = OrderedDict()


def store() -> Store:
    """The store of this server, opened once. It only reads: whatever has to be computed is a job."""
    global _store
    if _store is None or _store.root != runs.paths.store_root():
        _store = runs.open_store(computes=False)
    return _store


def case(run_id: str) -> Case | None:
    """The case that a run belongs to, or of a picked image (`RUN~PICK`). Looked up anew while it is not kept."""
    own, _, pick = run_id.partition(PICKED)
    with _lock:
        found = _remember(_cases, own, lambda: cases.find(own, store()), KEPT_CASES)
    try:
        return picked(found, pick) if found and pick else found
    except ValueError:
        return None


def picked(of: Case, text: str) -> Case:
    """The case about one picked image in place of its own. Raises ValueError for an image that it does not have."""

    def make() -> Case:
        pick = Pick.parse(text)
        _check(of, pick)
        p = investigate(of.run.experiment, store(), pick)
        run = replace(of.run, id=f"{of.id}{PICKED}{text}", experiment=p.experiment)
        same = (c for c in cases.all_cases(store()) if c.plan.scores.key == p.scores.key)
        variants = next((c.variants for c in same), ())
        return Case(run, replace(p, before=of.plan.before), variants)

    with _lock:
        return _remember(_cases, f"{of.id}{PICKED}{text}", make, KEPT_CASES)


def kept(name: str, make: Any) -> Case:
    """A case made from another one, kept under a name of its own."""
    with _lock:
        return _remember(_cases, name, make, KEPT_CASES)


def _check(of: Case, pick: Pick) -> None:
    data = of.plan.dataset.value
    if pick.label >= len(data.class_names):
        raise ValueError(f"the case has {len(data.class_names)} classes and no label {pick.label}")
    rows = of.plan.poisoning.value.triggered_rows if pick.source == "triggered" else range(len(data.test))
    if pick.source != "upload" and pick.row not in rows:
        raise ValueError(f"the case has no {pick.words} of this kind")


def truth(of: Case, view: View) -> Truth | None:
    """Who the poisons are; None where the view hides it, the case is sealed, or nobody knows it."""
    return None if of.sealed or view.truth == "hide" else _truth(of)


def _truth(of: Case) -> Truth | None:
    if not truths.known(of.plan):
        return None
    with _lock:
        return _remember(_truths, of.id, lambda: truths.of(of.plan), KEPT_CASES)


def forget(run_id: str) -> None:
    """Look the case up again next time, for example because a variant of it was started."""
    for name in [name for name in _cases if name.startswith(run_id)]:
        _cases.pop(name, None)


def images(of: Case, kind: str) -> Any:
    """The images of a case by kind, as an array or something that makes each when asked; see app.images."""
    from app.images import KINDS

    with _lock:
        return _remember(_images, (of.id, kind), lambda: KINDS[kind](of), 4 * KEPT_CASES)


@dataclass(frozen=True)
class Changes:
    """Changes of influence of one picked test image."""

    delta: np.ndarray
    """Change by transformed copy (row) and training image (column)."""
    ordered: np.ndarray
    """The same with each column in ascending order."""
    typical: float
    """Median size of a change, the yardstick for drawing."""


def changes(of: Case, query: int) -> Changes:
    """The changes of a picked test image, sorted once: every movement of the threshold uses them."""
    key = (of.plan.scores.key, query)

    def make() -> Changes:
        delta = of.plan.scores.value.delta(query)
        return Changes(delta, collapse.sorted_changes(delta), collapse.typical_change(delta))

    with _lock:
        return _remember(_orders, key, make, KEPT_ORDERS)


def calibrated(of: Case, rule: Contrast) -> Detection | str:
    """The contrast at its calibrated cut-off, or in words why it cannot be told."""

    def make() -> Detection | str:
        try:
            return verdict(of.plan, rule)
        except ValueError as error:
            return str(error)

    _ = of.plan.scores.value  # says so where the file was altered since, whatever is kept of it
    with _lock:
        return _remember(_contrasts, (of.plan.scores.key, rule.model_dump_json()), make, KEPT_ORDERS)


def sureness(of: Case, rule: Contrast | DeltaInfluence) -> np.ndarray:
    """For every training image, the share of resamples of the same evidence that flag it."""

    def make() -> np.ndarray:
        if isinstance(rule, Contrast):
            return rule.confidence(of.plan.scores.value, of.plan.poisoned.value)
        return confidence.of_count_rule(
            of.plan.scores.value.delta(rule.query), rule.threshold, rule.tolerance
        )

    with _lock:
        return _remember(_sureness, (of.plan.scores.key, rule.model_dump_json()), make, KEPT_ORDERS)


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

    with _lock:
        return _remember(_attacks, of.plan.poisoning.key, make, KEPT_CASES)


def _remember(kept: OrderedDict, key: Any, make: Any, most: int) -> Any:
    if key not in kept:
        value = make()
        if value is None:
            return None
        kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]
