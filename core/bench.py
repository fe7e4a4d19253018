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
    """The same experiment with every seed replaced; an attack may have none."""
    tree = experiment.model_dump(mode="json")
    tree["dataset"]["sample_seed"] = seed
    for section in ("attack", "training", "factors", "transforms", "controls", "frequency"):
        if "seed" in tree[section]:
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
    return _short(middle) if low == high else f"{_short(middle)} ({_short(low)}–{_short(high)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


CONTRAST, DELTA, RELATIVE, EKFAC = (
    "detections.contrast",
    "detections.delta_influence",
    "detections.relative_collapse",
    "detections.influence_threshold",
)
AFTER = "unlearning.contrast/exact"
EU, CF = "unlearning.delta_influence/exact", "unlearning.delta_influence/catastrophic_forgetting"
FIGURES = (
    ("victim: test accuracy", "victim.test_accuracy"),
    ("victim: poison success rate", "victim.poison_success_rate"),
    ("contrast with controls: true positive rate", f"{CONTRAST}.true_positive_rate"),
    ("contrast with controls: precision", f"{CONTRAST}.precision"),
    ("… in the target label", f"{CONTRAST}.precision_in_target_label"),
    ("contrast with controls: average precision", f"{CONTRAST}.average_precision"),
    ("… in the target label", f"{CONTRAST}.average_precision_in_target_label"),
    ("Delta-Influence: true positive rate", f"{DELTA}.true_positive_rate"),
    ("Delta-Influence: precision", f"{DELTA}.precision"),
    ("… in the target label", f"{DELTA}.precision_in_target_label"),
    ("Delta-Influence: average precision", f"{DELTA}.average_precision"),
    ("… in the target label", f"{DELTA}.average_precision_in_target_label"),
    ("relative collapse: true positive rate", f"{RELATIVE}.true_positive_rate"),
    ("relative collapse: precision", f"{RELATIVE}.precision"),
    ("… in the target label", f"{RELATIVE}.precision_in_target_label"),
    ("relative collapse: average precision", f"{RELATIVE}.average_precision"),
    ("… in the target label", f"{RELATIVE}.average_precision_in_target_label"),
    ("EK-FAC threshold 10: true positive rate", f"{EKFAC}.true_positive_rate"),
    ("EK-FAC threshold 10: precision", f"{EKFAC}.precision"),
    ("… in the target label", f"{EKFAC}.precision_in_target_label"),
    ("EK-FAC threshold 10: average precision", f"{EKFAC}.average_precision"),
    ("… in the target label", f"{EKFAC}.average_precision_in_target_label"),
    ("after contrast and EU: poison success rate", f"{AFTER}.poison_success_rate"),
    ("after contrast and EU: test accuracy", f"{AFTER}.test_accuracy"),
    ("after EU: poison success rate", f"{EU}.poison_success_rate"),
    ("after EU: test accuracy", f"{EU}.test_accuracy"),
    ("after CF: poison success rate", f"{CF}.poison_success_rate"),
    ("after CF: test accuracy", f"{CF}.test_accuracy"),
    ("seconds, empty store to the end", "wall_seconds"),
)
"""Rows of the README's table, and where each figure is in a record; EU and CF alone follow Delta-Influence."""


def readme_rows(folder: Path = FOLDER) -> list[str]:
    """The table of the README: one line per quantity, one column per preset; a dash where no seed has it."""
    measured = {path.stem: read(path) for path in sorted(folder.glob("*.json"))}
    lines = [f"| | {' | '.join(measured)} |", "|---" * (len(measured) + 1) + "|"]
    lines.append("| seeds | " + " | ".join(str(len(records)) for records in measured.values()) + " |")
    for name, place in FIGURES:
        found = [[x for r in records if (x := pick(r, place)) is not None] for records in measured.values()]
        if any(found):
            cells = (spread(values) if values else "–" for values in found)
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def pick(record: dict[str, Any], place: str) -> float | None:
    """The figure at a dotted place of a record; None where it has none, as before a detector was added."""
    value: Any = record
    for part in place.split("."):
        if (value := value.get(part)) is None:
            return None
    return value
