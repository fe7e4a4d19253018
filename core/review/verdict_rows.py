"""The rows of verdicts, and what follows from them: what stands, what can be undone, who said what, and how fast.

A row is in force unless a row in force undoes it. What stands on an image is the verdict of its last row.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from core.safeload import visible

AUTO, POISON, KEEP, UNSURE = VERDICTS = ("auto", "poison", "keep", "unsure")
LONGEST_NAME, LONGEST_REASON = 40, 300
PAUSE = 120.0
"""Seconds; a longer gap between two verdicts was not spent on looking."""
LATEST = 50
"""Gestures from which the pace is told."""


@dataclass(frozen=True)
class Row:
    """One line of the record."""

    id: int
    image: int
    reviewer: str
    verdict: str
    """What stands on the image after this row."""
    reason: str = ""
    undoes: int | None = None
    """The row that this one takes back."""
    at: float = 0.0
    """Seconds since 1970."""
    before: str = AUTO
    in_force: bool = True


def checked_name(text: str) -> str:
    """A reviewer's name on one line. Raises ValueError for none, or one that is too long."""
    name = _line(text)
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"reviewer={text[:50]!r}: expected a name of 1 to {LONGEST_NAME} characters")
    return name


def checked_reason(text: str) -> str:
    """A reason on one line. Raises ValueError for one that is too long."""
    reason = _line(text)
    if len(reason) > LONGEST_REASON:
        raise ValueError(f"reason of {len(reason)} characters: expected {LONGEST_REASON} at most")
    return reason


def _line(text: str) -> str:
    """Text without line breaks and without characters that change how other text is shown."""
    return visible("".join(" " if c.isspace() else c for c in text)).strip()


@dataclass(frozen=True)
class Ledger:
    """All rows of a case in the order in which they were written."""

    rows: tuple[Row, ...] = ()
    ignored: int = 0
    """Rows about images that the case does not have."""
    last: Mapping[str, Mapping[int, Row]] = field(default_factory=dict)
    """The last row by reviewer and image."""

    @cached_property
    def by_id(self) -> dict[int, Row]:
        """The rows by their number."""
        return {row.id: row for row in self.rows}

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Who has written anything, in the order of their first row."""
        return tuple(self.last)

    def standing(self, reviewer: str) -> dict[int, str]:
        """What stands by image; images that are left to the rule are not in it."""
        return {i: r.verdict for i, r in self.last.get(reviewer, {}).items() if r.verdict != AUTO}

    def reasons(self, reviewer: str) -> dict[int, str]:
        """Why each verdict stands, in the reviewer's words, by image; those without words are not in it."""
        standing = self.standing(reviewer)
        said = {r.image: r.reason for r in self._judged(reviewer) if standing.get(r.image) == r.verdict}
        return {i: reason for i, reason in said.items() if reason}

    def history(self, image: int) -> list[Row]:
        """Every row about one image."""
        return [row for row in self.rows if row.image == image]

    def done(self, reviewer: str) -> list[list[Row]]:
        """Gestures that undo takes back, the next one last; each a list of rows."""
        return _gestures(self._judged(reviewer))

    def undone(self, reviewer: str) -> list[list[Row]]:
        """Gestures that redo brings back, the next one last: rows of undoing since the last verdict."""
        own = [r for r in self.rows if r.reviewer == reviewer]
        judged = max((r.id for r in own if r.undoes is None), default=0)
        return _gestures([r for r in own if r.id > judged and r.in_force and self._takes_back(r)])

    def without(self, rows: Sequence[Row]) -> dict[int, str]:
        """What would stand by image if these rows of one reviewer were undone."""
        taken = [replace(row, id=0, undoes=row.id) for row in rows]
        cancelled = _cancelled([*self.rows, *taken])
        owner = rows[0].reviewer if rows else ""
        own = (r for r in self.rows if r.reviewer == owner and r.undoes is None and r.id not in cancelled)
        said = {r.image: r.verdict for r in own}
        return {row.image: said.get(row.image, AUTO) for row in rows}

    def seconds_each(self, reviewer: str) -> float | None:
        """The median time from one verdict to the next, pauses left out; None before there are five."""
        own = [r for r in self.rows if r.reviewer == reviewer and r.undoes is None]
        times = sorted({r.at for r in own})[-LATEST - 1 :]
        gaps = [b - a for a, b in pairwise(times) if b - a <= PAUSE]
        return statistics.median(gaps) if len(gaps) >= 4 else None

    def _judged(self, reviewer: str) -> list[Row]:
        return [r for r in self.rows if r.reviewer == reviewer and r.in_force and r.undoes is None]

    def _takes_back(self, row: Row) -> bool:
        """Whether a row undoes a verdict, and not an undoing."""
        target = self.by_id.get(row.undoes) if row.undoes is not None else None
        return target is not None and target.undoes is None


STORED = ("id", "image", "reviewer", "verdict", "reason", "undoes", "at")


def ledger(records: Iterable[Any], size: int) -> Ledger:
    """The rows of a case of so many images, from the casebook's records in the order of their numbers."""
    everything = list(records)
    inside = [r for r in everything if 0 <= r["image"] < size]
    cancelled = _cancelled([_row(r, AUTO, True) for r in inside if r["undoes"]])
    rows: list[Row] = []
    last: dict[str, dict[int, Row]] = {}
    for r in inside:
        own = last.setdefault(r["reviewer"], {})
        before = own[r["image"]].verdict if r["image"] in own else AUTO
        own[r["image"]] = _row(r, before, r["id"] not in cancelled)
        rows.append(own[r["image"]])
    return Ledger(tuple(rows), len(everything) - len(inside), last)


def _row(record: Any, before: str, in_force: bool) -> Row:
    return Row(*(record[name] for name in STORED), before=before, in_force=in_force)


def _cancelled(rows: Sequence[Row]) -> set[int]:
    """Numbers of the rows that are undone by a row in force; later rows decide about earlier ones."""
    cancelled: set[int] = set()
    for row in reversed(rows):
        if row.undoes is not None and row.id not in cancelled:
            cancelled.add(row.undoes)
    return cancelled


def _gestures(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that share their time, together."""
    groups: dict[float, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.at, []).append(row)
    return list(groups.values())
