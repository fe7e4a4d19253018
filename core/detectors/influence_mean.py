"""EK-FAC influence on several test images: suspect what supports their wrong predictions on average."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Detection, InfluenceScores


class InfluenceMean(Detector):
    """Flags an image when its mean influence on the first few picked test images is above the threshold.

    The EK-FAC baseline of arXiv 2411.13731 for several test images; published are 5 and 10 of them.
    """

    name: ClassVar[str] = "influence_mean"
    title: ClassVar[str] = "EK-FAC, mean of several"

    n_queries: int = Field(
        default=2, ge=1, le=256, title="Test images", description="How many picked test images to use."
    )
    threshold: float = Field(
        default=10.0, allow_inf_nan=False, description="Mean influence above this is suspect."
    )

    def detect(self, scores: "InfluenceScores") -> "Detection":
        """Suspicion is the mean influence itself."""
        from core.artifacts import Detection

        self.check_queries(self.n_queries, scores)
        influence = np.stack([scores.original(q) for q in range(self.n_queries)])
        mean = influence.mean(0, dtype=np.float64).astype(np.float32)
        return Detection(suspicion=mean, flagged=mean > self.threshold)
