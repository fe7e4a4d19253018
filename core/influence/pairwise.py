"""Influence of training images on queries: one gradient for each query, then one pass over the training set.

The score of training image n for query q is Σ over layers of ⟨Q_Gᵀ g_q Q_A ⊘ (Λ + damping), Q_Gᵀ g_n Q_A⟩, which is
what kronfluence computes. The queries' half is made once, all queries together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core import device, memory, progress
from core.artifacts import Dataset, Split
from core.influence import partitions, sweep, team, together
from core.influence.eigenbasis import Eigenbasis
from core.influence.taps import Taps, taps
from core.influence.task import cross_entropy, negative_margin
from core.influence.together import Tick
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
    works = ScorePass(network, dataset, halves).scorers()
    yield from sweep.sweep(sweep.batches(rows), works, "scores")


@dataclass(frozen=True)
class ScorePass:
    """The pass that scores, here or in another process."""

    network: nn.Module
    dataset: Dataset
    halves: Gradients
    """In the plain basis."""

    def scorers(self) -> list[Callable[[np.ndarray], Tensor]]:
        """One for each lane of this process: scores [q b] of one batch of training images."""
        flat = [half.flatten(1) for half in self.halves]  # q (o i)
        pixels, split = Pixels(self.dataset), self.dataset.train

        def scorer(tap: Taps) -> Callable[[np.ndarray], Tensor]:
            def work(piece: np.ndarray) -> Tensor:
                total = torch.zeros(len(flat[0]), len(piece), device=flat[0].device)
                for half, (_, a, g) in zip(flat, training_gradients(tap, pixels, split, piece), strict=True):
                    product = tap.scratch.take("gradients", a, len(a), g.shape[2], a.shape[2])
                    total += half @ torch.bmm(g.mT, a, out=product).flatten(1).T
                return total

            return work

        return [scorer(each) for each in taps(self.network)]

    def lane(self, size: int) -> Callable[[np.ndarray, Tick], list[Tensor]]:
        """Scores of a partition of training images, batches of `size` at a time, as one tensor [q n]."""
        score = self.scorers()[0]

        def partition(rows: np.ndarray, tick: Tick) -> list[Tensor]:
            parts, held = [], memory.Pieces(size, "images")
            for part in held.each(len(rows), lambda some: score(rows[some])):
                parts.append(part)
                tick(part.shape[1])
            return [torch.cat(parts, 1)]

        return partition

    def packed(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What another process needs beside the network and the images."""
        return {"layers": len(self.halves)}, {f"half{n}": half for n, half in enumerate(self.halves)}


def shared(work: ScorePass, rows: np.ndarray) -> Scored:
    """The same as `stream`, in several processes where these are wanted; the scores are those of one."""
    tasks = sweep.batches(rows, partitions.SIZE)
    with team.lanes(work, len(tasks) if len(rows) > partitions.WHOLE else 1) as lanes:
        if not lanes:
            yield from stream(work.network, work.dataset, work.halves, rows)
            return
        done = 0

        def count(images: int) -> None:
            nonlocal done
            done += images
            progress.update("scores", done, len(rows))

        found = together.in_order(tasks, lanes, count)
        yield from ((task, scores) for task, [scores] in zip(tasks, found, strict=True))


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
