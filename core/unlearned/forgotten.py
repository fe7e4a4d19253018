"""What a model makes of the flagged images: all that a defender can measure on them, who does not know the truth."""

from core.artifacts import Dataset, Detection, Forgotten, TrainedModel
from core.models.base import Model


def examine_flags(model: Model, trained: TrainedModel, poisoned: Dataset, found: Detection) -> Forgotten:
    """How the flagged training images are read; the change is 0 where nothing is flagged."""
    from core.networks import probabilities, restore

    network = restore(model, trained.weights, poisoned)
    images, labels = poisoned.train.images[found.flagged], poisoned.train.labels[found.flagged]
    predictions = probabilities(network, images, poisoned).argmax(1)
    changed = float((predictions != labels).mean()) if len(labels) else 0.0
    return Forgotten(predictions.astype("int64"), changed)
