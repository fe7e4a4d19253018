"""How many times faster is our influence engine than kronfluence, phase by phase, and was the forecast right?

    python tests/benchmarks/influence.py [--size 3000] [--repeats 3] [--store DIR] [--out FILE.json]

Runs `python -m core bench influence` (jobs that are done are kept) and prints one JSON object: how many times as long
as ours every other engine takes, and the forecast's seconds over the measured ones. Exit status 1 when the engines
disagree, or the forecast is off by more than a factor of two.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import cost, device, paths, room
from core.experiment import Experiment
from core.influence import probe
from core.pipeline import plan
from core.store import Store


def main() -> None:
    """Measure and print."""
    chosen = arguments()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "core", "bench", "influence", "--out", folder]
        command += [
            "--size",
            str(chosen.size),
            "--repeats",
            str(chosen.repeats),
            "--store",
            str(chosen.store),
        ]
        status = subprocess.run(command, check=False).returncode
        record = json.loads(next(Path(folder).glob("influence-*.json")).read_text())
    told = {"ratios": ratios(record), "forecast": forecast(record, chosen.store), "broken": record["broken"]}
    text = json.dumps(told, indent=1)
    print(text)
    if chosen.out:
        chosen.out.write_text(text + "\n")
    sys.exit(status or int(any(not 0.5 <= share <= 2 for share in told["forecast"].values())))


def ratios(record: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Median seconds of every other engine over ours, by phase."""
    return {
        phase: {e: round(told[e]["median"] / told["ours"]["median"], 2) for e in told if e != "ours"}
        for phase, told in record["seconds"].items()
        if "ours" in told and len(told) > 1
    }


def forecast(record: dict[str, Any], store: Path) -> dict[str, float]:
    """Forecast seconds over measured ones: fitting, and one test image with its copies."""
    x = Experiment.checked(record["experiment"])
    dataset = plan(x, Store(store)).poisoned.value
    with device.use("auto"):
        asked = replace(cost.asked(x, dataset), picks=1, controls=0)
        rates = probe.measured(x.model, dataset, asked.layers, device.native(x.factors.precision))
        seconds = cost.influence_seconds(asked, rates, room.room(store))
    measured = {name: record["seconds"][name]["ours"]["median"] for name in ("factors", "first image")}
    pairs = zip(("fit_factors", "score_pairs"), measured.items(), strict=True)
    return {name: round(seconds[stage] / took, 2) for stage, (name, took) in pairs}


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description="Influence: ours beside kronfluence, as ratios.")
    parser.add_argument("--size", type=int, default=3000, help="training images of CIFAR-10")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--store", type=Path, default=paths.store_root(), help="folder of results")
    parser.add_argument("--out", type=Path, help="write the ratios here too")
    chosen = parser.parse_args()
    chosen.store = chosen.store.absolute()
    return chosen


if __name__ == "__main__":
    main()
