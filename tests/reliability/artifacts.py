"""Damages every file of every result of a whole investigation in every way, and everything else that a store keeps.

    python tests/reliability/artifacts.py [--times 5] [--seed 0]

A store that only reads must refuse a damaged result and name it; one's own store must compute it again, equal to the
last byte. A bad ending is a damaged file that is used, not named, or answered by an error that no page explains.
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
BASE = Path(tempfile.mkdtemp(prefix="artifacts-"))
os.environ["INFLUENCE_STORE"] = str(BASE / "notes")

import damaged_notes  # noqa: E402
import damaging  # noqa: E402
from killing import SMALL, investigated  # noqa: E402
from record import keep, row  # noqa: E402

from core import runs  # noqa: E402
from core.experiment import Experiment  # noqa: E402
from core.pipeline import plan  # noqa: E402
from core.store import LOOK_SECONDS, Store  # noqa: E402

WIDE = [*SMALL["detectors"], {"name": "spectral_signatures"}, {"name": "frequency_detector"}]


def rows_of(what: str, endings: Iterable[str], told: str = "") -> tuple[dict[str, Any], list[str]]:
    """A row of the record, and the bad endings in words."""
    found = list(endings)
    bad = [ending for ending in found if ending]
    return row(what, len(found), len(bad), told), bad


def main() -> None:
    """Damage, count, and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5, help="of each damage to each file")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    draw, times = random.Random(chosen.seed), chosen.times
    x = Experiment.checked(SMALL | {"detectors": WIDE, "unlearn_after": ["delta_influence"]})
    p = plan(x, Store(BASE / "sound"))
    runs.complete(p)
    of = damaging.ground(p, BASE / "damaged")
    kinds = sorted({a.stage.name for a in of.artifacts})
    told = f"{len(kinds)} kinds of results: {', '.join(kinds)}"

    def each(outcome: Callable[..., str], times: int, most: int = 10**6) -> Iterable[str]:
        for artifact in of.artifacts:
            blows = list(damaging.blows(of.folders(artifact)[0], draw, times))
            for blow in draw.sample(blows, min(most, len(blows))):
                yield outcome(of, artifact, blow)
            of.heal(artifact)

    def running() -> Iterable[str]:
        for how in damaging.TO_A_FILE.values():
            used = damaging.noticed_while_running(of, how, draw, lambda: time.sleep(1.1 * LOOK_SECONDS))
            yield from used + [""] * (len(of.artifacts) - len(used))

    found = [
        rows_of("a result damaged, read by a store that only reads", each(damaging.refusal, times), told),
        rows_of(
            "a result damaged in one's own store, asked for",
            each(damaging.repair, 1),
            "computed again, equal",
        ),
        rows_of(
            "a result damaged after a running server had checked it", running(), "noticed within a second"
        ),
    ]
    for note in damaged_notes.written(investigated()):
        endings = (
            damaged_notes.outcome(note, how, draw)
            for how in damaging.TO_A_FILE.values()
            for _ in range(20 * times)
        )
        found.append(rows_of(f"{note.kind} damaged", endings))
    problems = [problem for _, bad in found for problem in bad]
    keep(
        "artifacts",
        "Damaged, swapped and foreign files in a store",
        [r for r, _ in found],
        problems=problems[:20],
    )


if __name__ == "__main__":
    main()
