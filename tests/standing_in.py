"""Puts another result in the place of a case's own, in memory only: the same files, had the work ended otherwise."""

from types import SimpleNamespace
from typing import Any

from core.store import Artifact


def put(artifact: Artifact[Any], value: Any) -> None:
    """From now on the artifact has this value."""
    vars(artifact)["held"] = SimpleNamespace(value=value, fresh=lambda: True)
