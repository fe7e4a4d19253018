"""The parts of the Investigate page, in the order in which they stand there."""

from app.panels.evidence import EVIDENCE
from app.panels.facts import facts
from app.panels.pick import pick_query
from app.panels.take_along import take_along
from app.panels.tune import tune

__all__ = ["EVIDENCE", "facts", "pick_query", "take_along", "tune"]
