"""How far two reviewers agree beyond what chance would give: Cohen's kappa.

J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960) 37-46. The
interval is kappa ± 1.96 large-sample standard errors after J. L. Fleiss, J. Cohen and B. S. Everitt, Psychological
Bulletin 72 (1969) 323-327; with few images it is too narrow. Also the Wilson interval of a share.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Int64

from core.review.verdict_rows import POISON, VERDICTS

JUDGED: tuple[str, ...] = VERDICTS[1:]
"""Verdicts that people give; `auto` is none."""
Z95 = 1.959964
FEW = 20
"""Images below which the large-sample interval is not to be trusted."""


@dataclass(frozen=True)
class Agreement:
    """Two reviewers on the images that both have judged."""

    table: Int64[np.ndarray, "3 3"]
    """Images by the first one's verdict (row) and the second one's (column), in the order of JUDGED."""
    raw: float | None
    """Share of the images with the same verdict."""
    kappa: float | None
    low: float | None
    high: float | None
    remark: str
    """Why kappa or its interval is not defined or not to be trusted, in words; empty where it is."""

    @property
    def n(self) -> int:
        """How many images both have judged."""
        return int(self.table.sum())


def agreement(first: Mapping[int, str], second: Mapping[int, str]) -> Agreement:
    """The agreement of two reviewers, from what stands by image."""
    table = np.zeros((len(JUDGED), len(JUDGED)), np.int64)
    for image in first.keys() & second.keys():
        table[JUDGED.index(first[image]), JUDGED.index(second[image])] += 1
    return of_table(table)


def of_table(table: Int64[np.ndarray, "k k"]) -> Agreement:
    """The agreement in a square table of counts."""
    n = int(table.sum())
    if not n:
        return Agreement(table, None, None, None, None, "No image has been judged by both yet.")
    shares = table / n
    raw, chance = float(np.trace(shares)), float(shares.sum(1) @ shares.sum(0))
    if chance >= 1 - 1e-12:
        remark = (
            "Both gave one and the same verdict to every image, so chance would agree as well: kappa is 0/0."
        )
        return Agreement(table, raw, None, None, None, remark)
    kappa = (raw - chance) / (1 - chance)
    error = _standard_error(shares, raw, chance, n)
    low, high = max(-1.0, kappa - Z95 * error), min(1.0, kappa + Z95 * error)
    return Agreement(table, raw, kappa, low, high, _remark(n, error))


def _remark(n: int, error: float) -> str:
    if error < 1e-9:
        return f"They agree on all of the {n} images, so the formula gives an interval of no width; trust n instead."
    return f"Only {n} images were judged by both: the interval is too narrow." if n < FEW else ""


def _standard_error(shares: np.ndarray, raw: float, chance: float, n: int) -> float:
    """Fleiss, Cohen and Everitt 1969: the standard error of kappa, no hypothesis assumed."""
    rows, columns = shares.sum(1), shares.sum(0)
    diagonal = np.diag(shares) @ ((1 - chance) - (rows + columns) * (1 - raw)) ** 2
    crossed = (columns[:, None] + rows[None, :]) ** 2
    off = (1 - raw) ** 2 * (shares * crossed)[~np.eye(len(shares), dtype=bool)].sum()
    variance = (diagonal + off - (raw * chance - 2 * chance + raw) ** 2) / (n * (1 - chance) ** 4)
    return sqrt(max(0.0, float(variance)))


@dataclass(frozen=True)
class Share:
    """A counted share with its 95 % interval."""

    part: int
    whole: int
    low: float
    high: float


def called_poison(standing: Mapping[int, str], images: Iterable[int]) -> Share | None:
    """How many of the images with a verdict are called poison; None where none has one."""
    said = [standing[i] for i in images if i in standing]
    return share(said.count(POISON), len(said))


def share(part: int, whole: int) -> Share | None:
    """Part of a whole with the interval of E. B. Wilson (J. Am. Stat. Assoc. 22, 1927); None of nothing."""
    if not whole:
        return None
    p, z = part / whole, Z95
    centre, width = p + z**2 / (2 * whole), z * sqrt(p * (1 - p) / whole + z**2 / (4 * whole**2))
    scale = 1 + z**2 / whole
    return Share(part, whole, max(0.0, (centre - width) / scale), min(1.0, (centre + width) / scale))
