"""Fits the curvature factors of a victim once; every later question about it uses them."""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from core import device, partial
from core.artifacts import Dataset, Factors, TrainedModel
from core.experiment import FactorSettings
from core.influence import curvature, eigenbasis, reference, team
from core.influence.eigenbasis import Eigenbasis
from core.influence.layers import NotHandled, tracked
from core.models.base import Model
from core.networks import restore
from core.randomness import numpy_stream


def fit_factors(settings: FactorSettings, model: Model, victim: TrainedModel, poisoned: Dataset) -> Factors:
    """EK-FAC (or K-FAC, or identity) factors on the un-augmented training set (George et al. 2018).

    Files are in kronfluence's format; their folder is the artifact. Networks with layers that our engine does not
    handle are fitted by kronfluence.
    """
    network = restore(model, victim.weights, poisoned)
    fitted = Path(tempfile.mkdtemp(prefix="fitted-", dir=partial.scratch()))  # the store takes it over
    try:
        tracked(network)
    except NotHandled:
        reference.fit(settings, network, poisoned, fitted)
    else:
        with team.sharing(model):
            fit(settings, network, poisoned, fitted)
    return Factors(settings.strategy, fitted)


def fit(settings: FactorSettings, network: nn.Module, dataset: Dataset, folder: Path) -> None:
    """Fit with our engine and write what the strategy needs into `folder`."""
    record = {"strategy": settings.strategy, "precision": settings.precision}
    (folder / "fit.json").write_text(json.dumps(record))
    if settings.strategy == "identity":
        return
    rows, draws = sample(settings, len(dataset.train))
    layers, precision = tracked(network), device.native(settings.precision)
    names = [layer.name for layer in layers]
    with device.fast_products():
        first = curvature.Sample(dataset, rows, draws[0])
        sides = curvature.eigenbases(curvature.fit_covariance(network, first, precision))
        values, vectors = ([pair[part] for side in sides for pair in side] for part in (0, 1))
        eigenbasis.save(folder, names, activation_eigenvalues=values[::2], gradient_eigenvalues=values[1::2])
        bases = [
            Eigenbasis(a, g, torch.outer(g[0], a[0]))
            for a, g in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        inputs = [layer.to_file(basis.inputs.cpu(), 0) for layer, basis in zip(layers, bases, strict=True)]
        eigenbasis.save(folder, names, activation_eigenvectors=inputs, gradient_eigenvectors=vectors[1::2])
        if settings.strategy == "ekfac":
            second = curvature.Sample(dataset, rows, draws[1])
            sums = curvature.fit_eigenvalues(network, second, bases, precision)
            counts = [torch.tensor([len(rows)]) for _ in names]
            eigenbasis.save(folder, names, lambda_matrix=sums, num_lambda_processed=counts)


def sample(settings: FactorSettings, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on, and random numbers [2 rows] that draw their labels in the first and the second pass.

    Fewer than all are drawn at random, so that a training set sorted by class is not cut in the middle.
    """
    rows = np.arange(n)
    if settings.max_examples < n:
        rows = np.sort(numpy_stream(settings.seed, "factor examples").permutation(n)[: settings.max_examples])
    return rows, numpy_stream(settings.seed, "fisher labels").random((2, len(rows)))
