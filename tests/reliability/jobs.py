"""Kills, stops, races, cancels and damages jobs again and again, and counts what was lost or done twice.

    python tests/reliability/jobs.py [--times 30] [--without-server]

Real supervisors and workers in a store of their own. A job's steps are written down one by one, so that a step lost or
done twice shows. Takes about twenty minutes on two cores.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from job_kills import Row, all_at_once, machine_restarts, server_kills, supervisor_kills
from job_races import cancels, claim_race, damages, one_of_many, same_work
from office import Office, make_probes
from record import keep


def timed(what: Callable[..., Any], *arguments: Any) -> Any:
    """The same, saying on the way how long it took."""
    began = time.monotonic()
    found = what(*arguments)
    print(f"{what.__name__}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def main() -> int:
    """Do all of it in a store that is thrown away, and keep the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--times", type=int, default=30, help="kills of the supervisor; the rest follows from it"
    )
    parser.add_argument("--without-server", action="store_true", help="leave out the kills of the dashboard")
    chosen = parser.parse_args()
    rows: list[Row] = []
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPATH"] = make_probes(Path(folder) / "modules")
        office = Office(Path(folder) / "store")
        try:
            everything(office, chosen.times, rows, figures=figures, server=not chosen.without_server)
        finally:  # also when it is interrupted: what was counted by then is kept
            office.close()
            keep("jobs", "Jobs under faults", rows, **figures)
    return int(any(found["wrong"] for found in rows))


def everything(
    office: Office, times: int, rows: list[Row], *, figures: dict[str, Any], server: bool = True
) -> None:
    """All of it, each row as soon as it is counted."""
    chance = random.Random(0)
    rows.append(timed(supervisor_kills, office, times, chance))
    rows.append(timed(all_at_once, office, max(2, times * 2 // 3), chance))
    rows.append(timed(machine_restarts, office, max(2, times // 3)))
    for kind, count in (("once", times), ("forest", max(3, times // 3))):
        found, figures[f"cancel_{kind}"] = timed(cancels, office, count, kind, chance)
        rows.append(found)
    rows.append(timed(claim_race, office, 8, 300))
    rows.append(timed(damages, office, times * 10, chance))
    if server:
        rows.append(timed(server_kills, office, max(1, times // 10)))
    rows.append(timed(same_work, office, max(2, times // 3)))
    rows.append(timed(one_of_many, office, max(2, times * 5 // 3)))


if __name__ == "__main__":
    sys.exit(main())
