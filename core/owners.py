"""Whose a case or a challenge is, where people sign in: names, and whether it is shared with everybody.

One small file for each in the store. What nobody claimed, for example a run from the command line, has no owner.
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core import durable, locks

SHAPE = re.compile(r"[0-9a-z-]{4,64}")


@dataclass(frozen=True)
class Ownership:
    """Who began it, and whether everybody may see it."""

    owners: tuple[str, ...] = ()
    shared: bool = False


def of(root: Path, name: str) -> Ownership:
    """The owners of a run or a challenge; nobody where none is noted or the note cannot be read."""
    if not SHAPE.fullmatch(name):
        return Ownership()
    try:
        note = json.loads(_file(root, name).read_text())
        return Ownership(tuple(str(owner) for owner in note["owners"]), note["shared"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return Ownership()


def claim(root: Path, name: str, owner: str, *, shared: bool = False) -> Ownership:
    """Note that it is (also) theirs; `shared` counts only for what nobody claimed before."""

    def claimed(was: Ownership) -> Ownership:
        if owner in was.owners:
            return was
        return Ownership((*was.owners, owner), was.shared if was.owners else shared)

    return _changed(root, name, claimed)


def share(root: Path, name: str, shared: bool) -> Ownership:
    """Show it to everybody who may sign in, or to its owners alone."""
    return _changed(root, name, lambda was: replace(was, shared=shared))


def _changed(root: Path, name: str, change: Callable[[Ownership], Ownership]) -> Ownership:
    if not SHAPE.fullmatch(name):
        raise ValueError(f"{name[:80]!r} names no run or challenge")
    folder = _file(root, name).parent
    with locks.holding(folder / ".lock", lambda: None):
        was = of(root, name)
        now = change(was)
        if now != was:
            durable.write(_file(root, name), json.dumps(asdict(now)))
    return now


def _file(root: Path, name: str) -> Path:
    return Path(root) / "owners" / f"{name}.json"
