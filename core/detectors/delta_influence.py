"""Delta-Influence: suspect the training images whose influence collapses under transformation."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core import collapse, copies
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Detection, InfluenceScores


class DeltaInfluence(Detector):
    """Flags an image when at least t − tolerance of its t changes of influence are below the threshold.

    Li et al. 2024, arXiv 2411.13731. The paper finds that threshold 0 with tolerance 0 or 1 usually works; the
    default is the stricter one. Nothing is tuned on the truth.
    Suspicion is minus the order statistic that decides, so that thresholds and suspicion give the same order.
    """

    name: ClassVar[str] = "delta_influence"
    title: ClassVar[str] = "Delta-Influence"

    threshold: float = Field(
        default=0.0, allow_inf_nan=False, description="A change counts when it is below this."
    )
    tolerance: int = Field(
        default=0, ge=0, le=499, description="How many changes may fail to be below the threshold."
    )
    query: int = Field(default=0, ge=0, description="Which picked test image to use, counted from 0.")
    without: copies.Without = ()

    def detect(self, scores: "InfluenceScores") -> "Detection":
        """Suspicion and flags of every training image."""
        return self.judge(collapse.sorted_changes(self.changes(scores)))

    def changes(self, scores: "InfluenceScores") -> collapse.Delta:
        """What is compared with `level`, for each copy that counts: the change of influence."""
        return copies.changes(scores, self.query, self.without)

    @property
    def level(self) -> float:
        """Changes below this count."""
        return self.threshold

    def judge(self, ordered: collapse.Delta) -> "Detection":
        """The same from changes that are sorted already, which makes another threshold instant."""
        from core.artifacts import Detection

        statistic = collapse.order_statistic(ordered, self.tolerance)
        return Detection(suspicion=-statistic, flagged=statistic < self.threshold)
