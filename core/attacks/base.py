"""What an attack is: settings that can choose training images to alter and put a trigger on an image."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from core.registry import Plugin

if TYPE_CHECKING:
    from core.artifacts import Dataset, Poisoning


class Attack(Plugin):
    """A way to poison a training set."""

    @abstractmethod
    def poison(self, dataset: "Dataset") -> "Poisoning":
        """What is altered in this dataset; raises ValueError when the settings do not fit it."""
