"""What a detector is: settings with a `detect` method whose argument names say which results it reads.

`training_set` Dataset as the defender holds it, `victim` TrainedModel, `queries` Queries, `scores`
InfluenceScores, `features` Features, `frequency` TrainedModel (the frequency classifier). A detector that names no
`scores` never causes factors to be fitted. None can name the truth.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core.registry import Plugin

if TYPE_CHECKING:
    from core.artifacts import Dataset, Detection, Features, InfluenceScores


class Detector(Plugin):
    """A rule that suspects training images."""

    detect: ClassVar[Callable[..., "Detection"]]
    """A suspicion for every training image, and the decision. Subclasses define it with their own arguments."""

    def check_queries(self, n_queries: int, scores: "InfluenceScores") -> None:
        """Raise ValueError unless at least `n_queries` picked test images were scored."""
        if n_queries > scores.n_originals:
            raise ValueError(
                f"{self.name}.n_queries={n_queries}: {scores.n_originals} picked test images were scored; "
                f"raise queries.count to {n_queries} or lower n_queries"
            )

    def check_features(self, features: "Features", training_set: "Dataset") -> None:
        """Raise ValueError unless there is one finite row of features for every training image."""
        n, rows = len(training_set.train), len(features.values)
        if rows != n:
            raise ValueError(
                f"{self.name}: {rows} rows of features for {n} training images; "
                "extract the features of this training set"
            )
        if not np.isfinite(features.values).all():
            raise ValueError(
                f"{self.name}: features hold NaN or infinity; train the victim anew at a lower learning rate"
            )
