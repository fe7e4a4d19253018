"""What a set of flags and a model are worth, against a known truth (method of both papers, section 6).

Flag metrics need NumPy only. A metric that is undefined (precision of nothing flagged) is None.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from core.artifacts import Dataset, Detection, Poisoning, Queries, Report, TrainedModel
from core.models.base import Model


def grade(flagged: Bool[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> dict[str, Any]:
    """Counts and rates of flags against the truth.

    true_positive_rate = |F∩P|/|P|, precision = |F∩P|/|F|, false_positive_rate = |F∖P|/(N−|P|).
    """
    f, p, hits = int(flagged.sum()), int(truth.sum()), int((flagged & truth).sum())
    return {
        "flagged": f,
        "true_positives": hits,
        "true_positive_rate": ratio(hits, p),
        "precision": ratio(hits, f),
        "false_positive_rate": ratio(f - hits, len(truth) - p),
        "f1": ratio(2 * hits, f + p),
    }


def ratio(part: float, whole: float) -> float | None:
    """part / whole, or None when there is nothing to divide by."""
    return part / whole if whole else None


def share(hits: Bool[np.ndarray, " n"]) -> float | None:
    """Share of hits, or None when there is nothing to count."""
    return float(hits.mean()) if len(hits) else None


def grade_indices(
    flagged: Int64[np.ndarray, " f"], truth: Int64[np.ndarray, " p"], train_size: int
) -> dict[str, Any]:
    """`grade` for lists of training rows; raises ValueError for rows that are repeated or do not exist."""
    return grade(mask_of(flagged, train_size, "flagged"), mask_of(truth, train_size, "truth"))


def mask_of(indices: Int64[np.ndarray, " f"], train_size: int, what: str) -> Bool[np.ndarray, " n"]:
    """Rows as a mask over the training set."""
    indices = np.asarray(indices)
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise ValueError(f"{what}: expected one row of whole numbers, got {indices.dtype} {indices.shape}")
    if indices.size and not 0 <= indices.min() <= indices.max() < train_size:
        raise ValueError(
            f"{what}: rows {indices.min()} to {indices.max()} do not fit train_size={train_size}"
        )
    if len(np.unique(indices)) < len(indices):
        raise ValueError(f"{what}: {len(indices) - len(np.unique(indices))} rows are repeated")
    mask = np.zeros(train_size, bool)
    mask[indices.astype(np.int64)] = True
    return mask


def average_precision(suspicion: Float32[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> float | None:
    """Mean precision over the ranks of the true ones, ties counted as one rank; None without true ones."""
    order = np.argsort(-suspicion, kind="stable")
    values, hits = suspicion[order], truth[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # last member of each group of ties
    found = np.cumsum(hits)[last]
    precision, gained = found / (last + 1), np.diff(found, prepend=0)
    return ratio(float((precision * gained).sum()), int(truth.sum()))


def grade_detection(
    found: Detection,
    truth: Bool[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    target_classes: Sequence[int],
) -> dict[str, Any]:
    """Flags and order of a detector against the truth, over all images and inside the target label.

    A detector that flags everything with an attacked label looks good globally; inside the label it does not.
    """
    inside = np.isin(labels, target_classes)
    return grade(found.flagged, truth) | {
        "precision_in_target_label": grade(found.flagged[inside], truth[inside])["precision"],
        "average_precision": average_precision(found.suspicion, truth),
        "average_precision_in_target_label": average_precision(found.suspicion[inside], truth[inside]),
        "base_rate": float(truth.mean()),
        "base_rate_in_target_label": ratio(int(truth[inside].sum()), int(inside.sum())),
    }


def evaluate(
    model: Model, trained: TrainedModel, dataset: Dataset, poisoning: Poisoning, queries: Queries
) -> Report:
    """Clean and triggered behaviour of a model on the test set."""
    from core.networks import probabilities, restore

    network = restore(model, trained.weights, dataset)
    predictions = probabilities(network, dataset.test.images, dataset).argmax(1)
    triggered = probabilities(network, poisoning.triggered.images, dataset).argmax(1)
    manipulated = probabilities(network, poisoning.images, dataset).argmax(1)
    true, wanted, labels = poisoning.triggered.labels, poisoning.wanted, dataset.test.labels
    right, known = predictions == labels, len(poisoning.triggered) > 0
    elsewhere = ~np.isin(np.arange(len(labels)), poisoning.affected_rows)
    confusion = confusion_matrix(labels, predictions, len(dataset.class_names))
    totals = confusion.sum(1)
    return Report(
        test_accuracy=float(right.mean()),
        poison_success_rate=share((triggered == wanted)[wanted != true]),
        clean_label_accuracy=share(triggered == true),
        manipulated_accuracy=share(manipulated == dataset.train.labels[poisoning.indices]),
        utility=share(right[elsewhere]) if known else None,
        class_accuracy=(np.diag(confusion) / np.maximum(totals, 1)).astype(np.float32),
        confusion=confusion,
        test_predictions=predictions.astype(np.int64),
        query_probabilities=probabilities(network, queries.images, dataset),
    )


def labels_of(flagged: Bool[np.ndarray, " n"], dataset: Dataset) -> list[tuple[str, int]]:
    """Which labels the flagged training images carry and how many carry each, the most frequent first."""
    counts = np.bincount(dataset.train.labels[flagged], minlength=len(dataset.class_names))
    order = np.argsort(-counts, kind="stable")
    return [(dataset.class_names[k], int(counts[k])) for k in order if counts[k]]


def doubt_of(trained: TrainedModel, dataset: Dataset) -> str:
    """In words why brought weights can hardly be those of these images; empty where nothing speaks against it.

    A classifier fits its own training images: one that is nearer to guessing than to reading them all is not theirs.
    """
    rate = trained.train_accuracy
    guessing = float(np.bincount(dataset.train.labels).max() / len(dataset.train))
    if rate is None or rate >= (1 + guessing) / 2:
        return ""
    return (
        f"The weights read only {rate:.0%} of their own training images as labelled, and always naming the largest "
        f"class would be right for {guessing:.0%}: wrong architecture, standardisation or class order?"
    )


def confusion_matrix(
    labels: Int64[np.ndarray, " n"], predictions: Int64[np.ndarray, " n"], n_classes: int
) -> Int64[np.ndarray, "k k"]:
    """Counts by true class (row) and predicted class (column)."""
    return np.bincount(labels * n_classes + predictions, minlength=n_classes**2).reshape(n_classes, n_classes)
