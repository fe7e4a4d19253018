"""Which function does the work of a kind of job.

Functions are named, not imported: the page and the supervisor never load what a worker needs. A function
takes the decoded spec, reports through `core.progress` and returns when the results exist.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

KINDS: dict[str, str] = {
    "run": "core.runs:run_job",
    "paper": "core.paper:run_job",
    "chain": "core.sweep:run_job",
    "unlearn": "core.unlearned.outcome_jobs:run_job",
}


def check_kind(kind: str, kinds: Mapping[str, str] = KINDS) -> str:
    """`kind` itself when it is known."""
    if kind not in kinds:
        raise ValueError(f"unknown kind of job {kind!r}; choose from {sorted(kinds)}")
    return kind


def parse_kind(text: str) -> tuple[str, str]:
    """`name=module:function` as given on the command line, taken apart."""
    name, equals, target = text.partition("=")
    module, colon, function = target.partition(":")
    if not (name and equals and module and colon and function):
        raise ValueError(f"kind {text!r}: expected name=module:function")
    return name, target


def resolve(kind: str, kinds: Mapping[str, str] = KINDS) -> Callable[[dict[str, Any]], None]:
    """The function registered for a kind, imported now."""
    module, _, function = kinds[check_kind(kind, kinds)].partition(":")
    return getattr(importlib.import_module(module), function)
