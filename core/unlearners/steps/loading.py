"""Which images an unlearner looks at, batch by batch: augmented as the victim's training images were."""

from typing import Any

import numpy as np

from core.artifacts import Split
from core.experiment import Training
from core.randomness import seed_for
from core.training import Loader
from core.unlearners.base import Task


def recipe_for(task: Task, **changes: Any) -> Training:
    """The victim's recipe with the unlearner's own rate and batch size, on Goel et al.'s linear schedule."""
    return task.recipe.model_copy(update={"schedule": "warmup_linear", **changes})


def forget_loader(task: Task, recipe: Training) -> Loader:
    """The flagged images, in an order and with augmentations of their own."""
    rows = np.arange(max(2, len(task.forget))) % len(task.forget)  # a lone image twice: see Loader
    own = recipe.model_copy(update={"seed": seed_for(recipe.seed, "forget")})
    return Loader(task.dataset, Split(task.forget.images[rows], task.forget.labels[rows]), own)


def everything(task: Task) -> Split:
    """The retained images and, after them, the flagged ones."""
    images = np.concatenate([task.retain.images, task.forget.images])
    return Split(images, np.concatenate([task.retain.labels, task.forget.labels]))
