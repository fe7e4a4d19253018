"""Delta-Influence from several test images: suspect what collapses for all of them."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from core import collapse
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Detection, InfluenceScores


class DeltaInfluenceSeveral(Detector):
    """Flags an image when its influence collapses for each of several picked test images.

    Li et al. 2024, arXiv 2411.13731, with 5 and 10 test images; the public code covers one. "intersection" is what
    the paper describes. "pooled", ours, counts the changes of all M test images together and tolerates M times as
    many, so that one test image may fail where the others are clear.
    Suspicion is minus the order statistic that decides, as in Delta-Influence; over an intersection, the least one.
    """

    name: ClassVar[str] = "delta_influence_several"
    title: ClassVar[str] = "Delta-Influence, several test images"

    n_queries: int = Field(
        default=2, ge=1, le=256, title="Test images", description="How many picked test images to use."
    )
    threshold: float = Field(
        default=0.0, allow_inf_nan=False, description="A change counts when it is below this."
    )
    tolerance: int = Field(
        default=0,
        ge=0,
        le=499,
        description="How many changes per test image may fail to be below the threshold.",
    )
    combine: Literal["intersection", "pooled"] = Field(
        default="intersection",
        description="intersection: flagged for every test image. pooled: all changes are counted together.",
    )

    def detect(self, scores: "InfluenceScores") -> "Detection":
        """Suspicion and flags of every training image."""
        from core.artifacts import Detection

        self.check_queries(self.n_queries, scores)
        rule = collapse.over_all if self.combine == "intersection" else collapse.pooled
        statistic = rule([scores.delta(q) for q in range(self.n_queries)], self.tolerance)
        return Detection(suspicion=-statistic, flagged=statistic < self.threshold)
