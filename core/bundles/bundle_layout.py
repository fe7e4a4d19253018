"""What is inside a case bundle: which files, by which names, and what is too much of anything.

manifest.json                         format, program, case, and the sha256 of every other file
runs/<12 hex>.json                    notes of the runs
unlearned/<32 hex>/<12 hex>-<n>.json  notes of unlearning that was asked for
sets/<32 hex>.json                    sets that people chose
casebook.json                         verdicts and saved views
<stage>/<32 hex>/meta.json, *.npy, *.safetensors
"""

import dataclasses
import re
import typing
from collections.abc import Iterator

import numpy as np

from core import stages
from core.store import Stage

FORMAT = 1
MAX_ENTRIES = 10_000
MAX_BYTES = 4 * 2**30 - 2**20
"""Of the archive and of what is inside; below 4 GiB no archive needs the 64-bit form."""
MAX_RATIO = 100
SLACK = 2**20
"""Bytes that may unpack from next to nothing, in all: masks of few flags are mostly zeros."""
MAX_TEXT = 8 * 2**20
"""Bytes of any JSON file, of any record of a result."""

STAGES: dict[str, Stage[typing.Any]] = {
    stage.name: stage
    for stage in (
        stages.load_dataset,
        stages.choose_poisons,
        stages.train,
        stages.brought_victim,
        stages.affected_queries,
        stages.picked_queries,
        stages.control_queries,
        stages.transform_queries,
        stages.score_pairs,
        stages.detect,
        stages.some_poisons,
        stages.unlearn,
        stages.examine_flags,
        stages.evaluate,
    )
}
"""Stages whose results pages show. Curvature, gradients and features are large and can be made again."""
MANIFEST, CASEBOOK = "manifest.json", "casebook.json"
_TEXT = re.compile(
    r"manifest\.json|casebook\.json|runs/[0-9a-f]{12}\.json|sets/[0-9a-f]{32}\.json"
    r"|unlearned/[0-9a-f]{32}/[0-9a-f]{12}-\d{1,9}\.json"
)
_RESULT = re.compile(r"([a-z_]{3,40})/([0-9a-f]{32})/([a-z_.]{1,60})")


class BundleRefused(ValueError):
    """A bundle that is not let in, or cannot be made; says what is wrong and what to do."""


def check_name(name: str) -> None:
    """Raise BundleRefused for a name that no bundle of ours has."""
    if _TEXT.fullmatch(name):
        return
    found = _RESULT.fullmatch(name)
    if not found or found[1] not in STAGES or found[3] not in file_names(STAGES[found[1]].returns):
        raise BundleRefused(f"{name[:80]!r}: a case bundle has no such file; make the bundle again")


def is_text(name: str) -> bool:
    """Whether a file is JSON."""
    return name.endswith(".json")


def file_names(kind: type) -> set[str]:
    """Names of the files that a result of this type may have."""
    return {"meta.json", *_data_files(kind, "")}


def _data_files(kind: type, prefix: str) -> Iterator[str]:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        hint, name = hints[field.name], prefix + field.name
        if dataclasses.is_dataclass(hint):
            yield from _data_files(hint, f"{name}.")  # type: ignore[arg-type]
        elif is_array(hint):
            yield f"{name}.npy"
        elif typing.get_origin(hint) is dict:
            yield f"{name}.safetensors"


def is_array(hint: typing.Any) -> bool:
    """Whether a field's type is an array with its shape."""
    return isinstance(hint, type) and getattr(hint, "array_type", None) is np.ndarray
