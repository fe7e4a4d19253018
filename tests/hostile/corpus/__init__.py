"""Hostile inputs by kind: every module has a function `inputs` that yields them."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

KINDS = (
    "images",
    "archives",
    "weights",
    "tables",
    "parquet",
    "folders",
    "experiments",
    "notes",
    "names",
    "addresses",
)
"""Modules of this folder."""
Check = Callable[[Any], bool]


class Hostile(NamedTuple):
    """One input, where it knocks, and what may come of it."""

    name: str
    door: str
    content: Any
    """What the door is given; a function is given an empty folder and says what."""
    good: Check | None = None
    """What must be true of what comes out; None where nothing may."""


def anything(value: Any) -> bool:
    """For inputs that may be refused as well as let in, as long as what comes out is sound."""
    return value is not None


def inputs(kind: str) -> Iterator[Hostile]:
    """Every input of a kind."""
    return import_module(f"hostile.corpus.{kind}").inputs()
