"""What an attack is: settings with a `poison` method whose argument names say what the attacker knows.

`dataset` Dataset, clean; `model` Model and `training` Training, how the victim will be made; `surrogate`
TrainedModel, a network that the attacker trained on the clean data in the same way. An attack that names no
`surrogate` never causes one to be trained.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from core.registry import Plugin

if TYPE_CHECKING:
    from core.artifacts import Poisoning


class Attack(Plugin):
    """A way to poison a training set."""

    poison: ClassVar[Callable[..., "Poisoning"]]
    """What is altered; raises ValueError when the settings do not fit the data. Subclasses choose the arguments."""
