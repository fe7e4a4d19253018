"""Puts brought weights into their architecture, and says how far they fit the images that they are said to be from."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import beforehand, runs, weights
from core.artifacts import Dataset, TrainedModel
from core.metrics import doubt_of
from core.models.base import Model
from core.networks import probabilities, restore
from core.pipeline import Plan
from core.safeload import clean_name, plain
from core.training import mean_loss
from core.weights import WeightsRefused

log = logging.getLogger(__name__)
MOST_NAMED = 5
INSIDE = ("state_dict", "model_state_dict", "model", "net", "weights")
"""Where checkpoints of training scripts hold the weights."""


def brought_victim(digest: str, model: Model, poisoned: Dataset) -> TrainedModel:
    """The victim with the weights of this name, and what it makes of its own training images.

    Raises WeightsRefused where they do not fit the architecture.
    """
    values = fitted(weights.read(digest), model, len(poisoned.class_names))
    network = restore(model, values, poisoned)
    said = probabilities(network, poisoned.train.images, poisoned).argmax(1)
    none = np.zeros(0, np.float32)
    made = TrainedModel(
        weights=values,
        loss=none,
        accuracy=none,
        train_loss=mean_loss(network, poisoned, poisoned.train),
        seconds=0.0,
        train_accuracy=float((said == poisoned.train.labels).mean()),
    )
    if doubt := doubt_of(made, poisoned):
        log.warning(doubt)
    return made


def expected(model: Model, n_classes: int) -> dict[str, tuple[int, ...]]:
    """Shape by name of everything that a network of this architecture holds; nothing is allocated."""
    with torch.device("meta"):
        network = model.build(n_classes)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def classes_of(model: Model, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many classes weights of this architecture tell apart, by their last layer; 2 where it is not there."""
    plain, _ = weights.plain_names(shapes)
    last = [name for name, shape in expected(model, 2).items() if shape[:1] == (2,)]
    return next((plain[name][0] for name in reversed(last) if plain.get(name)), 2)


def mismatches(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> list[str]:
    """In words what is missing, too much or of another shape; empty where the weights fit."""
    missing = [n for n in wanted if n not in found and not _counter(n)]
    extra = [clean_name(n) for n in found if n not in wanted]
    shaped = [n for n in wanted if n in found and found[n] != wanted[n] and not _counter(n)]
    other = [f"{n} {found[n]} instead of {wanted[n]}" for n in shaped]
    kinds = (("missing", missing), ("not of this architecture", extra), ("of another shape", other))
    return [_some(f"{len(names)} {kind}", names) for kind, names in kinds if names]


def _some(what: str, names: list[str]) -> str:
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{what}: {', '.join(names[:MOST_NAMED])}{rest}"


def _counter(name: str) -> bool:
    """Batch normalisation counts its batches for nobody; some exporters leave the count out or make it a list."""
    return name.endswith("num_batches_tracked")


def fitted(given: Mapping[str, np.ndarray], model: Model, n_classes: int) -> dict[str, np.ndarray]:
    """The weights under the architecture's own names. Raises WeightsRefused where they do not fit."""
    plain, removed = weights.plain_names(given)
    if removed:
        log.info("'%s' was taken off the name of every tensor", removed)
    wanted = expected(model, n_classes)
    if wrong := mismatches({name: w.shape for name, w in plain.items()}, wanted):
        raise WeightsRefused(
            f"weights: {'; '.join(wrong)}",
            f"expected those of {described(model)} for {n_classes} classes",
            "choose the architecture, its settings and the images that they were trained with",
        )
    return {name: np.zeros((), np.int64) if _counter(name) else plain[name] for name in wanted}


def described(model: Model) -> str:
    """An architecture with its settings: ResNet-9 (width 16, stride 1)."""
    told = ", ".join(f"{name} {value}" for name, value in model.model_dump(exclude={"name"}).items())
    return f"{type(model).title} ({told.replace(f'name {model.name}, ', '')})"


def state_of(file: Path, *, trusted: bool) -> dict[str, np.ndarray]:
    """Tensors of a PyTorch file as NumPy arrays. Raises WeightsRefused; runs its code only where it is `trusted`.

    Takes a state dict, a checkpoint that holds one, or a whole network.
    """
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises whatever the content makes it stumble over
        if not trusted:
            raise WeightsRefused(
                f"{file.name}: {plain(str(error).splitlines()[0])[:200]}",
                "expected a file of plain tensors",
                "where you trust whoever made it, say --i-trust-this-file: opening it may run code of theirs",
            ) from error
        found = torch.load(file, map_location="cpu", weights_only=False)
    return _arrays(file, _tensors(found))


def _tensors(found: Any) -> Mapping[str, Any]:
    if isinstance(found, torch.nn.Module):
        return found.state_dict()
    inner = (found[name] for name in INSIDE if isinstance(found, Mapping) and name in found)
    deeper = next((value for value in inner if isinstance(value, Mapping | torch.nn.Module)), None)
    return found if deeper is None else _tensors(deeper)


def _arrays(file: Path, found: Any) -> dict[str, np.ndarray]:
    tensors = found if isinstance(found, Mapping) else {}
    if not tensors or not all(isinstance(t, torch.Tensor) for t in tensors.values()):
        raise WeightsRefused(
            f"{file.name} holds {type(found).__name__} {[str(k)[:40] for k in list(tensors)[:MOST_NAMED]]}",
            "expected a state dict: tensors by name",
            "save model.state_dict() with torch.save",
        )
    plain = {str(n): t.detach().float() if t.is_floating_point() else t.long() for n, t in tensors.items()}
    return {name: tensor.contiguous().numpy() for name, tensor in plain.items()}


MEASURED = ("train_accuracy", "train_loss", "test_accuracy", "mean", "std")
"""What a check measures of the whole case."""


def check(p: Plan) -> dict[str, Any]:
    """What can be said before an investigation: classes, how well weights and images fit, and the picked image.

    Makes the first steps of the plan, which are kept. Raises WeightsRefused where the weights do not fit.
    """
    changed = beforehand.remarks(p)
    runs.make([p.dataset, p.victim, p.queries, p.before])
    data, victim, query = p.dataset.value, p.victim.value, p.queries.value
    doubt = doubt_of(victim, data)
    said, true = int(query.probabilities[0].argmax()), int(query.true_labels[0])
    right = ["The picked image is read as it is labelled: nothing misbehaves there."] if said == true else []
    return {
        "classes": classes(data),
        "train_accuracy": victim.train_accuracy,
        "train_loss": victim.train_loss,
        "test_accuracy": p.before.value.test_accuracy,
        "mean": list(data.mean),
        "std": list(data.std),
        "picked_image": {
            "read_as": data.class_names[said],
            "sure": float(query.probabilities[0, said]),
            "labelled": data.class_names[true] if true >= 0 else None,
        },
        "doubt": doubt,
        "remarks": [*changed, *([doubt] if doubt else []), *right, *data.notes],
    }


def classes(data: Dataset) -> list[dict[str, Any]]:
    """The classes in their order, with how many images each has."""
    counts = [np.bincount(s.labels, minlength=len(data.class_names)) for s in (data.train, data.test)]
    return [
        {"number": k, "class": name, "training_images": int(counts[0][k]), "test_images": int(counts[1][k])}
        for k, name in enumerate(data.class_names)
    ]
