"""Activation clustering: suspect the smaller of the two clusters that each class's features fall into."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from core import progress
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Dataset, Detection, Features

SEED = 3407
"""Of the clustering, as in the published comparison."""


class ActivationClustering(Detector):
    """Splits each class's features into two clusters and flags the smaller one.

    Chen et al. 2018, arXiv 1811.03728. Mode "reference" is the comparison of arXiv 2411.13731: it asks no class
    whether its split means anything, and so flags two fifths of any training set. Mode "original" follows
    Chen et al., for whom a class is poisoned when two clusters fit it well and one of them is small: both bounds have
    to hold (their features are reduced by independent components, to 10 dimensions; ours by principal ones).
    Suspicion, ours: how far an image is past the border on the line from the larger to the smaller centre, in
    standard deviations within the clusters. A class without a poisoned cluster is shifted to zero and below.
    """

    name: ClassVar[str] = "activation_clustering"
    title: ClassVar[str] = "Activation clustering"

    mode: Literal["reference", "original"] = Field(
        default="reference",
        description="reference: flags the smaller cluster of every class, as published. "
        "original: only where the two bounds below hold.",
    )
    components: int = Field(
        default=3, ge=1, le=100, description="Principal components that each class's features are reduced to."
    )
    max_share: float = Field(
        default=0.35,
        gt=0,
        le=0.5,
        title="Largest share",
        description="original: a cluster with this share of its class or more is no poison.",
    )
    min_silhouette: float = Field(
        default=0.15,
        ge=-1,
        le=1,
        title="Least silhouette",
        description="original: clusters that fit no better than this are no clusters; published are 0.10 to 0.15.",
    )

    def detect(self, features: "Features", training_set: "Dataset") -> "Detection":
        """Suspicion and flags of every training image; of a class with one distinct image, zero and none."""
        from core.artifacts import Detection

        self.check_features(features, training_set)
        labels = np.asarray(training_set.train.labels)
        suspicion = np.zeros(len(labels), np.float32)
        for label in progress.track(np.unique(labels), "clustering"):
            rows = np.flatnonzero(labels == label)
            suspicion[rows] = self._within_class(features.values[rows].astype(np.float64))
        return Detection(suspicion=suspicion, flagged=suspicion > 0)

    def _within_class(self, values: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, " n"]:
        """Signed distance from the border, positive for what is to be flagged."""
        if len(values) < 2 or not np.ptp(values, axis=0).any():
            return np.zeros(len(values))
        reduced = principal(values, self.components)
        side = beyond_border(reduced)
        poisoned = self.mode == "reference" or self._is_poisoned(reduced, side > 0)
        return side if poisoned else side - side.max()

    def _is_poisoned(self, reduced: Float64[np.ndarray, "n k"], small: np.ndarray) -> bool:
        from sklearn.metrics import silhouette_score

        if len(small) < 3 or small.mean() >= self.max_share:
            return False
        return bool(silhouette_score(reduced, small) > self.min_silhouette)


def principal(values: Float64[np.ndarray, "n d"], components: int) -> Float64[np.ndarray, "n k"]:
    """The rows in terms of their first principal components."""
    centred = values - values.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # ascending
    return centred @ directions[:, ::-1][:, :components]


def beyond_border(points: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, " n"]:
    """Distance from the border between two clusters, positive in the smaller, in deviations within the clusters.

    The border is half-way between the centres that k-means finds, so its sign is k-means' own decision.
    """
    from sklearn.cluster import KMeans

    one, other = KMeans(2, random_state=SEED).fit(points).cluster_centers_
    gap = np.linalg.norm(other - one)
    along = (points - (one + other) / 2) @ (other - one) / gap
    if (along > 0).sum() >= len(along) / 2:
        along = -along
    spread = np.sqrt(np.mean((np.abs(along) - gap / 2) ** 2))
    return along / max(spread, 1e-3 * gap)
