"""Frequency detector: suspect images whose spectrum looks manipulated, whatever the victim makes of them."""

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Dataset, Detection, TrainedModel


class FrequencyDetector(Detector):
    """Flags an image that a classifier of spectra takes for manipulated.

    Zeng et al. 2021, arXiv 2104.03413. The classifier is trained on the defender's clean images and synthetic
    attacks on them, with settings of its own ("frequency"); it knows neither the victim nor the labels.
    Suspicion is the logarithm of the odds.
    """

    name: ClassVar[str] = "frequency_detector"
    title: ClassVar[str] = "Frequency detector"

    threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Probability of manipulation from which on an image is suspect."
    )

    def detect(self, frequency: "TrainedModel", training_set: "Dataset") -> "Detection":
        """Suspicion and flags of every training image."""
        from core.artifacts import Detection
        from core.frequency import manipulation_odds

        odds = manipulation_odds(frequency, training_set.train.images)
        return Detection(suspicion=odds, flagged=odds >= math.log(self.threshold / (1 - self.threshold)))
