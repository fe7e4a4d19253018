"""What the stages hand to each other: frozen dataclasses of NumPy arrays with their shapes.

Axes: n images, q queries, k classes, c h w image. Images are uint8 in [0, 255] unless they are queries,
which are float32 in [0, 1] ("pixel space"). Indices are int64 rows of the training set.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

ORIGINAL = -1
"""`parent` of a query that is an untransformed test image."""
CONTROL = -2
"""`parent` of a query that is a clean test image, to compare with."""


@dataclass(frozen=True)
class Split:
    """Labelled images."""

    images: UInt8[np.ndarray, "n c h w"]
    labels: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Training and test images, the class names, and the channel statistics that standardise them."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    notes: tuple[str, ...] = ()
    """What the reader had to say, for example images that it could not read."""


@dataclass(frozen=True)
class Poisoning:
    """What an attack altered: a difference against the clean training set, and its trigger on test images.

    This is the ground truth. No detector and no unlearner ever receives it.
    """

    indices: Int64[np.ndarray, " p"]
    images: UInt8[np.ndarray, "p c h w"]
    labels: Int64[np.ndarray, " p"]
    triggered: Split
    """Test images that the attack is about, as the attacker would show them, with their true labels."""
    triggered_rows: Int64[np.ndarray, " t"]
    """Which test image each triggered one was made from."""
    wanted: Int64[np.ndarray, " t"]
    """What the attacker wants each triggered image to be read as."""
    affected_rows: Int64[np.ndarray, " a"]
    """Test rows that the attack is about as they stand, without any trigger; utility is measured on the others."""
    victim_classes: tuple[int, ...]
    """Classes whose test images shall be misread."""
    target_classes: tuple[int, ...]
    """Labels that the poisons carry."""
    notes: tuple[str, ...] = ()
    """What the attack had to say, for example how many target images it tried."""


@dataclass(frozen=True)
class TrainedModel:
    """Weights by parameter name, and the curves of the training that made them."""

    weights: dict[str, np.ndarray]
    loss: Float32[np.ndarray, " epoch"]
    accuracy: Float32[np.ndarray, " epoch"]
    """Share of augmented training images classified as labelled, per epoch."""
    train_loss: float
    """Mean cross-entropy on the un-augmented training set, nats."""
    seconds: float
    """Wall-clock seconds of training, evaluation excluded."""
    trials: tuple[dict[str, Any], ...] = ()
    """Settings that an unlearner tried, best first, with what the selection rule saw of each."""
    train_accuracy: float | None = None
    """Share of un-augmented training images classified as labelled; known of brought weights."""


@dataclass(frozen=True)
class Features:
    """What the victim makes of each training image before its last layer."""

    values: Float32[np.ndarray, "n d"]


@dataclass(frozen=True)
class Factors:
    """Fitted curvature factors in kronfluence's file format."""

    strategy: str
    directory: Path


@dataclass(frozen=True)
class Queries:
    """Images with the label whose cause is asked for."""

    images: Float32[np.ndarray, "q c h w"]
    labels: Int64[np.ndarray, " q"]
    true_labels: Int64[np.ndarray, " q"]
    test_rows: Int64[np.ndarray, " q"]
    probabilities: Float32[np.ndarray, "q k"]
    """The victim's softmax output."""
    parent: Int64[np.ndarray, " q"]
    """Row of the original that a transformed query came from, or ORIGINAL, or CONTROL."""
    transforms: tuple[str, ...]
    """Name of the transformation of each query; empty for originals."""
    n_affected: int
    """How many test images the attack succeeds on in all; the queries are some of them."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class InfluenceScores:
    """Influence of every training image on every query; positive supports the query's label."""

    values: Float32[np.ndarray, "q n"]
    labels: Int64[np.ndarray, " q"]
    parent: Int64[np.ndarray, " q"]
    transforms: tuple[str, ...]

    @property
    def n_originals(self) -> int:
        """How many picked test images were scored."""
        return int((self.parent == ORIGINAL).sum())

    def original(self, query: int = 0) -> Float32[np.ndarray, " n"]:
        """Scores of the picked test image number `query`."""
        return self.values[self._check(query)]

    def rows(self, query: int = 0) -> Int64[np.ndarray, " t"]:
        """Rows of the transformed copies of picked test image number `query`."""
        return np.flatnonzero(self.parent == self._check(query))

    def controls(self, label: int) -> Int64[np.ndarray, " m"]:
        """Rows of the clean test images of a label; none where none were read rightly, or asked for."""
        return np.flatnonzero((self.parent == CONTROL) & (self.labels == label))

    def delta(self, query: int = 0) -> Float32[np.ndarray, "t n"]:
        """Change of influence: each transformed copy's scores minus the original's."""
        return self.values[self.rows(query)] - self.original(query)

    def _check(self, query: int) -> int:
        if not 0 <= query < self.n_originals:
            raise IndexError(
                f"query={query}: expected a picked test image from 0 to {self.n_originals - 1}; "
                "raise queries.count to score more of them"
            )
        return query


@dataclass(frozen=True)
class LogitScores:
    """Influence of every training image on each logit of a picked test image and its copies.

    The picked image comes first. Any labels follow from it without another pass, see `core.influence.relabel`.
    """

    values: Float32[np.ndarray, "q k n"]
    logits: Float32[np.ndarray, "q k"]
    label: int
    """What the picked image was read as."""


@dataclass(frozen=True)
class LayerScores:
    """What each layer adds to the influence of one training image on a picked test image and its copies."""

    values: Float32[np.ndarray, "l q"]
    """By layer; the picked image comes first."""
    layers: tuple[str, ...]
    self_influence: float
    """Influence of the training image on its own loss: large where it is hard to fit by anything but itself."""


@dataclass(frozen=True)
class Detection:
    """A detector's verdict on every training image."""

    suspicion: Float32[np.ndarray, " n"]
    """Higher is more suspect; only the order has a meaning."""
    flagged: Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Report:
    """What a model does on clean and on triggered test images; None where nobody knows what is triggered."""

    test_accuracy: float
    poison_success_rate: float | None
    """Share of triggered test images, not of that class anyway, classified as the attacker wants."""
    clean_label_accuracy: float | None
    """Share of triggered test images classified as what they are: accuracy on the affected domain."""
    manipulated_accuracy: float | None
    """Share of the manipulated training images, as stored, classified as what they are."""
    utility: float | None
    """Accuracy on the clean test images that the attack is not about."""
    class_accuracy: Float32[np.ndarray, " k"]
    confusion: Int64[np.ndarray, "k k"]
    """Rows: true class, columns: predicted class."""
    test_predictions: Int64[np.ndarray, " n"]
    query_probabilities: Float32[np.ndarray, "q k"]
    """Softmax output on the picked test images."""

    def opinion(self, names: tuple[str, ...], asked: int) -> dict[str, Any]:
        """What the first picked image is read as, how surely, and what is left of the answer `asked` about."""
        row = self.query_probabilities[0]
        return {
            "read_as": names[int(row.argmax())],
            "sure": float(row.max()),
            "first_answer": float(row[asked]),
            "test_accuracy": self.test_accuracy,
        }


@dataclass(frozen=True)
class Forgotten:
    """How a model reads the flagged training images, in the order of their rows."""

    predictions: Int64[np.ndarray, " f"]
    deletion_change: float
    """Share of them that is no longer read as labelled; nobody has to know the truth for it."""
