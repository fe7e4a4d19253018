"""What there is for jobs: the places of the supervisor at work, or what one started here would have."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.jobs.database import Database
from core.jobs.launch import is_supervised
from core.jobs.resources import Resources, offered, setting
from core.jobs.turns import Place

NAME = "offer"


@dataclass(frozen=True)
class Offer:
    """Places for jobs, and how many of one owner may be at work together; 0 for any number."""

    places: tuple[Place, ...]
    running_per_owner: int = 0

    def write(self, jobs: Database) -> None:
        """Let everybody know."""
        places = [{"executor": place.executor, **asdict(place.total)} for place in self.places]
        jobs.tell(NAME, json.dumps({"places": places, "running_per_owner": self.running_per_owner}))

    @property
    def totals(self) -> tuple[Resources, ...]:
        """What each place has."""
        return tuple(place.total for place in self.places)


def current(store_root: Path | str, jobs: Database) -> Offer:
    """As the supervisor at work says, else as one started here would."""
    told = jobs.told(NAME) if is_supervised(store_root) else ""
    if not told:
        return Offer((Place("local", offered()),), setting("RUNNING_PER_OWNER", 0))
    known = json.loads(told)
    places = tuple(Place(place.pop("executor"), Resources(**place)) for place in known["places"])
    return Offer(places, known["running_per_owner"])
