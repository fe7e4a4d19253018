"""A victim kept ready for questions: pick an image, and its influence comes label by label.

Whatever of the training set's gradients is stored answers in a second; the rest costs a pass, the suspected label
first. Damping, strategy and the layers that count are part of the question.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import device
from core.artifacts import Dataset, Factors, TrainedModel
from core.experiment import ScoreSettings
from core.influence import eigenbasis, pairwise
from core.influence.eigenbasis import Eigenbasis, weights
from core.influence.gradients import GradientStore
from core.influence.layers import tracked
from core.influence.taps import taps
from core.models.base import Model
from core.networks import restore


class Session:
    """One victim, its training set and factors, opened for questions. Not for several threads at once."""

    def __init__(
        self,
        model: Model,
        victim: TrainedModel,
        poisoned: Dataset,
        factors: Factors,
        folder: Path | None,
        budget: int,
    ) -> None:
        """`folder` keeps gradients, at most `budget` bytes of them; without one every question costs a pass.

        Raises NotHandled for a network with layers that only kronfluence handles.
        """
        self.network = restore(model, victim.weights, poisoned)
        self.dataset, self.factors = poisoned, factors
        self.tracked = tracked(self.network)
        self.bases = eigenbasis.load(factors, self.tracked)
        self._read: dict[str, list[Eigenbasis]] = {factors.strategy: self.bases}
        self.store = GradientStore(self.network, poisoned, self.bases, folder, budget) if folder else None

    @property
    def layers(self) -> list[tuple[str, int]]:
        """Name and number of tracked parameters of each layer."""
        return [(layer.name, layer.parameters) for layer in self.tracked]

    @property
    def stored_labels(self) -> tuple[int, ...]:
        """Training labels whose gradients are stored."""
        labels = range(len(self.dataset.class_names))
        return tuple(label for label in labels if self.store and self.store.holds(label))

    def score(
        self, images: np.ndarray, labels: np.ndarray, settings: ScoreSettings, first_label: int | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Training rows [m] and their scores, float32 [q m], label by label, `first_label` before the others.

        `images` float32 [q c h w] in [0, 1] with `labels` [q], all of them in one go.
        """
        with _ready():
            gradients = pairwise.query_gradients(self.network, self.dataset, images, labels, self.bases)
            yield from self._against(gradients, settings, first_label)

    def score_logits(
        self, images: np.ndarray, settings: ScoreSettings, first_label: int | None = None
    ) -> tuple[np.ndarray, Iterator[tuple[np.ndarray, np.ndarray]]]:
        """Logits [q k], and training rows [m] with the scores of every logit, float32 [q k m].

        `core.influence.relabel` makes the scores of any label, and of other measurements, out of them.
        """
        with _ready():
            found, gradients = pairwise.logit_gradients(self.network, self.dataset, images, self.bases)
        logits = found.cpu().numpy()

        def parts() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            with _ready():
                for rows, values in self._against(gradients, settings, first_label):
                    yield rows, values.reshape(*logits.shape, len(rows))

        return logits, parts()

    def by_layer(
        self, images: np.ndarray, labels: np.ndarray, rows: np.ndarray, settings: ScoreSettings
    ) -> np.ndarray:
        """How much each layer adds to the scores of a few training images, float32 [layer q m]."""
        with _ready():
            gradients = pairwise.query_gradients(self.network, self.dataset, images, labels, self.bases)
            halves = self._halves(gradients, settings)
            found = self._rotated(rows)
            return np.stack(
                [(h.flatten(1) @ r.flatten(1).T).cpu().numpy() for h, r in zip(halves, found, strict=True)]
            )

    def self_influence(self, rows: np.ndarray, settings: ScoreSettings) -> np.ndarray:
        """Influence of training images on their own loss, float32 [m]: Σ R² / (Λ + damping)."""
        with _ready():
            weights = self._weights(settings)
            parts = [self._rotated(rows[start : start + 64]) for start in range(0, len(rows), 64)]
            sums = [sum((r.square() * w).sum((1, 2)) for r, w in zip(p, weights, strict=True)) for p in parts]
            return torch.cat([torch.as_tensor(s) for s in sums]).cpu().numpy()

    def _rotated(self, rows: np.ndarray) -> list[Tensor]:
        pixels, tap = pairwise.Pixels(self.dataset), taps(self.network)[0]
        found = pairwise.training_gradients(tap, pixels, self.dataset.train, rows)
        return [basis.rotate(a, g) for basis, (_, a, g) in zip(self.bases, found, strict=True)]

    def _weights(self, settings: ScoreSettings) -> list[Tensor]:
        strategy = self.factors.strategy if settings.strategy == "fitted" else settings.strategy
        if strategy not in self._read:
            self._read[strategy] = eigenbasis.load(self.factors, self.tracked, strategy)
        return weights(self._read[strategy], self.tracked, settings)

    def _halves(self, gradients: list[Tensor], settings: ScoreSettings) -> list[Tensor]:
        return [g * w for g, w in zip(gradients, self._weights(settings), strict=True)]

    def _against(
        self, gradients: list[Tensor], settings: ScoreSettings, first: int | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        halves, plain = self._halves(gradients, settings), None
        labels = sorted(range(len(self.dataset.class_names)), key=lambda label: label != first)
        for label in labels:
            if self.store and self.store.fits(label):
                parts = self.store.score(halves, label)
            else:
                plain = plain or [b.back(half) for b, half in zip(self.bases, halves, strict=True)]
                rows = np.flatnonzero(self.dataset.train.labels == label)
                parts = pairwise.stream(self.network, self.dataset, plain, rows)
            yield from ((rows, scores.cpu().numpy()) for rows, scores in parts)


def _ready() -> ExitStack:
    stack = ExitStack()
    stack.enter_context(torch.no_grad())
    stack.enter_context(device.fast_products())
    return stack
