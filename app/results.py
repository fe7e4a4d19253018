"""Loads results by key and keeps the few that the pages are looking at. No number is made here."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from core import attack_view, cases, collapse, runs
from core.attack_view import Alteration, Spectra
from core.cases import Case
from core.store import Store

KEPT_CASES, KEPT_ORDERS = 8, 8
_lock = Lock()
_store: Store | None = None
_cases: OrderedDict[str, Case] = OrderedDict()
_orders: OrderedDict[tuple[str, int], Any] = OrderedDict()
_images: OrderedDict[tuple[str, str], Any] = OrderedDict()
_attacks: OrderedDict[str, "Attack"] = OrderedDict()


def store() -> Store:
    """The store of this server, opened once. It only reads: whatever has to be computed is a job."""
    global _store
    if _store is None or _store.root != runs.paths.store_root():
        _store = runs.open_store(computes=False)
    return _store


def case(run_id: str) -> Case | None:
    """The case that a run belongs to. Looked up anew while it is not among those kept."""
    with _lock:
        return _remember(_cases, run_id, lambda: cases.find(run_id, store()), KEPT_CASES)


def forget(run_id: str) -> None:
    """Look the case up again next time, for example because a variant of it was started."""
    _cases.pop(run_id, None)


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
        data, truth = of.plan.dataset.value, of.plan.poisoning.value
        pair = attack_view.poisons(data, truth)
        altered = attack_view.alteration(pair)
        spectra = attack_view.spectra(pair) if altered.repainted else None
        return Attack(altered, attack_view.alteration(attack_view.targets(data, truth)), spectra)

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
