"""Sets of images that only someone who knows the truth can name: for measuring unlearners, never for detecting."""

import numpy as np

from core.artifacts import Dataset, Detection, Poisoning
from core.randomness import numpy_stream


def some_poisons(share: float, poisoned: Dataset, poisoning: Poisoning) -> Detection:
    """A random `share` of the poisons and nothing else; larger shares contain the smaller ones.

    The deletion-fraction sweep of Goel et al. 2024, arXiv 2402.14015. Raises ValueError for a share that is
    not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share}: expected a share in (0, 1]")
    order = numpy_stream(0, "deletion sweep").permutation(poisoning.indices)
    return _flagged(order[: max(1, round(share * len(order)))], poisoned)


def missed_poisons(poisoned: Dataset, poisoning: Poisoning, found: Detection) -> Detection:
    """The poisons that a detector missed: the counterfactual complement of arXiv 2411.13731, section 4.2."""
    return _flagged(poisoning.indices[~found.flagged[poisoning.indices]], poisoned)


def _flagged(rows: np.ndarray, poisoned: Dataset) -> Detection:
    flagged = np.zeros(len(poisoned.train), bool)
    flagged[rows] = True
    return Detection(suspicion=flagged.astype(np.float32), flagged=flagged)
