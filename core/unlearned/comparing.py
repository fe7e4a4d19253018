"""Two models on the same test images: what the second one puts right, what it breaks, and whether that is chance."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True)
class Comparison:
    """Test rows that two models read differently, by what became of them."""

    fixed: Int64[np.ndarray, " f"]
    """Wrong in the first model, right in the second."""
    broken: Int64[np.ndarray, " b"]
    """Right in the first, wrong in the second."""
    other: Int64[np.ndarray, " o"]
    """Wrong in both, in another way."""
    p_value: float
    """How often chance alone would part fixed from broken at least so unevenly (McNemar's exact test)."""

    @property
    def changed(self) -> Int64[np.ndarray, " c"]:
        """All of them in the order of the test set."""
        return np.sort(np.concatenate([self.fixed, self.broken, self.other]))

    def what(self, row: int) -> str:
        """What became of a test image."""
        return next((name for name in ("fixed", "broken", "other") if row in getattr(self, name)), "same")


def compare(
    labels: Int64[np.ndarray, " n"], first: Int64[np.ndarray, " n"], second: Int64[np.ndarray, " n"]
) -> Comparison:
    """How predictions of a second model differ from those of a first one."""
    was, now = first == labels, second == labels
    fixed, broken = np.flatnonzero(~was & now), np.flatnonzero(was & ~now)
    other = np.flatnonzero(~was & ~now & (first != second))
    return Comparison(fixed, broken, other, mcnemar(len(fixed), len(broken)))


def mcnemar(fixed: int, broken: int) -> float:
    """Two-sided p of McNemar's exact test: fixed against broken as tosses of a fair coin."""
    tosses, term, total = fixed + broken, 1, 0
    for heads in range(min(fixed, broken) + 1):
        total += term
        term = term * (tosses - heads) // (heads + 1)  # binomials one after the other, in whole numbers
    return min(1.0, 2 * total / 2**tosses)


def shares(counts: Int64[np.ndarray, "k k"]) -> Float64[np.ndarray, "k k"]:
    """Each row of a confusion matrix as shares of the true class; empty classes stay 0."""
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)
