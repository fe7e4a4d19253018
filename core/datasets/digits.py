"""Handwritten digits that come with scikit-learn: no download, and a model trains on them in seconds."""

from typing import ClassVar

import numpy as np

from core.artifacts import Dataset, Split
from core.datasets import DatasetPlugin
from core.datasets.reading.split import statistics, stratified
from core.progress import track

SIZE = 32
TEST_SHARE = 0.2


class Digits(DatasetPlugin):
    """1,797 handwritten digits of 8x8 pixels (E. Alpaydin and C. Kaynak, UCI repository, 1998), made 32x32.

    The published values 0 to 16 become 0 to 255. A fixed fifth of each class, 360 images, is the test set.
    """

    name: ClassVar[str] = "digits"
    title: ClassVar[str] = "Handwritten digits (built in)"

    def read(self) -> Dataset:
        """Images [n 3 32 32]: 1,437 for training, 360 for test."""
        from sklearn.datasets import load_digits

        values, labels = load_digits(return_X_y=True)
        small = np.rint(values.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
        images = np.stack([_enlarge(digit) for digit in track(small, "read")])
        train, test = stratified(Split(images, np.asarray(labels, np.int64)), TEST_SHARE, seed=0)
        return Dataset(train, test, self.known_classes(), *statistics(train.images))

    def known_classes(self) -> tuple[str, ...]:
        """The class names, without reading the images."""
        return tuple("0123456789")

    def fingerprint(self) -> str:
        """Empty: the data are part of the installation."""
        return ""


def _enlarge(digit: np.ndarray) -> np.ndarray:
    from PIL import Image

    grey = np.asarray(Image.fromarray(digit).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    return np.broadcast_to(grey, (3, SIZE, SIZE))
