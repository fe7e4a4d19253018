"""What there is for jobs: the places of the supervisor at work, or what one started here would have."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.jobs.database import Database
from core.jobs.launch import is_supervised
from core.jobs.resources import Resources, offered, setting
from core.jobs.turns import Place

NAME = "offer"
PLACES = {"": "this machine", "local": "this machine", "ray": "the Ray cluster"}


@dataclass(frozen=True)
class Offer:
    """Places for jobs, and how many of one owner may be at work together; 0 for any number."""

    places: tuple[Place, ...]
    running_per_owner: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)
    """Places that cannot be used just now, each with the reason and what to do."""

    def write(self, jobs: Database) -> None:
        """Let everybody know."""
        places = [{"executor": place.executor, **asdict(place.total)} for place in self.places]
        told = {"places": places, "running_per_owner": self.running_per_owner, "missing": dict(self.missing)}
        jobs.tell(NAME, json.dumps(told))

    @property
    def totals(self) -> tuple[Resources, ...]:
        """What each place has."""
        return tuple(place.total for place in self.places)

    @property
    def missing_places(self) -> str:
        """The places that cannot be used just now, in words; empty where all can."""
        return " and ".join(PLACES.get(name, name) for name in self.missing)


def current(store_root: Path | str, jobs: Database) -> Offer:
    """As the supervisor at work says, else as one started here would."""
    told = jobs.told(NAME) if is_supervised(store_root) else ""
    if not told:
        return Offer((Place("local", offered()),), setting("RUNNING_PER_OWNER", 0))
    known = json.loads(told)
    places = tuple(Place(place.pop("executor"), Resources(**place)) for place in known["places"])
    return Offer(places, known["running_per_owner"], known.get("missing", {}))
