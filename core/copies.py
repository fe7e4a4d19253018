"""Which transformed copies of a picked test image count: all of them, or only those of some kinds.

Each copy was made by one kind of transformation. What a rule flags should not hang on a single kind, so kinds can be
left out; no score has to be computed again.
"""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from jaxtyping import Float32, Int64
from pydantic import AfterValidator, Field

if TYPE_CHECKING:
    from core.artifacts import InfluenceScores

Without = Annotated[
    tuple[str, ...],
    AfterValidator(lambda names: tuple(sorted(set(names)))),
    Field(
        title="Leave out",
        exclude_if=lambda names: not names,
        description="Kinds of transformation whose copies do not count.",
    ),
]
"""Field of a detector: kinds that are left out. None are by default, and the detector's key is then as it always was."""


def kinds(scores: "InfluenceScores", query: int) -> tuple[str, ...]:
    """The kind of transformation of each copy of a picked image, in order; empty where a copy was only relabelled."""
    return tuple(scores.transforms[row] for row in scores.rows(query))


def rows(scores: "InfluenceScores", query: int, without: tuple[str, ...]) -> Int64[np.ndarray, " t"]:
    """Rows of the copies that count. Raises ValueError for a kind that there is not, or where no copy would be left."""
    known = sorted(set(scores.transforms) - {""})
    if unknown := sorted(set(without) - set(known)):
        raise ValueError(f"without={unknown}: expected kinds that were applied, some of {known}")
    found = scores.rows(query)
    kept = found[[scores.transforms[row] not in without for row in found]]
    if not len(kept):
        raise ValueError(f"without={list(without)}: none of the {len(found)} copies is left; leave fewer out")
    return kept


def changes(
    scores: "InfluenceScores", query: int, without: tuple[str, ...] = ()
) -> Float32[np.ndarray, "t n"]:
    """Change of influence on each copy that counts."""
    return scores.values[rows(scores, query, without)] - scores.original(query)
