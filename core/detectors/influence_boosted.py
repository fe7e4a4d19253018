"""EK-FAC influence on several test images: suspect what supports nearly every one of their wrong predictions."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field, model_validator

from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Detection, InfluenceScores


class InfluenceBoosted(Detector):
    """Flags an image when its influence is above the threshold on at least n_queries − tolerance test images.

    "EK-FAC (boosted)" of arXiv 2411.13731. Suspicion is the order statistic that decides, the
    (tolerance + 1)-th smallest influence, so that thresholds and suspicion give the same order.
    """

    name: ClassVar[str] = "influence_boosted"
    title: ClassVar[str] = "EK-FAC, boosted by several"

    n_queries: int = Field(
        default=2, ge=1, le=256, title="Test images", description="How many picked test images to use."
    )
    threshold: float = Field(
        default=10.0, allow_inf_nan=False, description="Influence above this counts as support."
    )
    tolerance: int = Field(
        default=0, ge=0, le=255, description="On how many of the test images the support may be missing."
    )

    @model_validator(mode="after")
    def _something_counts(self) -> "InfluenceBoosted":
        if self.tolerance >= self.n_queries:
            raise ValueError(
                f"tolerance={self.tolerance}: expected 0 to {self.n_queries - 1} of {self.n_queries} test images"
            )
        return self

    def detect(self, scores: "InfluenceScores") -> "Detection":
        """Suspicion and flags of every training image."""
        from core.artifacts import Detection

        self.check_queries(self.n_queries, scores)
        influence = np.stack([scores.original(q) for q in range(self.n_queries)])
        suspicion = np.sort(influence, axis=0)[self.tolerance]
        return Detection(suspicion=suspicion, flagged=suspicion > self.threshold)
