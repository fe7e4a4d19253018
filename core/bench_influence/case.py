"""What is measured: a poisoned victim, its training set, and two misread test images with their copies."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from torch import nn

from core.artifacts import Dataset
from core.experiment import Experiment
from core.influence.task import Images
from core.networks import restore
from core.pipeline import Plan

Place = Literal["cpu", "cuda"]
PICKS = 2
"""Test images that are asked about, one after the other."""


def experiment(size: int, place: Place) -> Experiment:
    """CIFAR-10 with a four-pixel BadNet; ResNet-9 of width 16 on a CPU, ResNet-18 on a GPU."""
    model = {"name": "resnet9", "width": 16} if place == "cpu" else {"name": "resnet18"}
    return Experiment.checked(
        {
            "title": f"Influence benchmark, {size:,} images",
            "dataset": {"name": "cifar10", "train_limit": size if size < 50_000 else 0},
            "attack": {
                "name": "badnet",
                "victim_class": 8,
                "target_class": 5,
                "n_poisons": min(240, size // 25),
            },
            "model": model,
            "training": {"epochs": 12, "schedule": "one_cycle"},
            "queries": {"count": PICKS},
            "transforms": {"n_transforms": 50},
            "detectors": [{"name": "delta_influence"}],
        }
    )


@dataclass(frozen=True)
class Case:
    """A plan whose queries have been made."""

    plan: Plan

    def prepare(self) -> None:
        """Compute what is missing; raises ValueError when fewer than two test images are misread."""
        found = len(self.plan.queries.value)
        if found < PICKS:
            raise ValueError(
                f"{found} test image is misread as the attacker wants, {PICKS} are needed; raise queries.count, "
                "attack.n_poisons or training.epochs"
            )
        _ = self.plan.changed.value

    @cached_property
    def dataset(self) -> Dataset:
        """The poisoned training set and the test set."""
        return self.plan.poisoned.value

    def network(self) -> nn.Module:
        """The victim, a fresh copy."""
        return restore(self.plan.experiment.model, self.plan.victim.value.weights, self.dataset)

    def queries(self, pick: int) -> Images:
        """Test image number `pick` and its transformed copies, [1 + t]."""
        originals, copies = self.plan.queries.value, self.plan.changed.value
        mine = copies.parent == pick
        images = np.concatenate([originals.images[pick : pick + 1], copies.images[mine]])
        return Images(images, np.concatenate([originals.labels[pick : pick + 1], copies.labels[mine]]))
