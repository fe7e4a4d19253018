"""Applies an attack: what is altered (the truth), and the training set as the defender finds it."""

from dataclasses import replace

import numpy as np

from core.artifacts import Dataset, Poisoning, Split
from core.attacks.base import Attack


def choose_poisons(attack: Attack, dataset: Dataset) -> Poisoning:
    """Which training images the attack alters, and how. Raises ValueError when it does not fit the data."""
    return attack.poison(dataset)


def poison(dataset: Dataset, poisoning: Poisoning) -> Dataset:
    """The dataset with the poisons in place of the originals; nothing tells which they are."""
    images, labels = np.array(dataset.train.images), np.array(dataset.train.labels)
    images[poisoning.indices], labels[poisoning.indices] = poisoning.images, poisoning.labels
    return replace(dataset, train=Split(images, labels))
