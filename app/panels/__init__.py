"""The parts of the pages about a case."""

from app.panels.head import head
from app.panels.measure import measure
from app.panels.pick import pick_query
from app.panels.pick_another import pick_another
from app.panels.pick_progress import arriving
from app.panels.status import status
from app.panels.tabs.evidence import EVIDENCE
from app.panels.take_along import take_along
from app.panels.tune import tune

__all__ = [
    "EVIDENCE",
    "arriving",
    "head",
    "measure",
    "pick_another",
    "pick_query",
    "status",
    "take_along",
    "tune",
]
