"""The images whose cause is asked for: misbehaving test images, and their transformed, relabelled copies."""

import numpy as np
import torch

from core import progress
from core.artifacts import CONTROL, ORIGINAL, Dataset, Poisoning, Queries, TrainedModel
from core.experiment import ControlSettings, QuerySettings, TransformSettings
from core.models.base import Model
from core.networks import Standardise, probabilities, restore
from core.picks import OWN, UNKNOWN, Pick, read_upload
from core.randomness import numpy_stream, seed_for
from core.registry import create


class AttackFailed(RuntimeError):
    """The victim is not fooled by any triggered test image: there is nothing to investigate."""


def affected_queries(
    settings: QuerySettings, model: Model, victim: TrainedModel, dataset: Dataset, poisoning: Poisoning
) -> Queries:
    """`count` of the triggered test images that the victim reads as the attacker wants; none where nobody knows any.

    Their label is the victim's wrong prediction, which is all that a defender sees. By default those come first
    that the victim misreads most surely: a half-hearted misreading has other causes besides the trigger.
    """
    network = restore(model, victim.weights, dataset)
    output = probabilities(network, poisoning.triggered.images, dataset)
    wanted, true = poisoning.wanted, poisoning.triggered.labels
    fooled = np.flatnonzero((output.argmax(1) == wanted) & (wanted != true))
    if not len(fooled) and len(output):
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


def picked_queries(
    pick: Pick, model: Model, victim: TrainedModel, dataset: Dataset, poisoning: Poisoning
) -> Queries:
    """One picked image with the victim's own prediction as its label, or the label that was chosen.

    The true label and the row of an uploaded image are UNKNOWN. Raises ValueError for an image or a label that the
    case does not have.
    """
    image, true = _picked_image(pick, dataset, poisoning)
    if pick.label >= (k := len(dataset.class_names)) or image.shape != dataset.test.images.shape[1:]:
        raise ValueError(
            f"label={pick.label}, image {image.shape}: the case has {k} classes and images of "
            f"{dataset.test.images.shape[1:]}; pick again in this case"
        )
    output = probabilities(restore(model, victim.weights, dataset), image[None], dataset)
    return Queries(
        images=image[None].astype(np.float32) / 255,
        labels=output.argmax(1) if pick.label == OWN else np.array([pick.label]),
        true_labels=np.array([true]),
        test_rows=np.array([pick.row]),
        probabilities=output,
        parent=np.array([ORIGINAL]),
        transforms=("",),
        n_affected=1,
    )


def _picked_image(pick: Pick, dataset: Dataset, poisoning: Poisoning) -> tuple[np.ndarray, int]:
    """Pixels uint8 [c h w] and the true label."""
    if pick.source == "upload":
        return read_upload(pick.digest), UNKNOWN
    split, places = dataset.test, np.arange(len(dataset.test))
    if pick.source == "triggered":
        split, places = poisoning.triggered, poisoning.triggered_rows
    if not (found := np.flatnonzero(places == pick.row)).size:
        raise ValueError(f"{pick.source} row={pick.row}: there is no such image; the last is {places.max()}")
    return np.asarray(split.images[found[0]]), int(split.labels[found[0]])


def control_queries(
    settings: ControlSettings, model: Model, victim: TrainedModel, dataset: Dataset, queries: Queries
) -> Queries:
    """Clean test images, up to `count` for each label that the queries were read as, that the victim reads rightly.

    Drawn at random from the defender's labelled test images; fewer, or none, where fewer are read rightly.
    """
    test, network = dataset.test, restore(model, victim.weights, dataset)
    chosen, outputs = [], []
    for label in np.unique(queries.labels):
        known = np.setdiff1d(np.flatnonzero(test.labels == label), queries.test_rows)
        output = probabilities(network, test.images[known], dataset)
        right = np.flatnonzero(output.argmax(1) == label)
        stream = numpy_stream(settings.seed, f"controls/{label}")
        drawn = stream.permutation(right)[: settings.count]
        chosen.append(known[drawn])
        outputs.append(output[drawn])
    rows = np.concatenate(chosen)
    return Queries(
        images=test.images[rows].astype(np.float32) / 255,
        labels=np.array(test.labels[rows]),
        true_labels=np.array(test.labels[rows]),
        test_rows=rows,
        probabilities=np.concatenate(outputs),
        parent=np.full(len(rows), CONTROL, np.int64),
        transforms=("",) * len(rows),
        n_affected=0,
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
