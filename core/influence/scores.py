"""Scores every training image's influence on every query, all queries in one pass over the training set."""

import numpy as np
import psutil
import torch
from torch import nn

from core import device, partial
from core.artifacts import (
    Dataset,
    Factors,
    InfluenceScores,
    LayerScores,
    LogitScores,
    Queries,
    TrainedModel,
)
from core.experiment import ScoreSettings
from core.influence import eigenbasis, reference, team
from core.influence import pairwise as ours
from core.influence.layers import NotHandled, tracked
from core.influence.session import Session
from core.influence.task import Images
from core.models.base import Model
from core.networks import restore

MEMORY_SHARE = 0.3
"""Share of the free memory that query gradients may take; more queries than fit cost further passes."""


class ScoresNotFinite(RuntimeError):
    """Scores hold NaN or infinity; nothing is stored."""


def score_pairs(
    settings: ScoreSettings,
    model: Model,
    victim: TrainedModel,
    poisoned: Dataset,
    factors: Factors,
    queries: Queries,
    changed: Queries,
    controls: Queries,
) -> InfluenceScores:
    """Influence of each training image (column) on the originals, their changed copies and the controls (rows)."""
    network, asked = restore(model, victim.weights, poisoned), (queries, changed, controls)
    images = np.concatenate([part.images for part in asked])
    labels = np.concatenate([part.labels for part in asked])
    rows, back = distinct(images, labels)
    with team.sharing(model):
        values = pairwise(settings, network, poisoned, factors, Images(images[rows], labels[rows]))[back]
    if bad := int((~np.isfinite(values)).any(1).sum()):
        raise ScoresNotFinite(
            f"{bad} of {len(values)} queries have scores that are not finite: "
            'raise scores.damping (for example to "heuristic") or use precision fp32'
        )
    parent = np.concatenate([part.parent for part in asked])
    return InfluenceScores(
        values, labels, parent, queries.transforms + changed.transforms + controls.transforms
    )


def score_logits(
    settings: ScoreSettings,
    query: int,
    model: Model,
    victim: TrainedModel,
    poisoned: Dataset,
    factors: Factors,
    queries: Queries,
    changed: Queries,
) -> LogitScores:
    """Influence on every logit of picked image number `query` and of its copies: all labels at once.

    Raises NotHandled for a network with layers that only kronfluence handles.
    """
    session = Session(model, victim, poisoned, factors, None, 0)
    images, _ = _with_copies(query, queries, changed)
    logits, parts = session.score_logits(images, settings)
    values = np.empty((*logits.shape, len(poisoned.train)), np.float32)
    for rows, found in parts:
        values[:, :, rows] = found
    return LogitScores(values, logits, int(queries.labels[query]))


def score_layers(
    settings: ScoreSettings,
    which: tuple[int, int],
    model: Model,
    victim: TrainedModel,
    poisoned: Dataset,
    factors: Factors,
    queries: Queries,
    changed: Queries,
) -> LayerScores:
    """What each layer adds for picked image and training image number `which`, and the latter's self-influence.

    Raises NotHandled for a network with layers that only kronfluence handles.
    """
    session, (query, row) = Session(model, victim, poisoned, factors, None, 0), which
    images, labels = _with_copies(query, queries, changed)
    values = session.by_layer(images, labels, np.array([row]), settings)[:, :, 0]
    names = tuple(name for name, _ in session.layers)
    return LayerScores(values, names, float(session.self_influence(np.array([row]), settings)[0]))


def _with_copies(query: int, queries: Queries, changed: Queries) -> tuple[np.ndarray, np.ndarray]:
    mine = changed.parent == query
    images = np.concatenate([queries.images[[query]], changed.images[mine]])
    return images, np.concatenate([queries.labels[[query]], changed.labels[mine]])


def distinct(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the first of each equal query, and for every query its place among them.

    New labels alone give as many different queries as there are other classes, however many copies are drawn.
    """
    first: dict[tuple[bytes, int], int] = {}
    keys = [(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)]
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    places = {key: place for place, key in enumerate(first)}
    return np.array(list(first.values())), np.array([places[key] for key in keys])


def pairwise(
    settings: ScoreSettings, network: nn.Module, poisoned: Dataset, factors: Factors, queries: Images
) -> np.ndarray:
    """Scores of labelled query images against the training set, float32 [q n]; `network` is used up.

    kronfluence does it for networks with layers that our engine does not handle.
    """
    try:
        layers = tracked(network)
    except NotHandled:
        return reference.scores(settings, network, poisoned, factors, queries)
    values = np.empty((len(queries), len(poisoned.train)), np.float32)
    with torch.no_grad(), device.fast_products():
        strategy = factors.strategy if settings.strategy == "fitted" else settings.strategy
        bases = eigenbasis.load(factors, layers, strategy)
        weights = eigenbasis.weights(bases, layers, settings)
        parameters = sum(layer.parameters for layer in layers)
        for some in pieces(len(queries), parameters):
            images, labels = queries.images.numpy()[some], queries.labels.numpy()[some]
            gradients = ours.query_gradients(network, poisoned, images, labels, bases)
            for place, (basis, weight) in enumerate(zip(bases, weights, strict=True)):  # one layer at a time
                gradients[place] = basis.back(gradients[place].mul_(weight))
            score_all(ours.ScorePass(network, poisoned, gradients), values[some], first=some.start)
    return values


def score_all(work: ours.ScorePass, values: np.ndarray, *, first: int = 0) -> None:
    """Write the scores of all training images into `values` [q n], from where a killed run stopped.

    `first` is the number of the first query: a run that goes on with less memory may cut the queries anew.
    """
    n, done = values.shape[1], 0
    kept = partial.work("scores", queries=len(values), first=first)
    if state := kept.latest():
        done = state.plain["done"]
        values[:, :done] = state.arrays["scores"]
    for rows, scores in ours.shared(work, np.arange(done, n)) if done < n else ():
        values[:, rows[0] : rows[-1] + 1] = scores.cpu().numpy()
        done = int(rows[-1]) + 1

        def now(done: int = done) -> partial.State:
            words = f"scores, image {done:,} of {n:,}"
            return partial.State({"scores": values[:, :done]}, {"done": done}, words)

        kept.offer(now, last=done == n)


def pieces(n: int, parameters: int) -> list[slice]:
    """As `queries_at_a_time`; a run that goes on takes those that it began with, though other memory is free now."""
    found, work = queries_at_a_time(n, parameters), partial.work("pieces", queries=n)
    if len(found) == 1:
        return found
    sizes = np.array([some.stop - some.start for some in found])
    if (state := work.latest()) is None:
        work.keep(lambda: partial.State({"sizes": sizes}, words="the first queries"))
    elif state.arrays["sizes"][0] <= sizes[0]:
        ends = state.arrays["sizes"].cumsum().tolist()
        found = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    return found


def queries_at_a_time(n: int, parameters: int) -> list[slice]:
    """All queries at once where their gradients (two copies, fp32) fit into memory, else pieces that do."""
    on_gpu = device.current().type == "cuda"
    free = torch.cuda.mem_get_info()[0] if on_gpu else psutil.virtual_memory().available
    size = max(1, min(n, int(free * MEMORY_SHARE / (8 * parameters))))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
