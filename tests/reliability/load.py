"""Twenty people tune at once on one server: how long do they wait, and does anybody see somebody else's figures?

    python tests/reliability/load.py [RUN ...] [--people 20] [--minutes 5] [--store DIR]

Real websocket sessions against the real server, which has a copy of the store; a gesture every 2 to 5 s each, every
figure checked against one worked out here. The same without pauses follows, for half a minute. Case by case; without
a run the bundled case.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from record import keep, row
from screen import Screen
from serving import Served, serving
from tuning import Expected, Plan, Tally, crowd
from visitor import Visitor

from core import cases, paths, runs
from core.cases import Case

LIMIT = 1.0
"""Seconds that the 95th percentile has to stay below."""
HARSH = Plan(seconds=30, pause=(0.0, 0.0), ramp=2.0)


def main() -> None:
    """Measure each case and keep the record. Exit status 1 when anything was wrong or too slow."""
    chosen = arguments()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        if chosen.store.exists():
            shutil.copytree(
                chosen.store, root, ignore=shutil.ignore_patterns("engine", "locks", "fit_factors")
            )
        store = runs.open_store(root)
        asked = [found(cases.find(run, store), run) for run in chosen.runs] or cases.all_cases(store)[-1:]
        told = [measured(case, root, chosen) for case in asked]
    topic, of = "load", ""
    if chosen.runs:
        images = max(case["images"] for case in told)
        topic, of = f"load_{images}", f", {images:,} images"
    keep(
        topic,
        f"{chosen.people} people tune at once for {chosen.minutes:g} minutes{of}",
        [line for case in told for line in case.pop("rows")],
        cores=os.cpu_count(),
        load_before=os.getloadavg(),
        cases=told,
    )
    slow = [case["case"] for case in told if case["tuning"]["figures_s"]["p95"] >= LIMIT]
    sys.exit(bool(slow or any(case["wrong"] for case in told)))


def found(case: Case | None, run: str) -> Case:
    """The case. Raises SystemExit where there is none."""
    if case is None or case.unfinished:
        sys.exit(f"run {run!r}: expected a finished run of the store or a bundled one")
    return case


def measured(case: Case, root: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """One case on a fresh server: with pauses, then without."""
    expected = Expected(case)
    with serving(root) as served:
        told, calm = during(served, expected, chosen.people, Plan(seconds=60 * chosen.minutes))
        harsh_told, harsh = during(served, expected, chosen.people, HARSH)
        memory = {"all": served.process.memory_mb(), "without_files": served.process.memory_mb("Pss_Anon")}
    where = f"{expected.n:,} images"
    rows = [line(f"{where}, a gesture every 2 to 5 s", calm), line(f"{where}, without pauses", harsh)]
    return {
        "case": case.run.title,
        "run": case.id,
        "images": expected.n,
        "tuning": told,
        "without_pauses": harsh_told,
        "memory_mb": memory,
        "wrong": len(calm.errors + calm.wrong + harsh.errors + harsh.wrong),
        "rows": rows,
    }


def during(served: Served, expected: Expected, people: int, plan: Plan) -> tuple[dict[str, Any], Tally]:
    """What a crowd met, and what it cost."""
    before, began = served.process.cpu_seconds(), time.perf_counter()
    tally = asyncio.run(crowd(lambda: Visitor(served.address, Screen()), expected, people, plan))
    cost, gestures = served.process.cpu_seconds() - before, len(tally.finished)
    return {
        "gestures": gestures,
        "figures_s": spread(tally.figures),
        "finished_s": spread(tally.finished),
        "opened_s": spread(tally.opened),
        "server_cpu_ms_per_gesture": round(1000 * cost / max(1, gestures)),
        "server_cpu_share": round(cost / (time.perf_counter() - began), 2),
        "received_kb_per_gesture": round(tally.received / 1024 / max(1, gestures)),
        "errors": tally.errors[:20],
        "wrong_figures": tally.wrong[:20],
    }, tally


def line(what: str, tally: Tally) -> dict[str, Any]:
    """One line of the record."""
    times = spread(tally.figures)
    told = f"figures after {times['p50']} s in the median, {times['p95']} s at the 95th percentile"
    return row(f"gestures: {what}", len(tally.finished), len(tally.errors) + len(tally.wrong), told)


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    if not values:
        return {"p50": float("nan"), "p95": float("nan"), "max": float("nan")}
    middle, high = np.percentile(values, [50, 95])
    return {"p50": round(float(middle), 3), "p95": round(float(high), 3), "max": round(max(values), 3)}


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help="ids of finished runs")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--store", type=Path, default=paths.store_root(), help="folder of results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
