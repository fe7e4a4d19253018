"""The images whose cause is asked for: misbehaving test images, and their transformed, relabelled copies."""

import numpy as np
import torch

from core import progress
from core.artifacts import ORIGINAL, Dataset, Poisoning, Queries, TrainedModel
from core.experiment import QuerySettings, TransformSettings
from core.models.base import Model
from core.networks import Standardise, probabilities, restore
from core.randomness import numpy_stream, seed_for
from core.registry import create


class AttackFailed(RuntimeError):
    """The victim is not fooled by any triggered test image: there is nothing to investigate."""


def affected_queries(
    settings: QuerySettings, model: Model, victim: TrainedModel, dataset: Dataset, poisoning: Poisoning
) -> Queries:
    """`count` of the triggered test images that the victim reads as the attacker wants.

    Their label is the victim's wrong prediction, which is all that a defender sees. By default those come first
    that the victim misreads most surely: a half-hearted misreading has other causes besides the trigger.
    """
    network = restore(model, victim.weights, dataset)
    output = probabilities(network, poisoning.triggered.images, dataset)
    wanted, true = poisoning.wanted, poisoning.triggered.labels
    fooled = np.flatnonzero((output.argmax(1) == wanted) & (wanted != true))
    if not len(fooled):
        raise AttackFailed(
            f"poison success 0 of {len(output)}: the victim is not fooled by any triggered test image; "
            "raise attack.n_poisons or training.epochs"
        )
    if settings.order == "confident":
        fooled = fooled[np.argsort(-output[fooled, wanted[fooled]], kind="stable")]
    rows = fooled[: settings.count]
    return Queries(
        images=poisoning.triggered.images[rows].astype(np.float32) / 255,
        labels=np.array(wanted[rows]),
        true_labels=true[rows],
        test_rows=poisoning.triggered_rows[rows],
        probabilities=output[rows],
        parent=np.full(len(rows), ORIGINAL, np.int64),
        transforms=("",) * len(rows),
        n_affected=len(fooled),
    )


def transform_queries(
    settings: TransformSettings, model: Model, victim: TrainedModel, dataset: Dataset, queries: Queries
) -> Queries:
    """`n_transforms` copies of each query: one random transformation and one new label each.

    Labels are drawn first and do not depend on the transformations (arXiv 2411.13731, section 3.2).
    """
    n, t = len(queries), settings.n_transforms
    images = np.repeat(np.array(queries.images), t, axis=0)
    names: list[str] = [""] * (n * t)
    if settings.mode != "label":
        for row in progress.track(range(n * t), "transform"):
            query, copy = divmod(row, t)
            images[row], names[row] = transformed(queries.images[query], settings, dataset, f"{query}/{copy}")
    labels = np.repeat(np.array(queries.labels), t)
    if settings.mode != "image":
        for query, label in enumerate(queries.labels):
            stream = numpy_stream(settings.seed, f"labels/{query}")
            others = np.delete(np.arange(len(dataset.class_names)), label)
            labels[query * t : (query + 1) * t] = balanced(others, t, stream)
    network = restore(model, victim.weights, dataset)
    return Queries(
        images=images,
        labels=labels,
        true_labels=np.repeat(np.array(queries.true_labels), t),
        test_rows=np.repeat(np.array(queries.test_rows), t),
        probabilities=probabilities(network, images, dataset),
        parent=np.repeat(np.arange(n), t),
        transforms=tuple(names),
        n_affected=queries.n_affected,
    )


def transformed(
    image: np.ndarray, settings: TransformSettings, dataset: Dataset, purpose: str
) -> tuple[np.ndarray, str]:
    """One transformed copy of a float32 image [c h w] in [0, 1], and the name of the transformation.

    In `reference` space the image is standardised, transformed and brought back, so that the clamping of
    torchvision's colour operations acts on standardised values as in the published code.
    """
    name = str(numpy_stream(settings.seed, f"kind/{purpose}").choice(settings.names))
    method, standardise = create("transforms", name), Standardise(dataset)
    pixels = torch.from_numpy(np.array(image))[None]
    with torch.random.fork_rng(devices=[]):  # torchvision draws its parameters from the global generator
        torch.manual_seed(seed_for(settings.seed, f"parameters/{purpose}"))
        if settings.space == "pixel":
            result = method.apply(pixels)
        else:
            place = standardise.mean.device
            result = standardise.undo(method.apply(standardise(pixels.to(place)).cpu()).to(place)).cpu()
    return result[0].numpy(), name


def balanced(choices: np.ndarray, n: int, stream: np.random.Generator) -> np.ndarray:
    """`n` draws that use every choice equally often: distinct while they last, then shuffled rounds."""
    rounds = [stream.permutation(choices) for _ in range(-(-n // len(choices)))]
    return np.concatenate(rounds)[:n]
