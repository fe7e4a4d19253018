"""What a detector is: settings with a `detect` method whose argument names say which results it reads.

`training_set` Dataset as the defender holds it, `victim` TrainedModel, `queries` Queries, `scores`
InfluenceScores, `features` Features, `frequency` TrainedModel (the frequency classifier). A detector that names no
`scores` never causes factors to be fitted. None can name the truth.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from core.registry import Plugin

if TYPE_CHECKING:
    from core.artifacts import Detection


class Detector(Plugin):
    """A rule that suspects training images."""

    detect: ClassVar[Callable[..., "Detection"]]
    """A suspicion for every training image, and the decision. Subclasses define it with their own arguments."""
