"""Runs: experiments that somebody started. A run is complete when every result that its plan names exists.

Shipped runs live in assets/results, a user's own in the store. Works with NumPy alone as long as everything
needed has been computed.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core import device, paths, processes, progress, run_notes, truth
from core.experiment import Experiment
from core.picks import Pick
from core.pipeline import Plan, plan
from core.recipe import Brought
from core.store import Artifact, Store, walk


@dataclass(frozen=True)
class Run:
    """A started experiment: its settings as they were when it began, and where its results are."""

    id: str
    experiment: Experiment
    created: str
    shipped: bool

    @property
    def title(self) -> str:
        """The experiment's title."""
        return self.experiment.title


def open_store(root: Path | None = None, *, computes: bool = True) -> Store:
    """The user's store in front of the results that ship with the project."""
    return Store(root or paths.store_root(), shipped=(paths.SHIPPED,), computes=computes)


def identifier(experiment: Experiment) -> str:
    """Twelve hexadecimal digits that name an experiment, whatever its title."""
    return run_notes.name_of(experiment.model_dump(mode="json"))


def resolved(experiment: Experiment) -> Experiment:
    """The experiment with its data pinned to the files as they are now, so that changed files give new results."""
    x = experiment
    training = x.training.resolved() if isinstance(x.training, Brought) else x.training
    queries = x.queries.resolved(x.dataset.side) if isinstance(x.queries, Pick) else x.queries
    pinned = {"dataset": x.dataset.resolved(), "training": training, "queries": queries}
    return x.model_copy(update=pinned)


def record(experiment: Experiment, store: Store) -> Run:
    """Note that this experiment was started; starting it again keeps the first note."""
    run_id = identifier(experiment)
    if found := find(run_id, store):
        return found
    created = run_notes.write(store.root / "runs" / f"{run_id}.json", experiment)
    return Run(run_id, experiment, created, shipped=False)


def find(run_id: str, store: Store) -> Run | None:
    """The run of this name, or None."""
    return next((run for run in all_runs(store) if run.id == run_id), None)


def remove(run: Run, store: Store) -> None:
    """Take a run off the list; its results stay in the store until the store is deleted, so `restore` is free."""
    path = store.root / "runs" / f"{run.id}.json"
    with suppress(FileNotFoundError):  # somebody else removed it just now
        path.rename(path.with_suffix(".removed"))


def restore(run_id: str, store: Store) -> None:
    """Put a removed run back on the list."""
    path = store.root / "runs" / f"{run_id}.removed"
    with suppress(FileNotFoundError):  # somebody else restored it just now
        path.rename(path.with_suffix(".json"))


def all_runs(store: Store) -> list[Run]:
    """Every readable run: shipped ones first, then the user's, newest first."""
    runs = []
    for root in (*store.shipped, store.root):
        found = [_read(path, shipped=root != store.root) for path in (root / "runs").glob("*.json")]
        runs += sorted((r for r in found if r), key=lambda r: r.created, reverse=True)
    return runs


def unreadable_runs(store: Store) -> list[Path]:
    """Run files that are damaged or were written by another version."""
    files = [p for root in (*store.shipped, store.root) for p in (root / "runs").glob("*.json")]
    return [p for p in files if _read(p, shipped=False) is None]


def _read(path: Path, shipped: bool) -> Run | None:
    try:
        created, experiment = run_notes.read(path)
    except (OSError, ValueError):
        return None
    return Run(path.stem, experiment, created, shipped)


def missing(p: Plan) -> list[Artifact[Any]]:
    """Kept results that a finished investigation still lacks, in the order they have to be made."""
    return lacking(p.goals)


def lacking(goals: Iterable[Artifact[Any]]) -> list[Artifact[Any]]:
    """Kept results that are still to be made for these, in order."""
    needed: list[Artifact[Any]] = []

    def visit(artifact: Artifact[Any]) -> None:
        if (artifact.done and artifact.stage.keep) or artifact in needed:
            return
        for item in artifact.inputs:
            visit(item)
        if artifact.stage.keep:
            needed.append(artifact)

    for goal in goals:
        visit(goal)
    return needed


def complete(p: Plan) -> list[Artifact[Any]]:
    """Make every result of the plan exist; returns those that had to be computed."""
    return make(p.goals)


