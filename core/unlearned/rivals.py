"""Other sets to remove in place of the flagged one, which tell what it was that helped.

As many others with the same labels: would any removal have done it? All others with the suspected label: do the
flagged images alone keep the classifier wrong?
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Int64

from core.randomness import numpy_stream


def random_like(
    labels: Int64[np.ndarray, " n"], flagged: Bool[np.ndarray, " n"], name: str
) -> Int64[np.ndarray, " f"]:
    """Rows of as many other images of each label, none of them flagged; of a label with too few others, all.

    The draw depends on `name` alone, so that a set always has the same rival.
    """
    stream, rows = numpy_stream(0, f"random set like {name}"), []
    for label in np.unique(labels[flagged]):
        others = np.flatnonzero((labels == label) & ~flagged)
        wanted = int((flagged & (labels == label)).sum())
        rows.append(stream.permutation(others)[:wanted])
    return np.sort(np.concatenate(rows)) if rows else np.zeros(0, np.int64)


def others_of(
    labels: Int64[np.ndarray, " n"], flagged: Bool[np.ndarray, " n"], suspected: Iterable[int]
) -> Int64[np.ndarray, " f"]:
    """Rows of every image with a suspected label that is not flagged."""
    return np.flatnonzero(np.isin(labels, list(suspected)) & ~flagged)
