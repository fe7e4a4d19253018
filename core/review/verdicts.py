"""What reviewers say about single training images, whatever the rule says: poison, keep, unsure, or auto (the rule).

Rows are only ever added, in the casebook's table `verdicts`. A row that undoes another names it and records the verdict
that stands after it, so what stands is always an image's last row, and undoing an undo is doing it again. Rows of one
gesture, for example a whole page called poison, share their time and are undone together. Many may write at once.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core import casebook
from core.review.verdict_rows import AUTO, VERDICTS, Ledger, Row, checked_name, checked_reason, ledger

TICK = 1e-6
"""Seconds by which two gestures differ at least, as their times tell them apart."""


@dataclass(frozen=True)
class Gesture:
    """One thing that a reviewer does: judge images, take the last gesture back, or do it again."""

    kind: Literal["judge", "undo", "redo"]
    images: tuple[int, ...] = ()
    """What is judged; for undo and redo an image that the gesture has to be about, or none for any."""
    verdict: str = AUTO
    reason: str = ""


@dataclass(frozen=True)
class Verdicts:
    """The verdicts on the training images of one case, numbered as the pages show them."""

    root: Path
    case_id: str
    size: int
    """How many training images the case has."""

    def read(self) -> Ledger:
        """Every row of the case, and what follows from them; rows about images that it lacks are left out."""
        with casebook.reading(self.root) as book:
            return ledger(self._records(book), self.size)

    def newest(self) -> int:
        """Number of the last row of the case: as long as it is the same, so is everything else."""
        with casebook.reading(self.root) as book:
            query = "SELECT coalesce(max(id), 0) FROM verdicts WHERE case_id = ?"
            return book.execute(query, [self.case_id]).fetchone()[0]

    def judge(self, reviewer: str, images: Iterable[int], verdict: str, *, reason: str = "") -> int:
        """Write one verdict on images, as one gesture; returns how many of them changed."""
        return self.perform(reviewer, [Gesture("judge", tuple(images), verdict, reason)])

    def undo(self, reviewer: str, *, about: int | None = None) -> int:
        """Take back the reviewer's last gesture that stands; returns how many images changed.

        With `about` nothing happens unless the gesture is about that image.
        """
        return self.perform(reviewer, [Gesture("undo", () if about is None else (about,))])

    def redo(self, reviewer: str, *, about: int | None = None) -> int:
        """Do again what was undone last, unless the reviewer has judged since; returns how many images changed."""
        return self.perform(reviewer, [Gesture("redo", () if about is None else (about,))])

    def perform(self, reviewer: str, gestures: Sequence[Gesture]) -> int:
        """Write gestures in their order, all or none; returns the number of rows. Raises ValueError for nonsense."""
        who = checked_name(reviewer)
        for gesture in gestures:
            self._check(gesture)
        with casebook.writing(self.root) as book:
            return sum(self._write(book, who, gesture) for gesture in gestures)

    def take_over(self, reviewer: str, said: Mapping[int, tuple[str, str]]) -> int:
        """Write verdicts and reasons by image, as one gesture; returns how many of them changed."""
        who = checked_name(reviewer)
        for image, (verdict, reason) in said.items():
            self._check(Gesture("judge", (image,), verdict))
            checked_reason(reason)
        with casebook.writing(self.root) as book:
            found = ledger(self._records(book, who), self.size)
            return self._insert(book, _changed(found, who, said), found)

    def undo_row(self, reviewer: str, row: int) -> bool:
        """Take back one row of the reviewer's, judged or undone; False where it does not stand any more."""
        with casebook.writing(self.root) as book:
            found = ledger(self._records(book, reviewer), self.size)
            standing = [r for r in found.rows if r.id == row and r.in_force]
            return bool(self._insert(book, _inverse(found, standing), found))

    def _check(self, gesture: Gesture) -> None:
        if gesture.verdict not in VERDICTS:
            raise ValueError(f"verdict={gesture.verdict!r}: choose from {list(VERDICTS)}")
        if wrong := [i for i in gesture.images if not 0 <= i < self.size]:
            raise ValueError(f"image {wrong[0]}: the case has training images 0 to {self.size - 1}")

    def _write(self, book: sqlite3.Connection, reviewer: str, gesture: Gesture) -> int:
        found = ledger(self._records(book, reviewer), self.size)
        if gesture.kind == "judge":
            return self._insert(book, _judged(found, reviewer, gesture), found)
        stack = found.done(reviewer) if gesture.kind == "undo" else found.undone(reviewer)
        rows = stack[-1] if stack else []
        about = set(gesture.images)
        return self._insert(book, _inverse(found, rows if about <= {r.image for r in rows} else []), found)

    def _insert(self, book: sqlite3.Connection, rows: Sequence[Row], found: Ledger) -> int:
        at = max(time.time(), max((r.at for r in found.rows), default=0.0) + TICK)
        book.executemany(
            "INSERT INTO verdicts (case_id, image, reviewer, verdict, reason, undoes, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(self.case_id, r.image, r.reviewer, r.verdict, r.reason, r.undoes, at) for r in rows],
        )
        return len(rows)

    def _records(self, book: sqlite3.Connection, reviewer: str | None = None) -> list[Any]:
        query, values = "SELECT * FROM verdicts WHERE case_id = ?", [self.case_id]
        if reviewer is not None:
            query, values = f"{query} AND reviewer = ?", [self.case_id, reviewer]
        return book.execute(f"{query} ORDER BY id", values).fetchall()


def _judged(found: Ledger, reviewer: str, gesture: Gesture) -> list[Row]:
    """Rows for the images whose verdict changes, or whose reason does."""
    said = gesture.verdict, checked_reason(gesture.reason)
    return _changed(found, reviewer, dict.fromkeys(gesture.images, said))


def _changed(found: Ledger, reviewer: str, said: Mapping[int, tuple[str, str]]) -> list[Row]:
    standing, reasons = found.standing(reviewer), found.reasons(reviewer)
    return [
        Row(0, i, reviewer, verdict, reason)
        for i, (verdict, reason) in said.items()
        if standing.get(i, AUTO) != verdict or (reason and reason != reasons.get(i))
    ]


def _inverse(found: Ledger, rows: Sequence[Row]) -> list[Row]:
    """Rows that undo these."""
    left = found.without(rows)
    return [Row(0, r.image, r.reviewer, left[r.image], r.reason, undoes=r.id) for r in rows]
