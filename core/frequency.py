"""The frequency detector's own classifier: clean or manipulated, judged by an image's spectrum alone.

It learns from clean images that the defender holds, the dataset's test split, and crudely attacked copies of them
(Zeng et al. 2021, arXiv 2104.03413). Its network turns pixels into spectra itself, so the weights are all it needs.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from core import device, partial, progress
from core.artifacts import Dataset, TrainedModel
from core.course import Course
from core.experiment import FrequencySettings
from core.networks import weights_of
from core.randomness import numpy_stream, seed_for
from core.synthetic_attacks import attacked
from core.training import TrainingDiverged, descend

SMALLEST = 8
"""Pixels of a side of which three halvings leave something."""
BATCH = 128
"""Images at a time wherever nothing is learned from them."""
MEASURED = 2_000
"""Clean images that the mean and deviation of each coefficient are taken from, at most."""


def train_frequency_classifier(settings: FrequencySettings, dataset: Dataset) -> TrainedModel:
    """A network that tells clean images (0) from manipulated ones (1), trained on the test split.

    The curves are of the training images, half of them attacked, with dropout at work; `train_loss` is the last
    epoch's. Deviates from the published code in its clean images, which there are the training images before the
    attack, unknown to a defender, and in standardising the coefficients, without which a short training learns
    little. Raises ValueError for images below 8×8 pixels, TrainingDiverged when the loss is no longer finite.
    """
    images = _clean_images(settings, dataset)
    if min(images.shape[2:]) < SMALLEST:
        raise ValueError(
            f"images of {_size(images.shape[1:])}: the frequency detector needs at least 8×8 pixels"
        )
    network = _build(images.shape[1:], settings.width, seed_for(settings.seed, "frequency weights"))
    spectrum_of(network).measure(images[:MEASURED])
    started = partial.clock()
    with torch.random.fork_rng():  # dropout draws from the global stream
        torch.manual_seed(seed_for(settings.seed, "frequency dropout"))
        curves = _epochs(network, images, settings)
    return TrainedModel(
        weights=weights_of(network),
        loss=np.array([loss for loss, _ in curves], np.float32),
        accuracy=np.array([accuracy for _, accuracy in curves], np.float32),
        train_loss=curves[-1][0],
        seconds=round(partial.clock() - started, 4),
    )


@torch.no_grad()
def manipulation_odds(
    classifier: TrainedModel, images: UInt8[np.ndarray, "n c h w"]
) -> Float32[np.ndarray, " n"]:
    """Natural logarithm of P(manipulated) / P(clean) for each image.

    Unlike probabilities, these do not pile up at 1. Raises ValueError for images of another size than those that
    the classifier was trained on.
    """
    network = _restored(classifier)
    expected = tuple(spectrum_of(network).mean.shape)
    if images.shape[1:] != expected:
        raise ValueError(
            f"images of {_size(images.shape[1:])}: the frequency classifier was trained on {_size(expected)}; "
            "train one on images of this size"
        )
    odds = np.zeros(len(images), np.float32)
    for start in progress.track(range(0, len(images), BATCH), "spectra"):
        clean, manipulated = network(_placed(images[start : start + BATCH])).T.cpu().numpy()
        odds[start : start + BATCH] = manipulated - clean
    return odds


def dct_basis(n: int) -> Tensor:
    """Rows are the n cosines of the orthonormal DCT-II, float64 [n n]: `basis @ x` transforms, `basis.T` undoes it."""
    frequency, place = torch.arange(n, dtype=torch.float64)[:, None], torch.arange(n, dtype=torch.float64)
    basis = (2 / n) ** 0.5 * torch.cos(torch.pi * (place + 0.5) * frequency / n)
    basis[0] /= 2**0.5
    return basis


class Spectrum(nn.Module):
    """2-D DCT-II of each channel of images with values in [0, 255], standardised coefficient by coefficient.

    In double precision: the fast matrix products of a GPU are too coarse for high frequencies.
    """

    mean: Tensor
    scale: Tensor
    vertical: Tensor
    horizontal: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))
        self.register_buffer("vertical", dct_basis(shape[1]), persistent=False)
        self.register_buffer("horizontal", dct_basis(shape[2]), persistent=False)

    def coefficients(self, images: Tensor) -> Tensor:
        """Not standardised, float64 [n c h w]."""
        return self.vertical @ images.double() @ self.horizontal.T

    def measure(self, images: UInt8[np.ndarray, "n c h w"]) -> None:
        """Standardise by these images from now on; a deviation below 1 is mostly rounding and counts as 1."""
        total, squares = torch.zeros_like(self.mean).double(), torch.zeros_like(self.mean).double()
        for start in range(0, len(images), BATCH):
            found = self.coefficients(_placed(images[start : start + BATCH]))
            total += found.sum(0)
            squares += found.square().sum(0)
        mean = total / len(images)
        self.mean.copy_(mean)
        self.scale.copy_((squares / len(images) - mean**2).clamp(min=1).sqrt())

    def forward(self, images: Tensor) -> Tensor:
        """float32 [n c h w]."""
        standard = (self.coefficients(images) - self.mean) / self.scale
        return standard.float().contiguous(memory_format=torch.channels_last)


def spectrum_of(network: nn.Sequential) -> Spectrum:
    """The first layer of the classifier."""
    first = network[0]
    assert isinstance(first, Spectrum)
    return first


def _build(shape: tuple[int, ...], width: int, seed: int) -> nn.Sequential:
    """The network of the published code at width 32: 292,002 parameters for 3×32×32."""
    channels, height, breadth = shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            Spectrum(shape),
            *_halving(channels, width, dropout=0.2),
            *_halving(width, 2 * width, dropout=0.3),
            *_halving(2 * width, 4 * width, dropout=0.4),
            nn.Flatten(),
            nn.Linear(4 * width * (height // 8) * (breadth // 8), 2),
        )
    return network.to(device.current()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _halving(channels_in: int, channels_out: int, *, dropout: float) -> list[nn.Module]:
    """Two 3×3 convolutions, each with batch normalisation and ELU, then half the size and dropout of channels."""
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        layers += [nn.Conv2d(channels, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out), nn.ELU()]
    return [*layers, nn.MaxPool2d(2), nn.Dropout2d(dropout)]


def _restored(classifier: TrainedModel) -> nn.Sequential:
    weights = {name: torch.from_numpy(np.array(w)) for name, w in classifier.weights.items()}
    network = _build(tuple(weights["0.mean"].shape), len(weights["1.weight"]), seed=0)
    network.load_state_dict(weights)
    return network.eval()


def _clean_images(settings: FrequencySettings, dataset: Dataset) -> UInt8[np.ndarray, "n c h w"]:
    images = dataset.test.images
    chosen = numpy_stream(settings.seed, "frequency images").permutation(len(images))[: settings.max_images]
    return images[chosen]


@dataclass(frozen=True)
class _Turn:
    """One step: its clean images, the stream that attacks their copies, and whether an epoch ends with it."""

    rows: np.ndarray
    stream: str
    ends: bool


def _turns(n: int, settings: FrequencySettings) -> list[_Turn]:
    """All steps. A batch has the same images for a whole round."""
    shuffle, found = numpy_stream(settings.seed, "frequency order"), []
    n_batches = -(-n // max(1, settings.batch_size // 2))
    for round_ in range(settings.rounds):
        batches = np.array_split(shuffle.permutation(n), n_batches)
        for _ in range(settings.epochs):
            order = shuffle.permutation(n_batches)
            for step, number in enumerate(order, 1):
                stream = f"frequency attacks {round_} {number}"
                found.append(_Turn(batches[number], stream, step == n_batches))
    return found


def _epochs(
    network: nn.Sequential, images: UInt8[np.ndarray, "n c h w"], settings: FrequencySettings
) -> list[tuple[float, float]]:
    """Mean loss and accuracy of each epoch.

    Attacked copies are made batch by batch and never kept: a stream of its own makes the same copies of a batch again
    in each epoch.
    """
    optimiser = torch.optim.Adadelta(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    turns, course = _turns(len(images), settings), Course("training", network, optimiser, dropout=True)
    curves: list[tuple[float, float]] = course.plain.get("curves", [])
    seen = course.extra.get("seen", torch.zeros(2, device=device.current()))
    network.train()
    for step, turn in enumerate(turns[course.first :], course.first + 1):
        clean = images[turn.rows]
        manipulated = attacked(clean, images, numpy_stream(settings.seed, turn.stream))
        seen = seen + _learn(network, optimiser, clean, manipulated)
        progress.update("training step", step, len(turns))
        if turn.ends:
            curves.append(_mean(seen, len(images), settings))
            seen = torch.zeros_like(seen)
        words = f"step {step} of {len(turns)}"
        course.offer(step, words, last=step == len(turns), extra={"seen": seen}, curves=curves)
    return curves


def _mean(seen: Tensor, n: int, settings: FrequencySettings) -> tuple[float, float]:
    loss, accuracy = (seen / (2 * n)).tolist()
    if not np.isfinite(loss):
        raise TrainingDiverged(
            f"loss of the frequency classifier became {loss}: "
            f"lower frequency.learning_rate (now {settings.learning_rate})"
        )
    return loss, accuracy


def _learn(
    network: nn.Sequential, optimiser: torch.optim.Optimizer, clean: np.ndarray, manipulated: np.ndarray
) -> Tensor:
    """One step on as many clean as manipulated images; their summed loss and hits, [2]."""
    logits = network(_placed(np.concatenate([clean, manipulated])))
    labels = torch.arange(2, device=logits.device).repeat_interleave(len(clean))
    loss = F.cross_entropy(logits, labels)
    descend(loss, optimiser)
    return torch.stack([loss.detach() * len(labels), (logits.argmax(1) == labels).sum()])


def _placed(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(images)).to(device.current())


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
