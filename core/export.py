"""Files out: the flagged set and the scores, for people and for other tools.

Images go by the numbers of the plan, which a blind case numbers anew. Where the truth is hidden, nothing that is
written names the attack: no experiment, no command, no keys.
"""

import csv
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np

from core import collapse, confidence, runs, sets, truth
from core.artifacts import Detection
from core.detection import verdict
from core.detectors.base import Detector
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.pipeline import Plan

FORMULA = re.compile(r"(^|[;,|])(?=[\s\"\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212])")
"""Where a cell begins like a formula, in full width too, for a spreadsheet that parts cells here or there."""


Rule = DeltaInfluence | Contrast | RelativeCollapse
"""The rules that people move by hand."""


@dataclass(frozen=True)
class Looking:
    """Who looks, and at what: what an export knows beyond the results."""

    case: str = ""
    hidden: bool = False
    """Whether a truth exists that must not show."""
    view: dict[str, str] = field(default_factory=dict)
    """The address that restores what was seen."""
    verdicts: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """Verdict, reviewer and note by number, where people looked at images."""


PLAIN = Looking()


def flag_rows(p: Plan, rule: Detector, found: Detection, looking: Looking = PLAIN) -> list[dict[str, Any]]:
    """One record per flagged training image, most suspect first, with what the rule decided by."""
    data, numbers = p.poisoned.value, most_suspect_first(found)
    influence = np.asarray(p.scores.value.original(getattr(rule, "query", 0)))
    columns = {name: values[numbers].tolist() for name, values in _decided_by(p, rule, found).items()}
    return [
        {
            "index": int(number),
            "label": int(data.train.labels[number]),
            "class_name": safe_cell(data.class_names[data.train.labels[number]]),
            **{name: values[place] for name, values in columns.items()},
            "influence": float(influence[number]),
            **_said(looking, int(number)),
        }
        for place, number in enumerate(numbers)
    ]


def most_suspect_first(found: Detection) -> np.ndarray:
    """Numbers of the flagged images; of equally suspect ones the lower number comes first."""
    flagged = np.flatnonzero(found.flagged)
    return flagged[np.argsort(-found.suspicion[flagged], kind="stable")]


def _said(looking: Looking, number: int) -> dict[str, str]:
    """What people said about an image; no column at all where nobody said anything."""
    if not looking.verdicts:
        return {}
    said = looking.verdicts.get(number, ("", "", ""))
    return dict(zip(("verdict", "reviewer", "note"), map(safe_cell, said), strict=True))


def _decided_by(p: Plan, rule: Detector, found: Detection) -> dict[str, np.ndarray]:
    """For every training image, what the rule looks at, and how sure its verdict is."""
    sure = sureness(p, rule)
    if isinstance(rule, Contrast):
        return {"contrast_above_cut_off": found.suspicion, "confidence": np.asarray(sure)}
    if not isinstance(rule, DeltaInfluence | RelativeCollapse):
        return {"suspicion": found.suspicion}
    changes = rule.changes(p.scores.value)
    return {
        "votes": collapse.votes(changes, rule.level),
        "transforms": np.full(len(found.flagged), len(changes)),
        "deciding_change": -found.suspicion,
        "confidence": np.asarray(sure),
    }


def sureness(p: Plan, rule: Detector) -> np.ndarray | None:
    """For every training image, the share of resamples that flag it; None for a rule that cannot say."""
    if isinstance(rule, Contrast):
        return rule.confidence(p.scores.value, p.poisoned.value)
    if not isinstance(rule, DeltaInfluence | RelativeCollapse):
        return None
    return confidence.of_count_rule(rule.changes(p.scores.value), rule.level, rule.tolerance)


def safe_cell(text: str) -> str:
    """Text on one line that a spreadsheet will not take for a formula, wherever it parts the cells."""
    return FORMULA.sub(r"\1'", re.sub(r"[\t\r\n\v\f]", " ", text))


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
    """Scores with everything needed to judge them elsewhere, poison indices included where they are known."""
    scores, buffer = p.scores.value, BytesIO()
    arrays: dict[str, Any] = {
        "values": scores.values,
        "query_ids": np.arange(len(scores.values)),
        "query_labels": scores.labels,
        "query_parent": scores.parent,
        "transform": np.array(scores.transforms),
        "train_labels": p.poisoned.value.train.labels,
    }
    if truth.known(p):
        arrays["poison_indices"] = p.poisoning.value.indices
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def bundle(p: Plan, rule: Detector, looking: Looking = PLAIN) -> dict[str, Callable[[], bytes]]:
    """Every file of an export by name; each is made when called, and nothing before."""
    found = cache(lambda: verdict(p, rule))
    rows = cache(lambda: flag_rows(p, rule, found(), looking))
    files: dict[str, Callable[[], bytes]] = {
        "flags.csv": lambda: flags_csv(rows()),
        "flags.json": lambda: flags_json(p, rule, rows(), looking),
        "flagged_indices.npy": lambda: npy(np.flatnonzero(found().flagged)),
        "keep_mask.npy": lambda: npy(~found().flagged),
    }
    if not looking.hidden:
        files["experiment.toml"] = lambda: p.experiment.to_toml().encode()
    return files


def flags_json(p: Plan, rule: Detector, rows: list[dict[str, Any]], looking: Looking = PLAIN) -> bytes:
    """The records with the rule, the view, and, unless hidden, the command and the provenance."""
    about: dict[str, Any] = {
        "case": looking.case,
        "view": looking.view,
        "rule": rule.model_dump(mode="json"),
        "train_size": len(p.dataset.value.train),
        "set": sets.digest_of(row["index"] for row in rows),
        "flags": rows,
    }
    if not looking.hidden:
        told = {"command": command(p, rule), "provenance": runs.provenance(p)}
        about = {"run": runs.identifier(p.experiment)} | about | told
    return json.dumps(about, indent=1).encode()


def command(p: Plan, rule: Detector) -> str:
    """The command line that finds the same set again, beside the exported experiment.toml."""
    if isinstance(rule, DeltaInfluence) and not rule.without:
        change = f" --query {rule.query}" if rule.query else ""
        limits = f"--threshold {rule.threshold!r} --tolerance {rule.tolerance}"
        return f"python -m core detect experiment.toml {limits}{change}"
    told = {k: v for k, v in rule.model_dump(mode="json", exclude_defaults=True).items() if k != "name"}
    chosen = "".join(f" --with {shlex.quote(f'{name}={json.dumps(value)}')}" for name, value in told.items())
    return f"python -m core detect experiment.toml --detector {rule.name}{chosen}"


def export(p: Plan, rule: Detector, folder: Path) -> list[Path]:
    """Write every file into `folder`, which is made when it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    files = bundle(p, rule) | {"scores.npz": lambda: scores_npz(p)}
    for name, content in files.items():
        (folder / name).write_bytes(content())
    return [folder / name for name in files]
