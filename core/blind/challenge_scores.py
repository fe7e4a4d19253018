"""What committed sets are worth once the truth is known, beside every detector and the best that was to be had."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from core import collapse, metrics
from core.artifacts import Detection
from core.blind.commitments import Commitment
from core.cases import Case
from core.truth import Truth

FIGURES = ("flagged", "true_positives", "true_positive_rate", "precision", "f1", "precision_in_target_label")


@dataclass(frozen=True)
class Best:
    """The setting of the paper's rule with the highest F1: it takes the truth to find it."""

    threshold: float
    tolerance: int
    flagged: Bool[np.ndarray, " n"]


def best_setting(ordered: collapse.Delta, poisoned: Bool[np.ndarray, " n"], most_tolerance: int = 10) -> Best:
    """The best of all thresholds, not of a grid, at every tolerance up to `most_tolerance`; ties take the smaller set."""
    found: list[tuple[float, int, Best]] = []
    for tolerance in range(min(most_tolerance, len(ordered) - 1) + 1):
        statistic = collapse.order_statistic(ordered, tolerance)
        values, hits = _by_value(statistic, poisoned)
        sizes = np.searchsorted(np.sort(statistic), values, side="right")
        f1 = 2 * hits / (sizes + poisoned.sum())
        at = int(f1.argmax())
        threshold = float(np.nextafter(values[at], np.float32(np.inf)))
        best = Best(threshold, tolerance, statistic < np.float32(threshold))
        found.append((float(f1[at]), -int(sizes[at]), best))
    return max(found, key=lambda one: one[:2])[2]


def _by_value(statistic: np.ndarray, poisoned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every value of the statistic, and the poisons up to it."""
    values, places = np.unique(statistic, return_inverse=True)
    return values, np.cumsum(np.bincount(places.reshape(-1), weights=poisoned, minlength=len(values)))


def figures(truth: Truth, flagged: Bool[np.ndarray, " n"]) -> dict[str, Any]:
    """Counts and rates of a set."""
    graded = truth.grade(Detection(suspicion=flagged.astype(np.float32), flagged=flagged))
    return {name: graded[name] for name in FIGURES}


def mask_of(case: Case, rows: Iterable[int]) -> Bool[np.ndarray, " n"]:
    """Rows of the data as flags by the numbers that the case shows."""
    return metrics.mask_of(case.places(rows), len(case.plan.dataset.value.train), "committed rows")


def comparison(
    case: Case, truth: Truth, ordered: collapse.Delta, mine: Commitment | None = None
) -> list[dict[str, Any]]:
    """A committed set, every detector at its own setting and the paper's rule at its best, the best F1 first."""
    known = {d.name: type(d).title for d in case.run.experiment.detectors}
    rows = [
        {"who": known[name], "kind": "detector"} | figures(truth, found.value.flagged)
        for name, found in case.plan.detections.items()
        if found.done
    ]
    best = best_setting(ordered, truth.poisoned)
    setting = {"threshold": best.threshold, "tolerance": best.tolerance}
    rows.append({"who": "", "kind": "oracle", **setting} | figures(truth, best.flagged))
    if mine and mine.sound:
        rows.append({"who": mine.analyst, "kind": "committed"} | figures(truth, mask_of(case, mine.rows)))
    return sorted(rows, key=lambda row: (-(row["f1"] or 0), row["kind"] != "committed"))


def scoreboard(case: Case, truth: Truth, counting: Iterable[Commitment]) -> list[dict[str, Any]]:
    """What each analyst is worth, the best F1 first and of equal ones the earlier; altered commitments last, unscored."""
    rows = [
        {"analyst": one.analyst, "at": one.at, "digest": one.short, "sound": one.sound}
        | (figures(truth, mask_of(case, one.rows)) if one.sound else dict.fromkeys(FIGURES))
        for one in counting
    ]
    return sorted(rows, key=lambda row: (not row["sound"], -(row["f1"] or 0), row["at"]))


def mistakes(
    truth: Truth, flagged: Bool[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " f"]]:
    """Poisons that a set misses, and clean images in it, by place."""
    return np.flatnonzero(truth.poisoned & ~flagged), np.flatnonzero(flagged & ~truth.poisoned)
