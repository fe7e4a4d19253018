"""Applies an attack: what is altered (the truth), and the training set as the defender finds it."""

import mmap
from dataclasses import replace
from typing import Any

import numpy as np

from core.artifacts import Dataset, Poisoning, Split
from core.attacks.base import Attack


def choose_poisons(attack: Attack, *knowledge: Any) -> Poisoning:
    """Which training images the attack alters, and how. Raises ValueError when it does not fit the data."""
    return attack.poison(*knowledge)


def poison(dataset: Dataset, poisoning: Poisoning) -> Dataset:
    """The dataset with the poisons in place of the originals; nothing tells which they are."""
    images, labels = private(dataset.train.images), np.array(dataset.train.labels)
    images[poisoning.indices], labels[poisoning.indices] = poisoning.images, poisoning.labels
    return replace(dataset, train=Split(images, labels))


def private(array: np.ndarray) -> np.ndarray:
    """An array one may write to: a memory-mapped file stays on disk, only the parts written to take memory."""
    if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and array.filename:
        return np.memmap(array.filename, array.dtype, mode="c", offset=array.offset, shape=array.shape)
    return np.array(array)
