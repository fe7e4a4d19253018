"""A set that people chose: the flags after review, or somebody's own list."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from core import sets
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Dataset, Detection


class Reviewed(Detector):
    """Flags exactly the training images of a set that was written down, by its digest.

    Ours. The set comes from a review, where people confirm or overrule a rule's flags, or from a file. Suspicion is 1
    inside the set and 0 outside: people give no order.
    """

    name: ClassVar[str] = "reviewed"
    title: ClassVar[str] = "Reviewed set"

    digest: str = Field(
        default="", pattern="^([0-9a-f]{32})?$", description="Name of the set; empty for none."
    )

    def detect(self, training_set: "Dataset") -> "Detection":
        """The set as flags. Raises ValueError where it does not fit the training set."""
        from core.artifacts import Detection

        n, rows = len(training_set.train), sets.read(self.digest) if self.digest else np.zeros(0, np.int64)
        if rows.size and not 0 <= rows[0] <= rows[-1] < n:
            raise ValueError(
                f"{self.name}: rows {rows[0]} to {rows[-1]} do not fit {n} training images; the set is of another case"
            )
        flagged = np.zeros(n, bool)
        flagged[rows] = True
        return Detection(suspicion=flagged.astype(np.float32), flagged=flagged)
