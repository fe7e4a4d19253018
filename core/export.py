"""Files out: the flagged set and the scores, for people and for other tools."""

import csv
import json
from collections.abc import Callable
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np

from core import collapse, confidence, runs
from core.artifacts import Detection
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.pipeline import Plan

FORMULA = ("=", "+", "-", "@", "\t", "\r")


Rule = DeltaInfluence | Contrast
"""The rules that people move by hand."""


def flag_rows(p: Plan, rule: Rule, found: Detection) -> list[dict[str, Any]]:
    """One record per flagged training image, most suspect first, with what the rule decided by."""
    data, influence = p.poisoned.value, p.scores.value.original(rule.query)
    flagged = np.flatnonzero(found.flagged)
    order = flagged[np.argsort(-found.suspicion[flagged], kind="stable")]
    columns = {name: values[order].tolist() for name, values in _decided_by(p, rule, found).items()}
    return [
        {
            "index": int(i),
            "label": int(data.train.labels[i]),
            "class_name": safe_cell(data.class_names[data.train.labels[i]]),
            **{name: values[place] for name, values in columns.items()},
            "influence": float(influence[i]),
        }
        for place, i in enumerate(order)
    ]


def _decided_by(p: Plan, rule: Rule, found: Detection) -> dict[str, np.ndarray]:
    """For every training image, what the rule looks at, and how sure its verdict is."""
    scores = p.scores.value
    if isinstance(rule, Contrast):
        return {
            "contrast_above_cut_off": found.suspicion,
            "confidence": rule.confidence(scores, p.poisoned.value),
        }
    delta = scores.delta(rule.query)
    return {
        "votes": collapse.votes(delta, rule.threshold),
        "transforms": np.full(len(found.flagged), len(delta)),
        "deciding_change": -found.suspicion,
        "confidence": confidence.of_count_rule(delta, rule.threshold, rule.tolerance),
    }


def safe_cell(text: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def flags_csv(rows: list[dict[str, Any]]) -> bytes:
    """The records as CSV; only the header when nothing is flagged."""
    text = StringIO()
    columns = list(rows[0]) if rows else ["index", "label", "class_name", "influence"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def npy(array: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def scores_npz(p: Plan) -> bytes:
    """Scores with everything needed to judge them elsewhere, poison indices included."""
    scores, buffer = p.scores.value, BytesIO()
    np.savez_compressed(
        buffer,
        values=scores.values,
        query_ids=np.arange(len(scores.values)),
        query_labels=scores.labels,
        query_parent=scores.parent,
        transform=np.array(scores.transforms),
        train_labels=p.poisoned.value.train.labels,
        poison_indices=p.poisoning.value.indices,
    )
    return buffer.getvalue()


def bundle(p: Plan, rule: Rule) -> dict[str, Callable[[], bytes]]:
    """Every file of an export by name; each is made when called, and nothing before."""
    found = cache(lambda: verdict(p, rule))
    rows = cache(lambda: flag_rows(p, rule, found()))
    return {
        "flags.csv": lambda: flags_csv(rows()),
        "flags.json": lambda: flags_json(p, rule, rows()),
        "flagged_indices.npy": lambda: npy(np.flatnonzero(found().flagged)),
        "keep_mask.npy": lambda: npy(~found().flagged),
        "experiment.toml": lambda: p.experiment.to_toml().encode(),
    }


def flags_json(p: Plan, rule: Rule, rows: list[dict[str, Any]]) -> bytes:
    """The records with the rule, the command that finds them again, and the provenance."""
    about = {
        "run": runs.identifier(p.experiment),
        "rule": rule.model_dump(mode="json"),
        "command": command(p, rule),
        "train_size": len(p.dataset.value.train),
        "flags": rows,
        "provenance": runs.provenance(p),
    }
    return json.dumps(about, indent=1).encode()


def command(p: Plan, rule: Rule) -> str:
    """The command line that finds the same set again, beside the exported experiment.toml."""
    if isinstance(rule, Contrast):
        told = {k: v for k, v in rule.model_dump(exclude_defaults=True).items() if k != "name"}
        chosen = "".join(f" --with {name}={value!r}" for name, value in told.items())
        return f"python -m core detect experiment.toml --detector contrast{chosen}"
    change = f" --query {rule.query}" if rule.query else ""
    return f"python -m core detect experiment.toml --threshold {rule.threshold!r} --tolerance {rule.tolerance}{change}"


def export(p: Plan, rule: Rule, folder: Path) -> list[Path]:
    """Write every file into `folder`, which is made when it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    files = bundle(p, rule) | {"scores.npz": lambda: scores_npz(p)}
    for name, content in files.items():
        (folder / name).write_bytes(content())
    return [folder / name for name in files]
