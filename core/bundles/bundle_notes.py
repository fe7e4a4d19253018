"""What people wrote down about a case, in a bundle: verdicts and saved views, as rows of the casebook.

Rows are added, never changed; opening the same bundle twice adds nothing the second time.
"""

import json
import math
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import casebook, saved_views
from core.bundles.bundle_layout import BundleRefused
from core.review.verdict_rows import VERDICTS, checked_name, checked_reason
from core.safeload import plain

MOST = 200_000
"""Rows of either kind."""
VERDICT = ("case_id", "image", "reviewer", "verdict", "reason", "at")
SAVED = ("case_id", "page", "name", "address", "starred", "created")
MAX_NAME, MAX_ADDRESS = 80, 4000
Rows = dict[str, list[dict[str, Any]]]
NOT_OURS = {"embed", "embed_options"}
"""Parts of an address that Streamlit keeps to itself: a link that has one breaks the page it stands on."""
PAGE = re.compile(r"[a-z_]{1,30}")


def collected(root: Path, runs: Sequence[str]) -> Rows:
    """The rows about these runs; none where nobody wrote anything."""
    marks = ", ".join("?" * len(runs))
    told: Rows = {}
    with casebook.reading(root) as book:
        verdicts = (
            f"SELECT id, undoes, {', '.join(VERDICT)} FROM verdicts WHERE case_id IN ({marks}) ORDER BY id"
        )
        views = f"SELECT {', '.join(SAVED)} FROM saved_views WHERE removed IS NULL AND case_id IN ({marks}) ORDER BY id"
        told["verdicts"] = [dict(row) for row in book.execute(verdicts, list(runs))]
        told["saved_views"] = [dict(row) for row in book.execute(views, list(runs))]
    return told


def checked(told: Any, sizes: dict[str, int]) -> Rows:
    """The rows of a bundle, validated; `sizes` gives the number of training images by run.

    Raises BundleRefused for anything that the pages would not have written.
    """
    if not isinstance(told, dict) or set(told) != {"verdicts", "saved_views"}:
        raise BundleRefused("casebook.json: expected verdicts and saved views")
    if any(not isinstance(rows, list) or len(rows) > MOST for rows in told.values()):
        raise BundleRefused(f"casebook.json: expected at most {MOST} rows of each kind")
    try:
        earlier: set[int] = set()
        for row in told["verdicts"]:
            _check_verdict(row, sizes, earlier)
            earlier.add(row["id"])
        for row in told["saved_views"]:
            _check_view(row, sizes)
        each = Counter(row["case_id"] for row in told["saved_views"])
        _require(max(each.values(), default=0) <= saved_views.MOST, "number of saved views")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleRefused(f"casebook.json: a row is not one of ours ({plain(str(error))[:100]})") from error
    return told


def _check_verdict(row: dict[str, Any], sizes: dict[str, int], earlier: set[int]) -> None:
    _require(set(row) == {"id", "undoes", *VERDICT}, "columns")
    _require(type(row["id"]) is int and row["id"] not in earlier, "number")
    _require(row["undoes"] is None or row["undoes"] in earlier, "what it undoes")
    _require(type(row["image"]) is int and 0 <= row["image"] < sizes[row["case_id"]], "image")
    _require(row["verdict"] in VERDICTS and _is_time(row["at"]), "verdict or time")
    _require(checked_name(row["reviewer"]) == row["reviewer"], "reviewer")
    _require(checked_reason(row["reason"]) == row["reason"], "reason")


def _check_view(row: dict[str, Any], sizes: dict[str, int]) -> None:
    _require(set(row) == set(SAVED) and row["case_id"] in sizes, "columns or case")
    _require(bool(PAGE.fullmatch(row["page"])) and row["starred"] in (0, 1), "page or star")
    _require(0 < len(row["name"]) <= MAX_NAME and row["name"].isprintable(), "name")
    _require(len(row["address"]) <= MAX_ADDRESS, "address")
    address = json.loads(row["address"])
    pairs = [text for pair in address.items() for text in pair]
    _require(all(isinstance(text, str) and plain(text) == text for text in pairs), "address")
    _require(not {name.lower() for name in address} & NOT_OURS, "address")
    _require(_is_time(row["created"]), "time")


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError(what)


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value < 1e11


def marked(told: Rows) -> Rows:
    """The same, with names of reviewers that nobody here has."""
    rows = [
        row | {"reviewer": checked_name(f"{row['reviewer'][:26]} (from bundle)")} for row in told["verdicts"]
    ]
    return told | {"verdicts": rows}


def add(root: Path, told: Rows) -> int:
    """Add the rows that the casebook lacks; returns how many."""
    if not any(told.values()):
        return 0
    with casebook.writing(root) as book:
        before = book.total_changes
        verdicts = _Table(book, "verdicts", (*VERDICT, "undoes"), told["verdicts"])
        numbers: dict[int | None, int | None] = {
            None: None
        }  # rows that undo others name them by their number here
        for row in told["verdicts"]:
            numbers[row["id"]] = verdicts.put(row | {"undoes": numbers[row["undoes"]]})
        views = _Table(book, "saved_views", SAVED, told["saved_views"])
        for row in told["saved_views"]:
            views.put(row)
        return book.total_changes - before


class _Table:
    """Rows of a table about the cases of a bundle, looked up by what they say; asking SQLite for each takes hours."""

    def __init__(
        self, book: sqlite3.Connection, name: str, columns: Sequence[str], rows: list[dict[str, Any]]
    ) -> None:
        self._book, self._columns = book, columns
        marks = ", ".join("?" * len(columns))
        self._insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks}) RETURNING id"
        query = f"SELECT id, {', '.join(columns)} FROM {name} WHERE case_id = ? ORDER BY id DESC"
        known = (one for case in {row["case_id"] for row in rows} for one in book.execute(query, [case]))
        self._numbers: dict[tuple[Any, ...], int] = {tuple(one)[1:]: one[0] for one in known}

    def put(self, row: dict[str, Any]) -> int:
        """Number of the row here, added where it is not there yet."""
        values = tuple(row[name] for name in self._columns)
        if values not in self._numbers:
            self._numbers[values] = self._book.execute(self._insert, values).fetchone()[0]
        return self._numbers[values]
