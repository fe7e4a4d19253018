"""Relative collapse: suspect the training images that lose a large share of their influence on every copy."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core import collapse, copies
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Detection, InfluenceScores


class RelativeCollapse(Detector):
    """Flags an image whose influence falls, relative to its own size, on all but a tolerated few of the copies.

    Ours, not published. Every score of a training image is scaled by how badly that image is still fitted, so a
    threshold on plain changes lets badly fitted clean images pass and loses well fitted poisons; dividing by the
    image's own scores removes that factor. At threshold 0 the flags are those of Delta-Influence at threshold 0.
    The default of 0.2 asks for the loss of a third: a score that stays above two thirds of the original's does
    not count as collapse.
    """

    name: ClassVar[str] = "relative_collapse"
    title: ClassVar[str] = "Relative collapse"

    threshold: float = Field(default=0.2, ge=-1, le=1, description="Collapse above this is suspect.")
    tolerance: int = Field(
        default=0, ge=0, le=499, description="How many copies may fail to show the collapse."
    )
    query: int = Field(default=0, ge=0, description="Which picked test image to use, counted from 0.")
    without: copies.Without = ()

    def detect(self, scores: "InfluenceScores") -> "Detection":
        """Suspicion is the relative collapse itself, in [−1, 1]."""
        from core.artifacts import Detection

        changed = scores.values[copies.rows(scores, self.query, self.without)]
        suspicion = collapse.relative(scores.original(self.query), changed, self.tolerance)
        return Detection(suspicion=suspicion, flagged=suspicion > self.threshold)

    def changes(self, scores: "InfluenceScores") -> collapse.Delta:
        """What is compared with `level`, for each copy that counts: minus the relative collapse on this copy alone."""
        changed = scores.values[copies.rows(scores, self.query, self.without)]
        return -collapse.relative_to_each(scores.original(self.query), changed)

    @property
    def level(self) -> float:
        """Changes below this count."""
        return -self.threshold
