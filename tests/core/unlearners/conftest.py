"""What the tests of single unlearners stand on: the tiny victim and an order to forget its poisons."""

import numpy as np
import pytest

from core.artifacts import Detection, Split
from core.metrics import evaluate
from core.unlearners.base import Task
from core.unlearning import unlearn


@pytest.fixture
def task(tiny) -> Task:
    """The tiny case with exactly the poisons flagged."""
    data, poisons = tiny.poisoned.value, tiny.poisoning.value.indices
    kept = np.setdiff1d(np.arange(len(data.train)), poisons)
    retain, forget = (Split(data.train.images[rows], data.train.labels[rows]) for rows in (kept, poisons))
    return Task(tiny.experiment.training, tiny.experiment.model, tiny.victim.value, data, retain, forget)


@pytest.fixture
def success_after(tiny):
    """Poison success rate and test accuracy once an unlearner has been given exactly the poisons."""
    data = tiny.poisoned.value
    flagged = np.isin(np.arange(len(data.train)), tiny.poisoning.value.indices)

    def measure(method) -> tuple[float, float]:
        x = tiny.experiment
        found = Detection(flagged.astype(np.float32), flagged)
        model = unlearn(method, x.training, x.model, tiny.victim.value, data, found)
        report = evaluate(x.model, model, tiny.dataset.value, tiny.poisoning.value, tiny.queries.value)
        return report.poison_success_rate, report.test_accuracy

    return measure