def make(goals: Iterable[Artifact[Any]]) -> list[Artifact[Any]]:
    """Make these results exist, and what they are made from; returns those that had to be computed."""
    goals = tuple(goals)
    if not (computed := lacking(goals)):
        return []
    with computed[0].store.in_use():  # what is there now will still be there when it is needed
        computed = lacking(goals)
        for number, artifact in enumerate(computed):
            progress.update("stages", number, len(computed))
            _ = artifact.value
    progress.update("stages", len(computed), len(computed))
    return computed


def mend(p: Plan) -> None:
    """Check the files of every stored result of a plan; what is damaged is set aside and computed again."""
    for artifact in kept(p):
        if artifact.store.find(artifact):
            artifact.store.get(artifact)


def run_job(spec: dict[str, Any]) -> None:
    """Work of a background job: {"experiment": ..., "options": {"device": ..., "store": ..., "mend": ...}}."""
    from core import beforehand  # which needs this module

    options = spec.get("options", {})
    store = open_store(Path(options["store"]) if options.get("store") else None)
    with device.use(options.get("device", "auto")), processes.use(options.get("processes")):
        experiment = resolved(Experiment.checked(spec["experiment"]))
        p = plan(experiment, store)
        beforehand.begin(p, anyway=options.get("anyway", False))
        if options.get("mend"):
            mend(p)
        complete(p)


def grades(p: Plan) -> dict[str, dict[str, Any]]:
    """Every detector against the truth; where nobody knows it, how many each flags."""
    known = truth.of(p)
    return {
        name: known.grade(found.value) if known else {"flagged": int(found.value.flagged.sum())}
        for name, found in p.detections.items()
    }


def summary(p: Plan) -> dict[str, Any]:
    """The figures of a finished investigation, with seconds per stage and provenance."""
    report = p.before.value
    return {
        "victim": {
            "test_accuracy": report.test_accuracy,
            "poison_success_rate": report.poison_success_rate,
            "train_loss": p.victim.value.train_loss,
            **({} if truth.known(p) else {"train_accuracy": p.victim.value.train_accuracy}),
        },
        "detections": grades(p),
        "unlearning": {
            name: {
                "test_accuracy": after.value.test_accuracy,
                "poison_success_rate": after.value.poison_success_rate,
                "seconds": p.cleaned[name].value.seconds,
            }
            for name, after in p.after.items()
        },
        **({} if truth.known(p) else {"picked_image": opinions(p)}),
        "seconds": seconds(p),
        "provenance": provenance(p),
    }


def opinions(p: Plan) -> dict[str, dict[str, Any]]:
    """What each model makes of the picked image: all that tells of a cure where nobody knows the poisons."""
    names, asked = p.dataset.value.class_names, int(p.queries.value.labels[0])
    made = {name: r.value for name, r in {"victim": p.before, **p.after}.items() if r.done}
    return {name: report.opinion(names, asked) for name, report in made.items()}


def kept(p: Plan) -> list[Artifact[Any]]:
    """Every stored kind of result of a plan, in the order of the method, each once."""
    found: dict[str, Artifact[Any]] = {}
    for goal in p.goals:
        walk(goal, lambda artifact: found.setdefault(artifact.key, artifact) and None)
    return [artifact for artifact in found.values() if artifact.stage.keep]


def seconds(p: Plan) -> dict[str, float]:
    """Seconds that each stage took when it was computed; repeated stages are added up."""
    total: dict[str, float] = {}
    for artifact in kept(p):
        if artifact.store.find(artifact):
            name = artifact.stage.name
            total[name] = round(total.get(name, 0.0) + artifact.meta["seconds"], 3)
    return total


def provenance(p: Plan) -> dict[str, Any]:
    """What made these results: keys, versions, hardware, dates."""
    metas = [artifact.meta for artifact in kept(p) if artifact.store.find(artifact)]
    return {
        "run": identifier(p.experiment),
        "experiment": p.experiment.model_dump(mode="json"),
        "keys": {f"{m['stage']}/{m['key']}": m["created"] for m in metas},
        "hardware": sorted({m["hardware"] for m in metas}),
        "versions": metas[-1]["versions"] if metas else {},
    }


State = Literal["complete", "partial", "planned"]


def state(p: Plan) -> State:
    """How much of a plan exists."""
    lacking = missing(p)
    if not lacking:
        return "complete"
    return "partial" if any(a.store.find(a) for a in kept(p)) else "planned"
