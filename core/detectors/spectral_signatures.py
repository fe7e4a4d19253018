"""Spectral signatures: suspect images whose features reach far along the strongest directions."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float64
from pydantic import Field

from core import progress
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Dataset, Detection, Features


class SpectralSignatures(Detector):
    """Flags images with a large part in the strongest singular directions of the features.

    Tran et al. 2018, arXiv 1811.00636. Mode "reference" is the comparison of arXiv 2411.13731, which takes the whole
    training set at once and does not centre it; as the discarded directions hold next to nothing, it comes down to
    a threshold on the length of the features, which no other network shares. Mode "original" follows Tran et al.:
    in each class the 1.5 · ε images with the largest squared projection on the first direction of the centred
    features, where ε is the number of poisons that the defender reckons with. Deviates in flagging no more than half
    of a class, since the method takes the majority for clean.
    Suspicion: the contribution; in mode "original" the squared projection over that of the last one flagged.
    """

    name: ClassVar[str] = "spectral_signatures"
    title: ClassVar[str] = "Spectral signatures"

    mode: Literal["reference", "original"] = Field(
        default="reference",
        description="reference: all classes at once, not centred, as published in the comparison. "
        "original: class by class.",
    )
    spectral_threshold: float = Field(
        default=7.0, ge=0, allow_inf_nan=False, description="reference: singular values above this are kept."
    )
    contribution_threshold: float = Field(
        default=7.0, ge=0, allow_inf_nan=False, description="reference: larger contributions are suspect."
    )
    expected_poisons: int = Field(
        default=500,
        ge=1,
        description="original: poisons that a class may hold, by the defender's reckoning. "
        "One and a half times as many are flagged in every class, at most half of it.",
    )

    def detect(self, features: "Features", training_set: "Dataset") -> "Detection":
        """Suspicion and flags of every training image; a class of one image has nothing to compare."""
        from core.artifacts import Detection

        self.check_features(features, training_set)
        if self.mode == "reference":
            reach = contributions(features.values.astype(np.float64), self.spectral_threshold)
            suspicion = reach.astype(np.float32)
            return Detection(suspicion=suspicion, flagged=suspicion > self.contribution_threshold)
        labels = np.asarray(training_set.train.labels)
        suspicion, flagged = np.zeros(len(labels), np.float32), np.zeros(len(labels), bool)
        for label in progress.track(np.unique(labels), "classes"):
            rows = np.flatnonzero(labels == label)
            suspicion[rows], flagged[rows] = self._within_class(features.values[rows].astype(np.float64))
        return Detection(suspicion=suspicion, flagged=flagged)

    def _within_class(
        self, values: Float64[np.ndarray, "n d"]
    ) -> tuple[Float64[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Scores over the cut, so that flagged ones have at least 1 and others at most 1, and the flags."""
        scores, flagged = first_direction_scores(values), np.zeros(len(values), bool)
        wanted = min(int(1.5 * self.expected_poisons), len(values) // 2, int((scores > 0).sum()))
        order = np.argsort(-scores, kind="stable")
        flagged[order[:wanted]] = True
        cut = scores[order[max(wanted - 1, 0)]]
        return (scores / cut if cut > 0 else scores), flagged


def contributions(values: Float64[np.ndarray, "n d"], spectral_threshold: float) -> Float64[np.ndarray, " n"]:
    """Length of each row's projection on the right-singular vectors whose singular value is above the threshold."""
    squares, directions = np.linalg.eigh(values.T @ values)
    kept = directions[:, np.sqrt(np.maximum(squares, 0)) > spectral_threshold]
    return np.linalg.norm(values @ kept, axis=1)


def first_direction_scores(values: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, " n"]:
    """Squared projection of each centred row on the first right-singular vector."""
    centred = values - values.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return (centred @ directions[:, -1]) ** 2
