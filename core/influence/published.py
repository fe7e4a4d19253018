"""kronfluence as the published notebooks call it: factor batch 25, two calls, one pass per query, fp32.

Deviates in one place: on a CPU the training batch of the scores is 32 instead of the largest that can be had,
because looking for that one ends with the system stopping the process.
"""

import shutil
from pathlib import Path

import numpy as np
from kronfluence.arguments import FactorArguments, ScoreArguments
from torch import nn

from core import device
from core.artifacts import Dataset, Factors
from core.influence.eigenbasis import Damping
from core.influence.reference import CPU_BATCH, NAME
from core.influence.task import Images, analysis
from core.randomness import numpy_stream

FACTOR_BATCH = 25


def fit(network: nn.Module, dataset: Dataset, seed: int, folder: Path) -> None:
    """Write factor files into `folder`; the network is used up."""
    draws = numpy_stream(seed, "fisher labels")
    with analysis(network, dataset, folder / "work", draws) as analyzer:
        analyzer.fit_all_factors(
            factors_name=NAME,
            dataset=Images(dataset.train.images, dataset.train.labels),
            per_device_batch_size=FACTOR_BATCH,
            factor_args=FactorArguments(strategy="ekfac"),
        )
        for file in analyzer.factors_output_dir(factors_name=NAME).iterdir():
            shutil.move(file, folder)
    shutil.rmtree(folder / "work")


def scores(
    network: nn.Module,
    dataset: Dataset,
    factors: Factors,
    queries: Images,
    damping: Damping,
    folder: Path,
) -> np.ndarray:
    """Scores of the queries, float32 [q n]: the first in one call, the others in another, a pass for each."""
    train, found = Images(dataset.train.images, dataset.train.labels), []
    with analysis(network, dataset, folder) as analyzer:
        shutil.copytree(factors.directory, analyzer.factors_output_dir(factors_name=NAME))
        for name, part in (("original", slice(0, 1)), ("copies", slice(1, None))):
            analyzer.compute_pairwise_scores(
                scores_name=name,
                factors_name=NAME,
                query_dataset=Images(queries.images.numpy()[part], queries.labels.numpy()[part]),
                train_dataset=train,
                per_device_query_batch_size=1,
                per_device_train_batch_size=CPU_BATCH if device.current().type == "cpu" else None,
                score_args=ScoreArguments(damping_factor=None if damping == "heuristic" else damping),
            )
            written = analyzer.load_pairwise_scores(name)
            assert written is not None, "kronfluence has just written them"
            found.append(written["all_modules"].float().cpu().numpy())
    return np.concatenate(found)
