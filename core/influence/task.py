"""Tells kronfluence what a training loss and what a measurement is, and lends it data and progress.

The measurement is the negative margin −(l_y − logsumexp of the other logits), so a positive score means that
the training image supports the query's label (arXiv 2411.13731, public notebooks).
"""

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.factor import covariance, eigen
from kronfluence.score import dot_product, pairwise
from kronfluence.task import Task
from kronfluence.utils.dataset import DataLoaderKwargs
from torch import Tensor, nn
from torch.nn import functional as F

from core import progress
from core.artifacts import Dataset
from core.networks import Standardise

Batch = tuple[Tensor, Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed cross-entropy as log(1 + exp(negative margin)): equal, but exact where an image is fitted perfectly.

    The gradient of the usual form is softmax − 1 at the label's logit, which float32 rounds to multiples of 6e-8 and
    to zero below that, while poisons are fitted to 1e-9 and better: their scores came out as noise.
    """
    return F.softplus(negative_margin(logits, labels)).sum()


def negative_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """−(l_y − logsumexp_{k≠y} l_k) of each row, float32 [n]; small when the model is sure of the label."""
    chosen = F.one_hot(labels, logits.shape[1]).bool()
    others = logits.masked_fill(chosen, -torch.inf).logsumexp(1)
    return others - logits[chosen]


def drawn_labels(logits: Tensor, draws: Tensor) -> Tensor:
    """One label for each row of logits, int64 [n], by inversion of the softmax; `draws` [n] are in [0, 1)."""
    below = logits.detach().double().softmax(1).cumsum(1) <= draws.double().unsqueeze(1)
    return below.sum(1).clamp(max=logits.shape[1] - 1)


class MarginTask(Task):
    """Cross-entropy for training images, negative margin for queries. Parameter names are kronfluence's API."""

    def __init__(self, dataset: Dataset, draws: np.random.Generator | None = None) -> None:
        self.standardise = Standardise(dataset)
        self.draws = draws or np.random.default_rng(0)

    def compute_train_loss(self, batch: Batch, model: nn.Module, sample: bool = False) -> Tensor:
        """Summed cross-entropy; with `sample`, against labels drawn from the model (true Fisher)."""
        images, labels = batch
        logits = model(self.standardise(images)).float()
        if sample:
            draws = torch.from_numpy(self.draws.random(len(logits)))
            labels = drawn_labels(logits, draws.to(logits.device))
        return cross_entropy(logits, labels)

    def compute_measurement(self, batch: Batch, model: nn.Module) -> Tensor:
        """Summed negative margin."""
        images, labels = batch
        return negative_margin(model(self.standardise(images)).float(), labels).sum()


class Images(torch.utils.data.Dataset[Batch]):
    """Images and labels served a batch at a time, unstandardised."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = torch.from_numpy(np.array(images)), torch.from_numpy(np.array(labels))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> Batch:
        return self.images[row], self.labels[row]

    def __getitems__(self, rows: Sequence[int]) -> Batch:
        return self.images[rows], self.labels[rows]


def whole_batch(batch: Batch) -> Batch:
    """Collate function for `Images`, which already gives batches."""
    return batch


@contextmanager
def analysis(
    network: nn.Module, dataset: Dataset, folder: Path, draws: np.random.Generator | None = None
) -> Iterator[Analyzer]:
    """A kronfluence Analyzer working in `folder/analysis`, reporting to our progress.

    kronfluence wraps and freezes the network in place, so it must be one of the caller's own.
    """
    task = MarginTask(dataset, draws)
    on_cpu = next(network.parameters()).device.type == "cpu"
    with kronfluence_progress(), kronfluence_manners():
        analyzer = Analyzer(
            analysis_name="analysis",
            model=prepare_model(network, task),
            task=task,
            cpu=on_cpu,
            output_dir=str(folder),
        )
        analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=whole_batch))
        yield analyzer


class _Bar:
    """Stands in for tqdm inside kronfluence and passes the count on."""

    def __init__(self, *, total: int, desc: str, **_: Any) -> None:
        self.total, self.phase, self.done = total, desc, 0

    def __enter__(self) -> "_Bar":
        progress.update(self.phase, 0, self.total)
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, steps: int = 1) -> None:
        self.done += steps
        progress.update(self.phase, self.done, self.total)


@contextmanager
def kronfluence_progress() -> Iterator[None]:
    """Replace the bars that kronfluence draws, for the length of the block."""
    modules = (covariance, eigen, pairwise, dot_product)
    originals = [vars(module)["tqdm"] for module in modules]
    for module in modules:
        vars(module)["tqdm"] = _Bar
    try:
        yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            vars(module)["tqdm"] = original


@contextmanager
def kronfluence_manners() -> Iterator[None]:
    """Keep kronfluence's one warning off the screen, and its garbage collections short.

    It collects after every step, 0.2 s each with torch and scikit-learn loaded (2 CPU cores), which is most of the
    time that a small case takes. What exists already is exempt for the length of the block.
    """
    gc.freeze()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "`torch.cuda.amp.GradScaler", FutureWarning
            )  # kronfluence 1.0.1
            yield
    finally:
        gc.unfreeze()
