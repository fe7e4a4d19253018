"""A cleaned model to take along: its weights without pickle, and a record of how it was made.

The record holds nothing of the attack: it may be read by people who do not know the truth.
"""

import json
from typing import Any

import numpy as np
from safetensors.numpy import save

from core.artifacts import TrainedModel
from core.pipeline import Plan
from core.store import Artifact
from core.unlearned.outcomes import Outcome


def weights(model: Artifact[TrainedModel], *, sealed: bool = False) -> bytes:
    """The weights by parameter name as a .safetensors file; without its key where that could be traced to the attack."""
    trained = model.store.get(model)  # not `model.value`, which would keep them in memory
    arrays = {name: np.ascontiguousarray(array) for name, array in trained.weights.items()}
    return save(arrays, metadata={} if sealed else {"key": model.key})


def provenance(p: Plan, outcome: Outcome, figures: dict[str, float | None], *, sealed: bool = False) -> bytes:
    """What was removed, how, by which program on which machine, and what the pages tell about it, as JSON."""
    record, data = outcome.made.model.meta, p.dataset.value
    told: dict[str, Any] = {
        "model": p.experiment.model.model_dump(mode="json"),
        "classes": list(data.class_names),
        "input": {
            "shape": list(data.train.images.shape[1:]),
            "scaled_to": "0 to 1, then standardised with mean and std by channel",
            "mean": list(data.mean),
            "std": list(data.std),
        },
        "removed": {
            "images": outcome.flagged,
            **({} if sealed else {"digest": outcome.digest}),  # of few rows it gives them away
            "role": outcome.asked.role,
            "rule": outcome.detector.model_dump(mode="json"),
        },
        "unlearner": outcome.unlearner.model_dump(mode="json"),
        "seed": outcome.asked.seed,
        "figures": figures,
        "training_seconds": outcome.seconds,
        **{name: record[name] for name in ("stage", "key", "created", "hardware", "versions")},
        "victim": p.victim.key,
    }
    told = {name: value for name, value in told.items() if not sealed or name not in ("key", "victim")}
    return json.dumps(told, indent=1).encode()
