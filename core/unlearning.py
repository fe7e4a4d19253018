"""Applies an unlearner to what a detector flagged."""

import numpy as np
from jaxtyping import Bool, Int64

from core.artifacts import Dataset, Detection, Split, TrainedModel
from core.experiment import Training
from core.models.base import Model
from core.unlearners.base import Task, Unlearner


def unlearn(
    unlearner: Unlearner,
    recipe: Training,
    model: Model,
    victim: TrainedModel,
    poisoned: Dataset,
    found: Detection,
) -> TrainedModel:
    """A model from which the flagged images are removed.

    With nothing flagged the victim comes back unchanged, in no time. Raises ValueError when a class would
    have no image left.
    """
    if not found.flagged.any():
        return victim
    labels, retain = poisoned.train.labels, np.flatnonzero(~found.flagged)
    if empty := emptied(labels, found.flagged):
        names = [poisoned.class_names[c] for c in empty]
        raise ValueError(
            f"{int(found.flagged.sum())} of {len(labels)} images are flagged, which empties {names}: "
            "lower the tolerance or the threshold"
        )
    images = poisoned.train.images
    forget = np.flatnonzero(found.flagged)
    task = Task(
        recipe=recipe,
        model=model,
        victim=victim,
        dataset=poisoned,
        retain=Split(images[retain], labels[retain]),
        forget=Split(images[forget], labels[forget]),
    )
    return unlearner.unlearn(task)


def emptied(labels: Int64[np.ndarray, " n"], flagged: Bool[np.ndarray, " n"]) -> list[int]:
    """Classes that would have no image left without the flagged ones."""
    return sorted(set(np.unique(labels).tolist()) - set(np.unique(labels[~flagged]).tolist()))
