"""Plain EK-FAC influence: suspect whatever supports the wrong prediction strongly enough."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Detection, InfluenceScores


class InfluenceThreshold(Detector):
    """Flags an image when its influence on the picked test image is above the threshold.

    The EK-FAC baseline of arXiv 2411.13731, whose published case uses a threshold of 10.
    """

    name: ClassVar[str] = "influence_threshold"
    title: ClassVar[str] = "EK-FAC threshold"

    threshold: float = Field(
        default=10.0, allow_inf_nan=False, description="Influence above this is suspect."
    )
    query: int = Field(default=0, ge=0, description="Which picked test image to use, counted from 0.")

    def detect(self, scores: "InfluenceScores") -> "Detection":
        """Suspicion is the influence itself."""
        from core.artifacts import Detection

        influence = scores.original(self.query)
        return Detection(suspicion=influence.copy(), flagged=influence > self.threshold)
