"""Influence of training images on queries: one gradient for each query, then one pass over the training set.

The score of training image n for query q is Σ over layers of ⟨Q_Gᵀ g_q Q_A ⊘ (Λ + damping), Q_Gᵀ g_n Q_A⟩, which is
what kronfluence computes. The queries' half is made once, all queries together.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from core import device
from core.artifacts import Dataset, Split
from core.influence import sweep
from core.influence.eigenbasis import Eigenbasis
from core.influence.taps import Taps, taps
from core.influence.task import cross_entropy, negative_margin
from core.networks import Standardise

Gradients = list[Tensor]
"""One [q o i] per layer."""
Scored = Iterator[tuple[np.ndarray, Tensor]]
"""Training rows [b] and their scores, float32 [q b], a batch at a time."""


def query_gradients(
    network: nn.Module, dataset: Dataset, images: np.ndarray, labels: np.ndarray, bases: Sequence[Eigenbasis]
) -> Gradients:
    """Gradient of each query's negative margin in the eigenbasis of every layer."""

    found = [torch.empty(len(labels), len(b.outputs), len(b.inputs), device=b.inputs.device) for b in bases]

    def worker(tap: Taps) -> Callable[[np.ndarray], None]:
        def work(places: np.ndarray) -> None:
            wanted, part = (
                torch.from_numpy(labels[places]).to(device.current()),
                slice(places[0], places[-1] + 1),
            )
            tap.forward(pixels(images[places]))
            every = tap.gradients(lambda logits: negative_margin(logits, wanted).sum())
            for whole, basis, (_, a, g) in zip(found, bases, every, strict=True):
                whole[part] = basis.rotate(a, g)

        return work

    pixels = Pixels(dataset)
    works = [worker(each) for each in taps(network)]
    for _ in sweep.sweep(_small(len(labels), len(works)), works, "query gradients"):
        pass
    return found


def logit_gradients(
    network: nn.Module, dataset: Dataset, images: np.ndarray, bases: Sequence[Eigenbasis]
) -> tuple[Tensor, Gradients]:
    """Logits [q k], and the gradient of every logit of each query, [q·k o i] per layer, a query's logits together.

    Any measurement whose gradient is a combination of logits is the same combination of what these score.
    """

    def worker(tap: Taps) -> Callable[[np.ndarray], tuple[Tensor, Gradients]]:
        def work(places: np.ndarray) -> tuple[Tensor, Gradients]:
            logits = tap.forward(pixels(images[places]))
            classes = [
                [
                    basis.rotate(a, g)
                    for basis, (_, a, g) in zip(bases, tap.gradients(_sum_of(k), True), strict=True)
                ]
                for k in range(logits.shape[1])
            ]
            return logits, [torch.stack(rows, 1).flatten(0, 1) for rows in zip(*classes, strict=True)]

        return work

    pixels = Pixels(dataset)
    works = [worker(each) for each in taps(network)]
    parts = [part for _, part in sweep.sweep(_small(len(images), len(works)), works, "query gradients")]
    gradients = [torch.cat(of_layer) for of_layer in zip(*(g for _, g in parts), strict=True)]
    return torch.cat([logits for logits, _ in parts]), gradients


def _sum_of(k: int) -> Callable[[Tensor], Tensor]:
    return lambda logits: logits[:, k].sum()


def _small(n: int, n_works: int) -> list[np.ndarray]:
    return sweep.batches(np.arange(n), max(1, min(sweep.CPU_BATCH, -(-n // n_works))))


def stream(network: nn.Module, dataset: Dataset, halves: Gradients, rows: np.ndarray) -> Scored:
    """Scores of the training images `rows`; `halves` in the plain basis (`Eigenbasis.back`)."""
    flat = [half.flatten(1) for half in halves]  # q (o i)

    def worker(tap: Taps) -> Callable[[np.ndarray], Tensor]:
        def work(piece: np.ndarray) -> Tensor:
            total = torch.zeros(len(flat[0]), len(piece), device=flat[0].device)
            for half, (_, a, g) in zip(
                flat, training_gradients(tap, pixels, dataset.train, piece), strict=True
            ):
                product = tap.scratch.take("gradients", a, len(a), g.shape[2], a.shape[2])
                total += half @ torch.bmm(g.mT, a, out=product).flatten(1).T
            return total

        return work

    pixels = Pixels(dataset)
    works = [worker(each) for each in taps(network)]
    yield from sweep.sweep(sweep.batches(rows), works, "scores")


def training_gradients(tap: Taps, pixels: "Pixels", split: Split, rows: np.ndarray):
    """Layer, rows and columns of the cross-entropy's gradient of training images with their own labels."""
    labels = torch.from_numpy(split.labels[rows]).to(device.current())
    tap.forward(pixels(split.images[rows]))
    return tap.gradients(lambda logits: cross_entropy(logits, labels))


class Pixels:
    """Puts images of a dataset on the device, standardised."""

    def __init__(self, dataset: Dataset) -> None:
        self.standardise = Standardise(dataset)

    def __call__(self, images: np.ndarray) -> Tensor:
        """uint8 or float32 images [b c h w] as the network takes them."""
        return self.standardise(torch.from_numpy(images).to(device.current()))
