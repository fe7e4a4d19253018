"""Reads the text of an experiment, which may come from anybody, and says in words what is wrong with one."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.safeload import plain

MAX_FILE_BYTES = 256 * 1024
"""Of an experiment: TOML takes time that grows faster than its length."""
MOST_NAMED, MOST_DOTS = 20, 20
OWN_WORDS = ("value_error", "assertion_error")
"""Kinds of findings whose text was written here, with value, need and remedy in it."""


def tree_of(file: Path) -> dict[str, Any]:
    """What a TOML file holds. Raises ValueError where it is none, or too much."""
    if (size := file.stat().st_size) > MAX_FILE_BYTES:
        raise ValueError(f"{file}: {size:,} bytes, expected at most {MAX_FILE_BYTES:,}; is it an experiment?")
    try:
        return tomllib.loads(_shallow(file.read_text("utf-8")))
    except (ValueError, RecursionError) as error:  # as said by TOML, UTF-8 and numbers of too many digits
        raise ValueError(
            f"{file}: not a TOML file ({plain(str(error))[:200]}); mend or replace it"
        ) from error


def _shallow(text: str) -> str:
    """The text, unless a line of it has so many dots that its tables would fill the memory."""
    if max(line.partition("=")[0].count(".") for line in text.split("\n")) > MOST_DOTS:
        raise ValueError(f"a key of more than {MOST_DOTS} parts")
    return text


def in_words(error: ValidationError) -> str:
    """One line for each wrong field, the first twenty; names of fields may come from a stranger's file."""
    wrong = error.errors(include_url=False, include_context=False)
    below = {e["loc"][:depth] for e in wrong for depth in range(len(e["loc"]))}
    # of a list whose items are wrong pydantic also says that they are too few
    told = [complaint(e) for e in wrong if e["type"] != "too_short" or e["loc"] not in below]
    more = [f"and {len(told) - MOST_NAMED:,} more"] if len(told) > MOST_NAMED else []
    return "\n".join([plain(line)[:300] for line in told[:MOST_NAMED]] + more)


def complaint(found: ErrorDetails) -> str:
    """One finding of pydantic's: field, value, what is needed; what our own checks say stays as they say it."""
    place, kind = ".".join(map(str, found["loc"])), found["type"]
    said = found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if kind in OWN_WORDS:
        return f"{place}: {said}" if place else said
    need = "no such setting; correct its name or leave it out" if kind == "extra_forbidden" else said
    if need.startswith("Input should be "):
        need = f"expected {need.removeprefix('Input should be ')}"
    return f"{place or 'experiment'}{_value(found['input'])}: {need}"


def _value(given: Any) -> str:
    """A plain value as it was given, cut short; nothing for a table or a list."""
    if isinstance(given, float) or (isinstance(given, int) and abs(given) < 2**63):
        return f"={given}"
    return f"={plain(given)[:40]!r}" if isinstance(given, str) else ""
