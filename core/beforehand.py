"""What somebody should know before a case is computed further: changed images, another device, too little room."""

import json
import logging
import re
from typing import Any

from core import device, runs
from core.datasets import source_state
from core.experiment import Experiment
from core.pipeline import Plan
from core.runs import Run
from core.store import Artifact

log = logging.getLogger(__name__)
ON_CPU = re.compile(r", \d+ cores$")
"""How `device.describe` ends on a CPU."""
PINNED = {"dataset": ("source",), "training": ("digest", "file"), "queries": ("digest", "file")}
"""Fields that name what the files held when an experiment was started."""


class DoesNotFit(RuntimeError):
    """What is asked needs more memory or disk than there is; the message says which setting makes it fit."""


WAYS_OUT: dict[str, tuple[str, dict[str, Any]]] = {
    "NoCuda": ("Run it on the CPU", {"device": "cpu"}),
    "AcceleratorFailed": ("Run it on the CPU", {"device": "cpu"}),
    "DoesNotFit": ("Run it anyway", {"anyway": True}),
}


def way_out(error: str) -> tuple[str, dict[str, Any]] | None:
    """What a job that ended with this error could be tried with: in words, and options to change; None mostly."""
    return WAYS_OUT.get(error.partition(":")[0])


def begin(p: Plan, *, anyway: bool = False) -> list[Artifact[Any]]:
    """Results made beforehand, once the log says what somebody should know and the case is noted as started.

    Raises DoesNotFit, but not where it shall be tried `anyway`.
    """
    tell(p)
    runs.record(p.experiment, p.dataset.store)
    return check_room(p, anyway=anyway)


def tell(p: Plan) -> None:
    """Say in the log what somebody should know."""
    for told in remarks(p):
        log.warning(told)


def remarks(p: Plan) -> list[str]:
    """In words: whether the images of the case changed, whether it has an older twin, whether it leaves the GPU."""
    return [told for told in (changed_images(p), _older_twin(p), _leaves_gpu(p)) if told]


def changed_images(p: Plan) -> str:
    """That the files behind the images of a case are no longer those that it was made from; empty where they are."""
    if (state := source_state(p.experiment.dataset)).kind != "changed":
        return ""
    return (
        f"The images of this case have changed since: {state.told}. Its results are of the old images; restore them, or "
        "start a new investigation"
    )


def unpinned(x: Experiment) -> str:
    """An experiment without its title and without the names of what its files held: equal for twins."""
    tree: dict[str, Any] = x.model_dump(mode="json", exclude={"title", "description"})
    for part, names in PINNED.items():
        tree[part] = {name: value for name, value in tree[part].items() if name not in names}
    return json.dumps(tree, sort_keys=True)


def _older_twin(p: Plan) -> str:
    """That the same experiment was run before with other images or weights; told once, when this one begins."""
    store, x = p.dataset.store, p.experiment
    if runs.find(runs.identifier(x), store):
        return ""
    plain = unpinned(x)
    twin = next((run for run in runs.all_runs(store) if unpinned(run.experiment) == plain), None)
    return "" if twin is None else _other_than(twin, x)


def _other_than(twin: Run, x: Experiment) -> str:
    parts = {"dataset": "images", "training": "weights", "queries": "picked image"}
    other = [words for part, words in parts.items() if getattr(twin.experiment, part) != getattr(x, part)]
    return (
        f"The {' and '.join(other)} changed since the same experiment was run as case {twin.id} ({twin.created[:10]}): this "
        "is a new investigation, and the old results stay with the old case"
    )


def _leaves_gpu(p: Plan) -> str:
    """That a case begun on a GPU goes on on the CPU because there is no GPU; empty elsewhere."""
    if not (todo := runs.missing(p)) or device.current().type != "cpu" or device.chosen() == "cpu":
        return ""
    before = [a.meta["hardware"] for a in runs.kept(p) if a not in todo and a.store.find(a)]
    gpu = next((name for name in before if not ON_CPU.search(name)), "")
    if not gpu:
        return ""
    return (
        f"This case was begun on {gpu}. {device.why_no_cuda()} It goes on on the CPU, with the same results but for "
        "rounding, and can take a hundred times as long; --device cuda insists on a GPU"
    )


def check_room(p: Plan, *, anyway: bool = False) -> list[Artifact[Any]]:
    """Results that had to be made to look: the images, where they have not been read yet.

    Raises DoesNotFit where a step needs more memory or disk than there is; `anyway` says it in the log instead.
    """
    from core import cost  # imports torch

    if not (lacking := runs.missing(p)):
        return []
    made = runs.lacking([p.dataset])
    _ = p.dataset.value
    if not (refused := cost.refusals(p, {a.stage.name for a in lacking})):
        return made
    if not anyway:
        raise DoesNotFit(
            f"{'; '.join(refused)}. To try it all the same: --anyway, or “Run it anyway” beside the job"
        )
    log.warning("%s; trying it all the same", "; ".join(refused))
    return made
