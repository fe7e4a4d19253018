"""The note of a run: when it was started, and with which settings. Sealed, and named after its settings.

Older notes have no seal; their name still tells whether the settings are those that were written.
"""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from core import durable, integrity
from core.experiment import Experiment

KEYS = {"created", "experiment", "seal"}


def name_of(settings: dict[str, Any]) -> str:
    """Twelve hexadecimal digits that name the settings of an experiment, whatever its title."""
    named = {key: value for key, value in settings.items() if key not in ("title", "description")}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:12]


def write(file: Path, experiment: Experiment) -> str:
    """Write the note of a run that starts now, for good; returns the date in it. Raises CannotWrite."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    note = {"created": created, "experiment": experiment.model_dump(mode="json")}
    durable.write(file, json.dumps(integrity.sealed(note), indent=1))
    return created


def read(file: Path) -> tuple[str, Experiment]:
    """Date and settings. Raises OSError or ValueError where the file cannot be read or is not what was written."""
    try:
        note = json.loads(file.read_bytes())
        created, settings = note["created"], note["experiment"]
        if set(note) - KEYS or ("seal" in note and integrity.sealed(_unsealed(note)) != note):
            raise ValueError("was altered since it was written")
        if name_of(settings) != file.name.partition(".")[0]:
            raise ValueError("is the note of another run, or was altered since it was written")
        if not isinstance(created, str):
            raise ValueError("has no date")
        return created, Experiment.checked(settings)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{file}: {str(error)[:200]}") from error


def _unsealed(note: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in note.items() if key != "seal"}
