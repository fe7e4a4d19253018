"""Verdicts as files: what stands, for a colleague who reviews the same case, and every row, for the record.

A file from elsewhere may hold anything. It is read as JSON alone, has to be about this case, and whatever in it is no
verdict is left out and counted.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from core.export import safe_cell
from core.review.verdict_rows import VERDICTS, Ledger, Row, checked_name, checked_reason
from core.review.verdicts import Verdicts
from core.safeload import plain

FORMAT, VERSION = "influence collapse verdicts", 1
LARGEST, MOST_REVIEWERS = 5_000_000, 20


@dataclass(frozen=True)
class Brought:
    """What a file says: per reviewer the verdict and the reason by image."""

    said: dict[str, dict[int, tuple[str, str]]]
    left_out: int
    """Entries that are no verdicts on images of this case."""

    @property
    def verdicts(self) -> int:
        """How many verdicts there are."""
        return sum(map(len, self.said.values()))


def to_json(of: Verdicts, found: Ledger, reviewers: Iterable[str]) -> bytes:
    """What stands for these reviewers, as a file that `from_json` reads."""
    told = {name: _entries(found, name) for name in reviewers}
    about = {"format": FORMAT, "version": VERSION, "case": of.case_id, "images": of.size, "reviewers": told}
    return json.dumps(about, indent=1).encode()


def _entries(found: Ledger, reviewer: str) -> list[dict[str, Any]]:
    reasons = found.reasons(reviewer)
    return [
        {"image": i, "verdict": verdict, "reason": reasons.get(i, ""), "at": found.last[reviewer][i].at}
        for i, verdict in sorted(found.standing(reviewer).items())
    ]


def from_json(content: bytes, of: Verdicts) -> Brought:
    """The verdicts of a file. Raises ValueError where it is no such file or is about another case."""
    if len(content) > LARGEST:
        raise ValueError(f"the file has {len(content):,} bytes: expected {LARGEST:,} at most")
    try:
        about = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("the file is not JSON; choose one that was saved on this page") from error
    reviewers = _checked(about, of)
    said: dict[str, dict[int, tuple[str, str]]] = {}
    left_out = 0
    for name, entries in reviewers.items():
        good = [one for one in map(lambda e: _entry(e, of.size), entries) if one]
        left_out += len(entries) - len(good)
        said[checked_name(name)] = {i: (verdict, reason) for i, verdict, reason in good}
    return Brought(said, left_out)


def _checked(about: Any, of: Verdicts) -> dict[str, list[Any]]:
    """The part with the verdicts, when all around it is right."""
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError("the file holds no verdicts; choose one that was saved on this page")
    if about.get("version") != VERSION:
        raise ValueError(
            f"the file has version {plain(str(about.get('version')))[:20]}, this program reads {VERSION}"
        )
    if (about.get("case"), about.get("images")) != (of.case_id, of.size):
        case, images = (plain(str(about.get(key)))[:40] for key in ("case", "images"))
        raise ValueError(
            f"the file is about case {case!r} with {images} images, this is "
            f"{of.case_id!r} with {of.size}; open that case first"
        )
    reviewers = about.get("reviewers")
    if not isinstance(reviewers, dict) or not all(
        isinstance(entries, list) for entries in reviewers.values()
    ):
        raise ValueError("the file names no reviewers; choose one that was saved on this page")
    if len(reviewers) > MOST_REVIEWERS:
        raise ValueError(f"the file names {len(reviewers)} reviewers: expected {MOST_REVIEWERS} at most")
    return reviewers


def _entry(entry: Any, size: int) -> tuple[int, str, str] | None:
    """Image, verdict and reason; None for what is no verdict."""
    if not isinstance(entry, dict):
        return None
    image, verdict, reason = entry.get("image"), entry.get("verdict"), entry.get("reason", "")
    if not isinstance(image, int) or isinstance(image, bool) or not 0 <= image < size:
        return None
    if verdict not in VERDICTS[1:] or not isinstance(reason, str):
        return None
    try:
        return image, verdict, checked_reason(reason)
    except ValueError:
        return None


def bring_in(of: Verdicts, brought: Brought, *, reserved: str | None = "") -> int:
    """Write what a file says as far as it differs from what stands; returns how many images changed.

    `reserved` is the name of who reads it in: a file with that name does not overwrite, it gets a name of its own. None
    where people sign in: nobody writes under a name that is not his, so every name of a file is marked.
    """
    marked = {name: reserved is None or name == reserved for name in brought.said}
    owners = {name: checked_name(f"{name[:28]} (from file)") if marked[name] else name for name in marked}
    return sum(of.take_over(owners[name], said) for name, said in brought.said.items())


def audit_csv(rows: Iterable[Row]) -> bytes:
    """Every row as CSV, oldest first."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "time", "reviewer", "image", "from", "to", "reason", "undoes", "undone"])
    for row in rows:
        time = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds")
        who, why = safe_cell(row.reviewer), safe_cell(row.reason)
        undone = "" if row.in_force else "yes"
        writer.writerow(
            [row.id, time, who, row.image, row.before, row.verdict, why, row.undoes or "", undone]
        )
    return text.getvalue().encode()
