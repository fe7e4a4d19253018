"""Whether the engines agree. A benchmark with a broken gate has failed, whatever its speed.

Scores are float32 [q n]: the test image first, then its transformed copies. Flags are Delta-Influence's at its defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np

from core import collapse
from core.artifacts import Detection
from core.bench_influence.jobs import ENGINES
from core.detectors.delta_influence import DeltaInfluence

Scores = np.ndarray
BySeed = Mapping[int, Scores]
CHANGE_ERROR, LAYER_ERROR = 1e-3, 1e-4
NEARLY_ALL = 0.99
"""Share of the images whose changes have to agree. The engines round differently, and an image two of whose activations
share the maximum (equal to 1e-7: one of 1,200 in one case) then has another gradient; its flag must agree all the same.
"""
ANY_LAYER_ERROR = 1e-2
"""Such an image's share of a single layer; a mistake would be larger."""
STORED_OVERLAP = 0.99
"""Least overlap of flags from gradients kept in bf16."""
LUCK = 0.01
"""By how much the overlap between seeds may fall short: a flag or two that rounding turns."""


@dataclass(frozen=True)
class Gate:
    """A measured figure and the bound that it has to keep."""

    name: str
    value: float
    bound: float
    at_most: bool

    @property
    def passed(self) -> bool:
        """False also for a figure that is not a number."""
        return bool(self.value <= self.bound if self.at_most else self.value >= self.bound)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"passed": self.passed}


def same_factors(kronfluence: Scores, ours: Scores, stored: Scores) -> list[Gate]:
    """Both engines scored with kronfluence's factors; `stored` are ours from kept gradients."""
    reference = flags(kronfluence)
    error = float(np.quantile(change_errors(ours, kronfluence), NEARLY_ALL))
    return [
        Gate("same factors: error of the changes, 99 of 100 images", error, CHANGE_ERROR, True),
        Gate("same factors: overlap of flags", overlap(flags(ours), reference), 1.0, False),
        Gate("kept gradients: overlap of flags", overlap(flags(stored), reference), STORED_OVERLAP, False),
    ]


def same_labels(errors: Mapping[str, Sequence[float]]) -> list[Gate]:
    """Both engines fitted to the same drawn labels: relative error of each layer's covariance and eigenvalues."""
    found = []
    for name, of_layers in errors.items():
        middle = float(np.median(of_layers))
        found.append(Gate(f"same labels: error of the {name}, typical layer", middle, LAYER_ERROR, True))
        found.append(
            Gate(f"same labels: error of the {name}, any layer", max(of_layers), ANY_LAYER_ERROR, True)
        )
    return found


def own_factors(kronfluence: BySeed, ours: BySeed, engine: str) -> Gate | None:
    """Each engine fitted by itself: ours against kronfluence of another seed, where kronfluence meets itself.

    None where there are not two seeds.
    """
    if not ours or len(kronfluence) < 2:
        return None
    pairs = list(permutations(sorted(kronfluence), 2))
    of_ours = np.mean([overlap(flags(ours[a]), flags(kronfluence[b])) for a, b in pairs])
    of_itself = np.mean([overlap(flags(kronfluence[a]), flags(kronfluence[b])) for a, b in pairs])
    name = f"{ENGINES[engine]}, other seed: overlap of flags with kronfluence's"
    return Gate(name, float(of_ours), float(of_itself) - LUCK, False)


def verdict(scores: Scores) -> Detection:
    """Delta-Influence at its defaults."""
    return DeltaInfluence().judge(collapse.sorted_changes(scores[1:] - scores[0]))


def flags(scores: Scores) -> np.ndarray:
    """Flagged training images, bool [n]."""
    return verdict(scores).flagged


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """|A ∩ B| / |A ∪ B| (Jaccard); 1 where nothing is flagged by either."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0


def change_errors(ours: Scores, reference: Scores) -> np.ndarray:
    """Largest difference in each training image's changes of influence, relative to the largest of them, [n]."""
    a, b = ours[1:] - ours[0], reference[1:] - reference[0]
    largest = np.abs(b).max(0)
    return np.abs(a - b).max(0) / np.maximum(largest, np.finfo(np.float32).tiny)
