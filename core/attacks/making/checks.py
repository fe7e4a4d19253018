"""Which rows an attack may take: every attack asks here, so that all refuse alike what does not fit the data.

Keywords are the names of the settings that hold a class's number, so that an error names the setting.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

if TYPE_CHECKING:
    from core.artifacts import Dataset


def check_classes(dataset: "Dataset", **classes: int) -> None:
    """Raise ValueError for a class that the dataset does not have."""
    last = len(dataset.class_names) - 1
    for field, label in classes.items():
        if label > last:
            raise ValueError(f"attack.{field}={label}: expected 0 to {last}")


def training_rows(
    dataset: "Dataset", label: int, n_poisons: int, *, classes: int = 1
) -> Int64[np.ndarray, " n"]:
    """Training rows of a class, ascending. Raises ValueError where its part of the poisons leaves none of them.

    The poisons are divided evenly among `classes` classes.
    """
    rows = np.flatnonzero(dataset.train.labels == label)
    if n_poisons // classes >= len(rows):
        remedy = f"expected at most {classes * (len(rows) - 1)}"
        raise ValueError(f"{_too_many(dataset, label, n_poisons)}; {remedy}")
    return rows


def check_some_stay(dataset: "Dataset", n_poisons: int, indices: Int64[np.ndarray, " p"]) -> None:
    """Raise ValueError where altering these training rows leaves a class without any image as it was."""
    labels, k = dataset.train.labels, len(dataset.class_names)
    before, after = np.bincount(labels, minlength=k), np.bincount(np.delete(labels, indices), minlength=k)
    if len(emptied := np.flatnonzero((before > 0) & (after == 0))):
        raise ValueError(f"{_too_many(dataset, int(emptied[0]), n_poisons)}; lower it or change attack.seed")


def testing_rows(dataset: "Dataset", **classes: int) -> Int64[np.ndarray, " t"]:
    """Rows of the test images of these classes, ascending. Raises ValueError for a class that has none."""
    labels = dataset.test.labels
    for field, label in classes.items():
        if not (labels == label).any():
            raise ValueError(f"attack.{field}={label}: no test image to show the attack on; raise test_limit")
    return np.flatnonzero(np.isin(labels, list(classes.values())))


def _too_many(dataset: "Dataset", label: int, n_poisons: int) -> str:
    available = int((dataset.train.labels == label).sum())
    return (
        f"attack.n_poisons={n_poisons}: class {dataset.class_names[label]!r} has {available} training images, "
        "one of which must stay as it is"
    )
