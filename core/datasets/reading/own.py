"""What datasets of the user's own images share: scaling, a test set split off, bad images left out."""

from pydantic import Field

from core.artifacts import Dataset
from core.datasets import DatasetPlugin
from core.datasets.reading.decode import Labelled, keep_readable
from core.datasets.reading.split import statistics, stratified


class OwnImages(DatasetPlugin):
    """Images of any size, standardised by the statistics of the training images that could be read."""

    size: int = Field(
        default=32, ge=32, le=224, description="Width and height that images are scaled to, in pixels."
    )
    test_share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of each class that becomes test images, where none are given.",
    )

    def assemble(self, train: Labelled, test: Labelled | None) -> Dataset:
        """The dataset of these images; where `test` is None a share of `train` becomes the test set.

        Raises ValueError where a class has fewer than 2 readable images, or more unreadable ones.
        """
        kept, notes = keep_readable(train, at_least=2)
        if test is None:
            kept, kept_test = stratified(kept, self.test_share, self.sample_seed)
        else:
            kept_test, more = keep_readable(test, at_least=0)
            notes += more
        return Dataset(kept, kept_test, train.class_names, *statistics(kept.images), notes)
