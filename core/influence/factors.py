"""Fits the curvature factors of a victim once; every later question about it uses them."""

import shutil
import tempfile
from pathlib import Path

import torch
from kronfluence.arguments import FactorArguments

from core.artifacts import Dataset, Factors, TrainedModel
from core.experiment import FactorSettings
from core.influence.task import Images, analysis
from core.models.base import Model
from core.networks import restore
from core.randomness import seed_for

NAME = "victim"
CPU_BATCH, GPU_BATCH = 32, 256  # measured: small batches win on the CPU


def fit_factors(settings: FactorSettings, model: Model, victim: TrainedModel, poisoned: Dataset) -> Factors:
    """EK-FAC (or K-FAC, or identity) factors on the un-augmented training set (George et al. 2018).

    Files are in kronfluence's format; their folder is the artifact.
    """
    network = restore(model, victim.weights, poisoned)
    images = Images(poisoned.train.images, poisoned.train.labels)
    seed = seed_for(settings.seed, "fisher labels")
    with (
        tempfile.TemporaryDirectory(prefix="factors-") as work,
        analysis(network, poisoned, Path(work), seed) as analyzer,
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
        fitted = Path(tempfile.mkdtemp(prefix="fitted-"))  # the store takes it over
        for file in analyzer.factors_output_dir(factors_name=NAME).iterdir():
            shutil.move(file, fitted)
    return Factors(settings.strategy, fitted)


def batch_size(network: torch.nn.Module) -> int:
    """Images per step for factors and scores; results do not depend on it."""
    return CPU_BATCH if next(network.parameters()).device.type == "cpu" else GPU_BATCH
