"""Makes a finished investigation part of the project."""

import shutil
from pathlib import Path

from core import paths, runs
from core.pipeline import Plan

NOT_SHIPPED = ("fit_factors", "extract_features", "train_frequency_classifier")
"""Stages whose results are large and that no page shows."""


def ship(p: Plan, folder: Path = paths.SHIPPED) -> list[Path]:
    """Copy a finished investigation into the results that come with the project; evidence no page shows stays."""
    if lacking := runs.missing(p):
        raise ValueError(
            f"{len(lacking)} results are still to be computed, first {lacking[0].stage.name}; run it first"
        )
    copied = []
    for artifact in runs.kept(p):
        source = artifact.store.find(artifact)
        target = folder / artifact.stage.name / artifact.key
        if source is not None and artifact.stage.name not in NOT_SHIPPED and not target.exists():
            copied.append(shutil.copytree(source, target))
    note = folder / "runs" / f"{runs.identifier(p.experiment)}.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(p.dataset.store.root / "runs" / note.name, note)
    return [*copied, note]
