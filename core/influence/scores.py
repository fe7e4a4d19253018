"""Scores every training image's influence on every query, all queries in one pass over the training set."""

import tempfile
from pathlib import Path

import numpy as np
import psutil
import torch
from kronfluence.arguments import ScoreArguments

from core import device
from core.artifacts import Dataset, Factors, InfluenceScores, Queries, TrainedModel
from core.experiment import ScoreSettings
from core.influence.factors import NAME, batch_size
from core.influence.task import Images, analysis
from core.models.base import Model
from core.networks import restore

MEMORY_SHARE = 0.4
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
) -> InfluenceScores:
    """Influence of each training image (column) on the originals, then on their changed copies (rows)."""
    network = restore(model, victim.weights, poisoned)
    images = np.concatenate([queries.images, changed.images])
    labels = np.concatenate([queries.labels, changed.labels])
    rows, back = distinct(images, labels)
    values = pairwise(settings, network, poisoned, factors, Images(images[rows], labels[rows]))[back]
    if bad := int((~np.isfinite(values)).any(1).sum()):
        raise ScoresNotFinite(
            f"{bad} of {len(values)} queries have scores that are not finite: "
            'raise scores.damping (for example to "heuristic") or use precision fp32'
        )
    parent = np.concatenate([queries.parent, changed.parent])
    return InfluenceScores(values, labels, parent, queries.transforms + changed.transforms)


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
    settings: ScoreSettings,
    network: torch.nn.Module,
    poisoned: Dataset,
    factors: Factors,
    queries: Images,
    train_batch: int | None = None,
) -> np.ndarray:
    """Scores of labelled query images against the training set, float32 [q n]; `network` is used up."""
    parameters = sum(p.numel() for p in network.parameters())
    train_batch = train_batch or batch_size(network)
    with tempfile.TemporaryDirectory(prefix="scores-") as name:
        folder = Path(name)
        with analysis(network, poisoned, folder) as analyzer:
            place = analyzer.factors_output_dir(factors_name=NAME)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(factors.directory.absolute(), target_is_directory=True)
            analyzer.compute_pairwise_scores(
                scores_name="scores",
                factors_name=NAME,
                query_dataset=queries,
                train_dataset=Images(poisoned.train.images, poisoned.train.labels),
                per_device_query_batch_size=query_batch(len(queries), parameters),
                per_device_train_batch_size=train_batch,
                score_args=ScoreArguments(
                    damping_factor=None if settings.damping == "heuristic" else settings.damping,
                    amp_dtype=torch.bfloat16 if settings.precision == "bf16" else None,
                ),
            )
            scores = analyzer.load_pairwise_scores("scores")
    assert scores is not None, "kronfluence has just written them"
    return scores["all_modules"].float().cpu().numpy()


def query_batch(n_queries: int, parameters: int) -> int:
    """Queries per pass: all of them where their gradients (two copies, fp32) fit into memory."""
    on_gpu = device.current().type == "cuda"
    free = torch.cuda.mem_get_info()[0] if on_gpu else psutil.virtual_memory().available
    return max(1, min(n_queries, int(free * MEMORY_SHARE / (8 * parameters))))
