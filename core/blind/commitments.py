"""Sealed commitments: which training images somebody flags, fixed before the truth is revealed.

What is shown at once is only sha256(salt, rows, rule). After the reveal salt and rows are told, so that anybody can
check that the set is the one that was committed: the file's three parts, a line each, through `sha256sum`.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import casebook
from core.blind import challenges
from core.safeload import plain

SHORT = 12
"""Digits of a digest that people compare."""
LONGEST_NAME = 60
ADDS = """INSERT INTO commitments (challenge, analyst, digest, salt, flagged, rule, at)
VALUES (?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True)
class Commitment:
    """What somebody committed."""

    challenge: str
    analyst: str
    digest: str
    salt: str
    rows: tuple[int, ...]
    """Rows of the training set as the data have them, ascending."""
    rule: str
    """What flagged them, as JSON."""
    at: float
    """Seconds since 1970."""

    @property
    def short(self) -> str:
        """The first digits of the digest."""
        return self.digest[:SHORT]

    @property
    def sound(self) -> bool:
        """Whether set and rule are still those of the digest."""
        return digest_of(self.salt, self.rows, self.rule) == self.digest


def digest_of(salt: str, rows: Iterable[int], rule: str) -> str:
    """sha256 of three lines: the salt, the ascending rows as a JSON list, the rule as JSON."""
    lines = (salt, json.dumps(sorted(set(map(int, rows)))), rule)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def commit(
    root: Path, challenge_id: str, *, analyst: str, rows: Iterable[int], rule: dict[str, Any]
) -> Commitment:
    """Fix a set; the last one of an analyst counts. Raises ValueError without a name, or once the truth is out."""
    name = " ".join(analyst.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"analyst={analyst[:70]!r}: expected a name of 1 to {LONGEST_NAME} characters")
    salt, told = secrets.token_hex(16), json.dumps(rule, sort_keys=True)
    chosen = tuple(sorted({int(row) for row in rows}))
    made = Commitment(
        challenge_id, name, digest_of(salt, chosen, told), salt, chosen, told, round(time.time(), 3)
    )
    with casebook.writing(root) as book:
        sealed = book.execute(
            "SELECT 1 FROM challenges WHERE id = ? AND revealed IS NULL AND removed IS NULL", [challenge_id]
        )
        if not sealed.fetchone():
            raise ValueError(
                f"{challenge_id}: the truth is out, or there is no such challenge; ask for a fresh copy"
            )
        values = (made.challenge, name, made.digest, salt, json.dumps(chosen), told, made.at)
        book.execute(ADDS, values)
    return made


def of_challenge(root: Path, challenge_id: str) -> list[Commitment]:
    """Everything that was committed, oldest first."""
    with casebook.reading(root) as book:
        found = book.execute("SELECT * FROM commitments WHERE challenge = ? ORDER BY id", [challenge_id])
        return [
            Commitment(
                row["challenge"],
                row["analyst"],
                row["digest"],
                row["salt"],
                tuple(json.loads(row["flagged"])),
                row["rule"],
                row["at"],
            )
            for row in found.fetchall()
        ]


def counting(found: Iterable[Commitment]) -> list[Commitment]:
    """The last one of each analyst, in the order in which they were made."""
    last = {one.analyst: one for one in found}
    return sorted(last.values(), key=lambda one: one.at)


def record(of: Commitment, found: challenges.Challenge) -> dict[str, Any]:
    """All that is needed to check a commitment elsewhere. Raises ValueError while the challenge is sealed."""
    if found.sealed:
        raise ValueError(f"{found.id}: is sealed; the set is told once the truth is revealed")
    return {"challenge": of.challenge, "title": found.title, "analyst": of.analyst, "at": of.at} | {
        "digest": of.digest,
        "salt": of.salt,
        "rows": list(of.rows),
        "rule": of.rule,
    }


def fault(told: Any, noted: str = "") -> str:
    """What is wrong with a record, in words; empty where it holds. `noted` is the digest one wrote down, or its start."""
    if not isinstance(told, dict) or not {"digest", "salt", "rows", "rule"} <= told.keys():
        return "this is no record of a commitment: it needs digest, salt, rows and rule"
    try:
        found = digest_of(str(told["salt"]), told["rows"], str(told["rule"]))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return "its rows are no whole numbers"
    if found != told["digest"]:
        said = plain(str(told["digest"]))[:SHORT]
        return f"salt, rows and rule give {found[:SHORT]}, the record says {said}: it was altered"
    if noted and not found.startswith(noted.lower()):
        return f"the digest is {found[:SHORT]}, not the one you noted ({noted[:SHORT]}): it is another commitment"
    return ""
