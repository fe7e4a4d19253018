"""Unlearning as a job: what was asked for is noted beside the results, so that whoever opens the case finds it.

Submitted again after a failure it goes on where it stopped, since finished results are kept.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core import beforehand, device, durable, runs
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.unlearned.outcomes import Asked, id_of, seeds, steps


def name_of(p: Plan) -> str:
    """What an investigation's notes and jobs are filed under; variants that share its scores share it."""
    return p.scores.stored_as


def folder(p: Plan) -> Path:
    """Where the notes of an investigation lie."""
    return p.dataset.store.root / "unlearned" / name_of(p)


def note(p: Plan, asked: Asked) -> None:
    """Write down that this was asked for; asking again changes nothing."""
    file = folder(p) / f"{asked.id}-{asked.seed}.json"
    if file.exists():
        return
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    durable.write(file, json.dumps({"created": created, "seed": asked.seed, **asked.settings}, indent=1))


def noted(p: Plan) -> list[Asked]:
    """Everything that was asked for about an investigation, oldest first; notes that make no sense are left out."""
    return [asked for _, asked in sorted(_notes(p), key=lambda n: n[0])]


def _notes(p: Plan) -> Iterable[tuple[tuple[str, str], Asked]]:
    for file in folder(p).glob("*.json"):
        try:
            told = json.loads(file.read_text())
            settings = {name: told[name] for name in ("role", "of", "rule", "unlearner")}
            if file.stem == f"{id_of(settings)}-{told['seed']}":  # else it was altered since it was written
                yield (str(told["created"]), file.name), Asked.read(told, told["seed"])
        except (OSError, ValueError, KeyError, TypeError):
            continue


def spec(p: Plan, asked: Asked, count: int, **options: Any) -> dict[str, Any]:
    """The work of a job that makes this unlearning with so many seeds; `asked.seed` does not matter."""
    return {
        "experiment": p.experiment.model_dump(mode="json"),
        "scores": name_of(p),
        "asked": asked.settings,
        "seeds": seeds(p.experiment, count),
        "options": options,
    }


def run_job(told: dict[str, Any]) -> None:
    """Work of a background job, as `spec` writes it."""
    options = told.get("options", {})
    store = runs.open_store(Path(options["store"]) if options.get("store") else None)
    with device.use(options.get("device", "auto")):
        p = plan(runs.resolved(Experiment.checked(told["experiment"])), store)
        beforehand.tell(p)
        asked = [Asked.read(told["asked"], seed) for seed in told["seeds"]]
        for item in asked:
            note(p, item)
        runs.make([goal for item in asked for goal in steps(p, item).goals])
