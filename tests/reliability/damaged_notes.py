"""Damage to what a store holds besides results: notes of runs and of unlearning, sets, images, weights, the casebook."""

import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save

from core import casebook, paths, picks, runs, sets, weights
from core.casebook import CasebookUnavailable
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.store import Store
from core.unlearned import outcome_jobs
from core.unlearned.outcomes import Asked

Bytes = Callable[[bytes, random.Random], bytes | None]
ACTED_ON = (ValueError, FileNotFoundError, CasebookUnavailable)
"""Errors that every page puts into words."""


@dataclass(frozen=True)
class Note:
    """One file below a store, how the program reads it, and whether it then names the file as unreadable."""

    kind: str
    file: Path
    read: Callable[[], Any]
    named: Callable[[], bool] = lambda: False


def written(x: Experiment) -> list[Note]:
    """One of each kind, in the store of INFLUENCE_STORE."""
    root = paths.store_root()
    store = Store(root)
    run, p = runs.record(x, store), plan(x, store)
    note = root / "runs" / f"{run.id}.json"
    listed = Note(
        "note of a run",
        note,
        lambda: runs.all_runs(Store(root)),
        lambda: note in runs.unreadable_runs(Store(root)),
    )
    return [listed, *_brought(), _of_unlearning(p), _verdicts(root)]


def _brought() -> list[Note]:
    draw, picture = np.random.default_rng(0), io.BytesIO()
    Image.fromarray(draw.integers(0, 255, (8, 8, 3)).astype(np.uint8)).save(picture, "PNG")
    image = picks.keep_upload(picture.getvalue(), 8).digest
    own = weights.keep_weights(save({"layer.weight": draw.normal(size=(4, 3)).astype(np.float32)}))
    chosen = sets.keep([1, 5, 9])
    return [
        Note("set of images", sets.folder() / f"{chosen}.json", lambda: sets.read(chosen).tolist()),
        Note("uploaded image", picks.uploads() / f"{image}.png", lambda: picks.read_upload(image).tobytes()),
        Note("weights", weights.file_of(own), lambda: weights.read(own)["layer.weight"].tobytes()),
    ]


def _of_unlearning(p: Plan) -> Note:
    asked = Asked(p.experiment.detectors[0], p.experiment.unlearners[0], seed=0)
    outcome_jobs.note(p, asked)
    file = next(outcome_jobs.folder(p).glob("*.json"))
    return Note("note of unlearning", file, lambda: outcome_jobs.noted(p), lambda: True)


def _verdicts(root: Path) -> Note:
    with casebook.writing(root) as book:
        book.executemany(
            "INSERT INTO verdicts (case_id, image, reviewer, verdict, reason, at) VALUES (?, ?, 'r', 'keep', 'why', 0)",
            [("a case", image) for image in range(200)],
        )

    def read() -> list[tuple[Any, ...]]:
        with casebook.reading(root) as opened:
            return [tuple(row) for row in opened.execute("SELECT * FROM verdicts")]

    return Note("casebook", casebook.file_of(root), read)


def outcome(note: Note, how: Bytes, draw: random.Random) -> str:
    """What is wrong with how damage to a note is taken; empty where it is noticed and named, or changes nothing."""
    sound, before = note.file.read_bytes(), _plain(note.read())
    try:
        damaged = how(sound, draw)
        note.file.unlink() if damaged is None else note.file.write_bytes(damaged)
        return _taken(note, before, damaged is None)
    finally:
        for path in note.file.parent.glob(f"{note.file.name}-*"):  # what SQLite writes beside it
            path.unlink()
        note.file.write_bytes(sound)


def _taken(note: Note, before: str, removed: bool) -> str:
    try:
        now = _plain(note.read())
    except ACTED_ON as error:
        return "" if str(note.file) in str(error) else f"{note.kind}: does not name {note.file}: {error}"
    except Exception as error:
        return f"{note.kind}: {type(error).__name__}: {error}"
    if now == before or (now == "[]" and (removed or note.named())):
        return ""
    return f"{note.kind}: used although it was altered"


def _plain(value: Any) -> str:
    return json.dumps(value, default=repr)
