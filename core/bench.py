"""Measures a preset as a user would run it: from an empty store, several seeds, everything timed.

Each seed changes the sampled images, the poisons, the weights and every random draw. The result file is what
README and pages quote; nothing else is.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import device, paths, runs
from core.experiment import Experiment
from core.pipeline import plan
from core.store import Store

FOLDER = paths.SHIPPED / "bench" / "investigation"


def seeded(experiment: Experiment, seed: int) -> Experiment:
    """The same experiment with every seed replaced."""
    tree = experiment.model_dump(mode="json")
    tree["dataset"]["sample_seed"] = seed
    for section in ("attack", "training", "factors", "transforms"):
        tree[section]["seed"] = seed
    return Experiment.checked(tree)


def measure(preset: str, seeds: list[int], folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """One record per seed, written to `folder`/PRESET.json as it comes; seeds measured before are kept."""
    experiment = Experiment.from_toml(preset)
    path = folder / f"{Path(preset).stem}.json"
    folder.mkdir(parents=True, exist_ok=True)
    records = read(path)
    for seed in seeds:
        if seed in (r["seed"] for r in records):
            continue
        records.append(_once(seeded(runs.resolved(experiment), seed), seed))
        path.write_text(json.dumps(sorted(records, key=lambda r: r["seed"]), indent=1) + "\n")
        yield records[-1]


def _once(experiment: Experiment, seed: int) -> dict[str, Any]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        p = plan(experiment, Store(Path(name)))
        runs.complete(p)
        figures = runs.summary(p)
    provenance = figures.pop("provenance")
    kept = ("hardware", "versions", "experiment")
    return {
        "seed": seed,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "threads": device.threads(),
        "wall_seconds": round(time.perf_counter() - started, 1),
        **figures,
        **{key: provenance[key] for key in kept},
    }


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a result file; none where there is no file."""
    return json.loads(path.read_text()) if path.exists() else []


def spread(values: list[float]) -> str:
    """Median and range in words: `0.981 (0.975–0.996)`."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.3g}" if low == high else f"{middle:.3g} ({low:.3g}–{high:.3g})"


def readme_rows(folder: Path = FOLDER) -> list[str]:
    """The table of the README: one line per quantity, one column per preset."""
    measured = {path.stem: read(path) for path in sorted(folder.glob("*.json"))}
    picks = {
        "victim: test accuracy": lambda r: r["victim"]["test_accuracy"],
        "victim: poison success rate": lambda r: r["victim"]["poison_success_rate"],
        "Delta-Influence: true positive rate": lambda r: r["detections"]["delta_influence"][
            "true_positive_rate"
        ],
        "Delta-Influence: precision": lambda r: r["detections"]["delta_influence"]["precision"],
        "Delta-Influence: precision in the target label": lambda r: r["detections"]["delta_influence"][
            "precision_in_target_label"
        ],
        "Delta-Influence: average precision": lambda r: r["detections"]["delta_influence"][
            "average_precision"
        ],
        "relative collapse: true positive rate": lambda r: r["detections"]["relative_collapse"][
            "true_positive_rate"
        ],
        "relative collapse: precision": lambda r: r["detections"]["relative_collapse"]["precision"],
        "relative collapse: precision in the target label": lambda r: r["detections"]["relative_collapse"][
            "precision_in_target_label"
        ],
        "relative collapse: average precision": lambda r: r["detections"]["relative_collapse"][
            "average_precision"
        ],
        "EK-FAC threshold: true positive rate": lambda r: r["detections"]["influence_threshold"][
            "true_positive_rate"
        ],
        "EK-FAC threshold: precision": lambda r: r["detections"]["influence_threshold"]["precision"],
        "EK-FAC threshold: average precision": lambda r: r["detections"]["influence_threshold"][
            "average_precision"
        ],
        "after EU: poison success rate": lambda r: r["unlearning"]["delta_influence/exact"][
            "poison_success_rate"
        ],
        "after EU: test accuracy": lambda r: r["unlearning"]["delta_influence/exact"]["test_accuracy"],
        "after CF: poison success rate": lambda r: _cf(r)["poison_success_rate"],
        "after CF: test accuracy": lambda r: _cf(r)["test_accuracy"],
        "seconds, empty store to the end": lambda r: r["wall_seconds"],
    }
    lines = [f"| | {' | '.join(measured)} |", "|---" * (len(measured) + 1) + "|"]
    lines.append("| seeds | " + " | ".join(str(len(records)) for records in measured.values()) + " |")
    for name, pick in picks.items():
        lines.append(
            f"| {name} | " + " | ".join(spread([pick(r) for r in rs]) for rs in measured.values()) + " |"
        )
    return lines


def _cf(record: dict[str, Any]) -> dict[str, Any]:
    return record["unlearning"]["delta_influence/catastrophic_forgetting"]
