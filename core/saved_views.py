"""Views that people saved: a name for an address, so that it is found again. Opening one never changes it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from core import casebook
from core.safeload import clean_name

MOST = 500
"""Saved views of one case; more are refused, so that a script cannot fill the disk."""
LONGEST_ADDRESS = 4000


@dataclass(frozen=True)
class SavedView:
    """A named place in a case."""

    id: int
    case_id: str
    page: str
    """Which page it is on: `investigate`."""
    name: str
    address: dict[str, str]
    """Parameters of the address, without the server's name."""
    starred: bool
    created: float


def save(root: Path, case_id: str, page: str, *, name: str, address: dict[str, str]) -> SavedView:
    """Keep an address under a name; the same address of a page under another name is renamed.

    Raises ValueError for an empty name, for an address that no page writes, and when there are too many.
    """
    if not name.strip():
        raise ValueError("name='': a saved view needs a name; type what you will look for")
    text = json.dumps(address, sort_keys=True)
    if len(text) > LONGEST_ADDRESS:
        raise ValueError(
            f"address of {len(text)} characters: expected at most {LONGEST_ADDRESS}; select less"
        )
    with casebook.writing(root) as book:
        same = "SELECT id FROM saved_views WHERE case_id = ? AND page = ? AND address = ? AND removed IS NULL"
        known = book.execute(same, [case_id, page, text]).fetchone()
        count = book.execute("SELECT count(*) FROM saved_views WHERE case_id = ?", [case_id]).fetchone()[0]
        if known is None and count >= MOST:
            raise ValueError(f"{count} saved views of this case: expected at most {MOST}; remove some")
        if known is None:
            insert = "INSERT INTO saved_views (case_id, page, name, address, created) VALUES (?, ?, ?, ?, ?) RETURNING *"
            row = book.execute(insert, [case_id, page, clean_name(name), text, time.time()]).fetchone()
        else:
            rename = "UPDATE saved_views SET name = ? WHERE id = ? RETURNING *"
            row = book.execute(rename, [clean_name(name), known["id"]]).fetchone()
    return _view(row)


def listed(root: Path, case_id: str | None = None, most: int = 50) -> list[SavedView]:
    """Saved views of a case, or of all cases: starred ones first, then the newest."""
    which, values = ("AND case_id = ?", [case_id]) if case_id is not None else ("", [])
    query = f"SELECT * FROM saved_views WHERE removed IS NULL {which} ORDER BY starred DESC, id DESC LIMIT ?"
    with casebook.reading(root) as book:
        return [_view(row) for row in book.execute(query, [*values, most]).fetchall()]


def star(root: Path, view_id: int, starred: bool) -> None:
    """Put a saved view among the first, or back."""
    _change(root, "starred = ?", int(starred), view_id)


def remove(root: Path, view_id: int) -> None:
    """Take a saved view off the list; `restore` brings it back."""
    _change(root, "removed = ?", time.time(), view_id)


def restore(root: Path, view_id: int) -> None:
    """Bring a removed view back."""
    _change(root, "removed = ?", None, view_id)


def _change(root: Path, what: str, value: float | None, view_id: int) -> None:
    with casebook.writing(root) as book:
        book.execute(f"UPDATE saved_views SET {what} WHERE id = ?", [value, view_id])


def _view(row: casebook.Row) -> SavedView:
    names = ("id", "case_id", "page", "name", "created")
    return SavedView(
        **{name: row[name] for name in names},
        address=json.loads(row["address"]),
        starred=bool(row["starred"]),
    )
