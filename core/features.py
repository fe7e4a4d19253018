"""What the victim makes of the training images before its last layer: evidence for several detectors."""

import numpy as np
import torch
from torch import Tensor, nn

from core import progress
from core.artifacts import Dataset, Features, TrainedModel
from core.models.base import Model
from core.networks import batches, restore


def extract_features(model: Model, victim: TrainedModel, poisoned: Dataset) -> Features:
    """The input of the last linear layer for every un-augmented training image, float32 [n d]."""
    network = restore(model, victim.weights, poisoned)
    return Features(penultimate(network, poisoned.train.images, poisoned))


@torch.no_grad()
def penultimate(network: nn.Module, images: np.ndarray, dataset: Dataset) -> np.ndarray:
    """The input of the network's last linear layer, float32 [n d]."""
    caught: list[Tensor] = []
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    hook = last.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].float().cpu()))

    def entered(batch: Tensor, rows: slice) -> Tensor:
        caught.clear()  # a batch that memory did not hold may have left something
        network(batch)
        progress.update("features", rows.stop, len(images))
        return caught.pop()

    progress.update("features", 0, len(images))
    try:
        found = list(batches(images, dataset, entered))
    finally:
        hook.remove()
    return torch.cat(found).numpy()
