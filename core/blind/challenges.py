"""Blind challenges: copies of a finished case whose truth is sealed until somebody reveals it, once.

A copy has a title of its own, controls that its teacher locked, and training images numbered anew, so that neither a
number nor a tie tells anything. Kept in the casebook; fresh copies of one case have nothing in common but the images.
"""

import json
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core import casebook, cases, truth
from core.blind import renumbered
from core.cases import Case
from core.experiment import Experiment
from core.pipeline import plan
from core.runs import Run
from core.store import Store

PREFIX = "blind-"
LONGEST_TITLE = 80
FINDS = "SELECT * FROM challenges WHERE removed IS NULL"
ADDS = """INSERT INTO challenges (id, run, title, secret, experiment, images, locked, view, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True)
class Challenge:
    """A blind copy of a case."""

    id: str
    run: str
    """Case that it is a copy of."""
    title: str
    secret: str = field(repr=False)
    """What the numbers of its training images are drawn from."""
    experiment: Experiment = field(repr=False)
    """The settings of the case, under the title of the challenge and without a description."""
    images: int
    """How many training images there are."""
    locked: frozenset[str]
    """Controls that cannot be moved, by the names of the fields of the view."""
    view: dict[str, str]
    """The address that it opens with."""
    created: float
    revealed: float | None

    @property
    def sealed(self) -> bool:
        """Whether nobody may see the truth yet."""
        return self.revealed is None

    @property
    def order(self) -> renumbered.Order:
        """Row of the training set behind each place."""
        return renumbered.order_of(self.secret, self.images)


@dataclass(frozen=True)
class Wanted:
    """What a teacher asks for."""

    title: str
    locked: frozenset[str] = frozenset()
    view: dict[str, str] = field(default_factory=dict)


def make(root: Path, case: Case, wanted: Wanted) -> Challenge:
    """A fresh blind copy of a case. Raises ValueError where the case or the title will not do."""
    _check(case, wanted.title)
    x = case.run.experiment.model_copy(update={"title": wanted.title.strip(), "description": ""})
    made = Challenge(
        id=PREFIX + secrets.token_hex(5),
        run=case.id,
        title=wanted.title.strip(),
        secret=secrets.token_hex(16),
        experiment=x,
        images=len(case.plan.dataset.value.train),
        locked=wanted.locked,
        view=wanted.view,
        created=time.time(),
        revealed=None,
    )
    _add(root, made)
    return made


def _check(case: Case, title: str) -> None:
    if case.unfinished or case.order is not None or not truth.known(case.plan):
        raise ValueError(
            f"{case.id}: expected a finished case of ours whose poisons are known; choose another"
        )
    if not 0 < len(title.strip()) <= LONGEST_TITLE:
        raise ValueError(f"title={title[:90]!r}: expected 1 to {LONGEST_TITLE} characters")
    attack = case.run.experiment.attack
    plain, words = _plain(title), (attack.name, type(attack).title)
    if any(_plain(word) in plain for word in words):
        raise ValueError(f"title={title!r} names the attack; call it for example 'Exercise 3'")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def again(root: Path, of: Challenge) -> Challenge:
    """A fresh blind copy of the same case, with other numbers and nothing committed."""
    made = Challenge(
        **vars(of)
        | {
            "id": PREFIX + secrets.token_hex(5),
            "secret": secrets.token_hex(16),
            "created": time.time(),
            "revealed": None,
        }
    )
    _add(root, made)
    return made


def _add(root: Path, made: Challenge) -> None:
    settings = made.experiment.model_dump_json()
    locked, view = json.dumps(sorted(made.locked)), json.dumps(made.view)
    row = (made.id, made.run, made.title, made.secret, settings, made.images, locked, view, made.created)
    with casebook.writing(root) as book:
        book.execute(ADDS, row)


def find(root: Path, challenge_id: str) -> Challenge | None:
    """The challenge of this name; None where there is none, or it was removed."""
    if not challenge_id.startswith(PREFIX):
        return None
    with casebook.reading(root) as book:
        row = book.execute(f"{FINDS} AND id = ?", [challenge_id]).fetchone()
    return _read(row) if row else None


def start(root: Path, challenge_id: str) -> tuple[dict[str, str], frozenset[str]]:
    """The address that a challenge opens with, and what is locked; both empty for anything else."""
    if not challenge_id.startswith(PREFIX):
        return {}, frozenset()
    with casebook.reading(root) as book:
        row = book.execute("SELECT view, locked FROM challenges WHERE id = ?", [challenge_id]).fetchone()
    return (json.loads(row["view"]), frozenset(json.loads(row["locked"]))) if row else ({}, frozenset())


def every(root: Path) -> list[Challenge]:
    """All challenges, newest first."""
    return [found for found in _listed(root) if found]


def unreadable(root: Path) -> int:
    """How many were made for methods that are not here."""
    return _listed(root).count(None)


def _listed(root: Path) -> list[Challenge | None]:
    with casebook.reading(root) as book:
        return [_read(row) for row in book.execute(f"{FINDS} ORDER BY created DESC, id")]


def _read(row: sqlite3.Row) -> Challenge | None:
    told: dict[str, Any] = {name: row[name] for name in row.keys() if name != "removed"}  # noqa: SIM118
    try:
        told["experiment"] = Experiment.checked(json.loads(row["experiment"]))
    except ValueError:  # made for methods that are not here
        return None
    locked, view = json.loads(row["locked"]), json.loads(row["view"])
    return Challenge(**told | {"locked": frozenset(locked), "view": view})


def reveal(root: Path, challenge_id: str) -> None:
    """Unseal the truth of a challenge for everybody, for good; a second time changes nothing."""
    with casebook.writing(root) as book:
        book.execute(
            "UPDATE challenges SET revealed = ? WHERE id = ? AND revealed IS NULL",
            [time.time(), challenge_id],
        )


def remove(root: Path, challenge_id: str) -> None:
    """Take a challenge off the list; `restore` brings it back with all that was committed."""
    with casebook.writing(root) as book:
        book.execute("UPDATE challenges SET removed = ? WHERE id = ?", [time.time(), challenge_id])


def restore(root: Path, challenge_id: str) -> None:
    """Put a removed challenge back on the list."""
    with casebook.writing(root) as book:
        book.execute("UPDATE challenges SET removed = NULL WHERE id = ?", [challenge_id])


def case_of(found: Challenge, store: Store) -> Case:
    """The challenge as a case, which every page shows like any other."""
    original = cases.find(found.run, store)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.created))
    run, p = Run(found.id, found.experiment, created, shipped=False), plan(found.experiment, store)
    shown = unnamed(original.variants if original else (run,), run)
    numbered = renumbered.plan_of(p, found.order)
    return Case(
        run, numbered, shown, sealed=found.sealed, locked=found.locked, salt=found.secret, order=found.order
    )


def unnamed(variants: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    """Variants under the name and title of the copy."""
    told = {"title": run.title, "description": ""}
    return tuple(
        replace(one, id=run.id, experiment=one.experiment.model_copy(update=told)) for one in variants
    )


def behind(x: Experiment, store: Store) -> Challenge | None:
    """The challenge that work of this experiment was asked for in; None where it was asked for in the case itself."""
    key = plan(x, store).scores.key
    same = (c for c in every(store.root) if c.title == x.title)
    return next((c for c in same if plan(c.experiment, store).scores.key == key), None)
