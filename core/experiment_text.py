"""Reads the text of an experiment, which may come from anybody, and says in words what is wrong with one."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.safeload import plain

MAX_FILE_BYTES = 256 * 1024
"""Of an experiment: TOML takes time that grows faster than its length."""
MOST_NAMED, MOST_DOTS = 20, 20


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
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, e['loc'])) or 'experiment'}: {e['msg']}" for e in wrong[:MOST_NAMED]]
    more = [f"and {len(wrong) - MOST_NAMED:,} more"] if len(wrong) > MOST_NAMED else []
    return "\n".join([plain(line)[:300] for line in lines] + more)
