"""Influence by kronfluence itself: the reference of the parity tests, and the way for layers that ours does not handle."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import psutil
import torch
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.utils.save import save_json
from torch import nn

from core import device, partial
from core.artifacts import Dataset, Factors
from core.experiment import FactorSettings, ScoreSettings
from core.influence.task import Images, analysis
from core.randomness import numpy_stream

NAME = "victim"
CPU_BATCH, GPU_BATCH = 32, 256  # measured: small batches win on the CPU
MEMORY_SHARE = 0.4
"""Share of the free memory that query gradients may take; more queries than fit cost further passes."""


def fit(settings: FactorSettings, network: nn.Module, dataset: Dataset, folder: Path) -> None:
    """Write kronfluence's factor files of a network into `folder`; the network is used up."""
    images = Images(dataset.train.images, dataset.train.labels)
    draws = numpy_stream(settings.seed, "fisher labels")
    with (
        tempfile.TemporaryDirectory(prefix="factors-", dir=partial.scratch()) as work,
        analysis(network, dataset, Path(work), draws) as analyzer,
    ):
        analyzer.fit_all_factors(
            factors_name=NAME,
            dataset=images,
            per_device_batch_size=batch_size(network),
            factor_args=FactorArguments(
                strategy=settings.strategy,
                amp_dtype=torch.bfloat16 if settings.precision == "bf16" else None,
                covariance_max_examples=settings.max_examples,
                lambda_max_examples=settings.max_examples,
            ),
        )
        for file in analyzer.factors_output_dir(factors_name=NAME).iterdir():
            shutil.move(file, folder)


def scores(
    settings: ScoreSettings, network: nn.Module, dataset: Dataset, factors: Factors, queries: Images
) -> np.ndarray:
    """Scores of labelled query images against the training set, float32 [q n]; the network is used up."""
    if settings.layers or settings.strategy not in ("fitted", factors.strategy):
        raise ValueError(
            f"scores.strategy={settings.strategy}, layers={list(settings.layers)}: this network has layers that only "
            "kronfluence handles, which measures as the factors were fitted; leave both as they are by default"
        )
    parameters = sum(p.numel() for p in network.parameters())
    train_batch = batch_size(network)
    with tempfile.TemporaryDirectory(prefix="scores-", dir=partial.scratch()) as name:
        folder = Path(name)
        with analysis(network, dataset, folder) as analyzer:
            place = analyzer.factors_output_dir(factors_name=NAME)
            shutil.copytree(factors.directory, place)
            lend_arguments(factors, place)
            analyzer.compute_pairwise_scores(
                scores_name="scores",
                factors_name=NAME,
                query_dataset=queries,
                train_dataset=Images(dataset.train.images, dataset.train.labels),
                per_device_query_batch_size=query_batch(len(queries), parameters),
                per_device_train_batch_size=train_batch,
                score_args=ScoreArguments(
                    damping_factor=None if settings.damping == "heuristic" else settings.damping,
                    amp_dtype=torch.bfloat16 if settings.precision == "bf16" else None,
                ),
            )
            found = analyzer.load_pairwise_scores("scores")
    assert found is not None, "kronfluence has just written them"
    return found["all_modules"].float().cpu().numpy()


def lend_arguments(factors: Factors, place: Path) -> None:
    """Put kronfluence's record of how factors were fitted beside files of ours, which it insists on."""
    file = place / "factor_arguments.json"
    if not file.exists():
        save_json(FactorArguments(strategy=factors.strategy).to_dict(), file)


def batch_size(network: nn.Module) -> int:
    """Images per step; results do not depend on it."""
    return CPU_BATCH if next(network.parameters()).device.type == "cpu" else GPU_BATCH


def query_batch(n_queries: int, parameters: int) -> int:
    """Queries per pass: all of them where their gradients (two copies, fp32) fit into memory."""
    on_gpu = device.current().type == "cuda"
    free = torch.cuda.mem_get_info()[0] if on_gpu else psutil.virtual_memory().available
    return max(1, min(n_queries, int(free * MEMORY_SHARE / (8 * parameters))))
