"""Files out: the flagged set and the scores, for people and for other tools."""

import csv
import json
from collections.abc import Callable
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np

from core import collapse, runs
from core.artifacts import Dataset, Detection, InfluenceScores
from core.detectors.delta_influence import DeltaInfluence
from core.pipeline import Plan

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def flag_rows(
    found: Detection, scores: InfluenceScores, rule: DeltaInfluence, data: Dataset
) -> list[dict[str, Any]]:
    """One record per flagged training image, most suspect first."""
    delta = scores.delta(rule.query)
    votes = collapse.votes(delta, rule.threshold)
    flagged = np.flatnonzero(found.flagged)
    order = flagged[np.argsort(-found.suspicion[flagged], kind="stable")]
    return [
        {
            "index": int(i),
            "label": int(data.train.labels[i]),
            "class_name": safe_cell(data.class_names[data.train.labels[i]]),
            "votes": int(votes[i]),
            "transforms": len(delta),
            "deciding_change": float(-found.suspicion[i]),
            "influence": float(scores.original(rule.query)[i]),
        }
        for i in order
    ]


def safe_cell(text: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def flags_csv(rows: list[dict[str, Any]]) -> bytes:
    """The records as CSV; only the header when nothing is flagged."""
    text = StringIO()
    columns = ["index", "label", "class_name", "votes", "transforms", "deciding_change", "influence"]
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


def bundle(p: Plan, rule: DeltaInfluence) -> dict[str, Callable[[], bytes]]:
    """Every file of an export by name; each is made when called, and nothing before."""
    found = cache(lambda: rule.detect(p.scores.value))
    rows = cache(lambda: flag_rows(found(), p.scores.value, rule, p.poisoned.value))
    return {
        "flags.csv": lambda: flags_csv(rows()),
        "flags.json": lambda: flags_json(p, rule, rows()),
        "flagged_indices.npy": lambda: npy(np.flatnonzero(found().flagged)),
        "keep_mask.npy": lambda: npy(~found().flagged),
        "experiment.toml": lambda: p.experiment.to_toml().encode(),
    }


def flags_json(p: Plan, rule: DeltaInfluence, rows: list[dict[str, Any]]) -> bytes:
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


def command(p: Plan, rule: DeltaInfluence) -> str:
    """The command line that finds the same set again, beside the exported experiment.toml."""
    change = f" --query {rule.query}" if rule.query else ""
    return f"python -m core detect experiment.toml --threshold {rule.threshold!r} --tolerance {rule.tolerance}{change}"


def export(p: Plan, rule: DeltaInfluence, folder: Path) -> list[Path]:
    """Write every file into `folder`, which is made when it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    files = bundle(p, rule) | {"scores.npz": lambda: scores_npz(p)}
    for name, content in files.items():
        (folder / name).write_bytes(content())
    return [folder / name for name in files]
