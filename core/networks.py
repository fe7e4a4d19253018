"""Building blocks of the classifiers and what one needs to run them: standardise, predict, load weights."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import device, memory
from core.artifacts import Dataset
from core.models.base import Model

PREDICTION_BATCH = 512
R = TypeVar("R")


class Residual(nn.Sequential):
    """x + f(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Add the input to the output of the inner layers."""
        return input + super().forward(input)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (He et al. 2016, arXiv 1512.03385)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        same = stride == 1 and channels_in == channels_out
        project = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
        self.shortcut = nn.Identity() if same else nn.Sequential(project, nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """relu(convolutions(x) + shortcut(x))."""
        return F.relu(self.convolutions(x) + self.shortcut(x))


class WideBlock(nn.Module):
    """Batch normalisation and ReLU before each of two 3×3 convolutions, and a shortcut (arXiv 1605.07146).

    Deviates from the paper as Goel et al. do: convolutions have a bias, the stride is on the second one, and
    a shortcut that changes the shape is a 1×1 convolution of the raw input with batch normalisation.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, 3, 1, 1),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, stride, 1),
        )
        same = stride == 1 and channels_in == channels_out
        project = nn.Conv2d(channels_in, channels_out, 1, stride)
        self.shortcut = nn.Identity() if same else nn.Sequential(project, nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """convolutions(x) + shortcut(x)."""
        return self.convolutions(x) + self.shortcut(x)


def convolution(channels_in: int, channels_out: int, *more: nn.Module, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, batch normalisation, ReLU, then `more`."""
    conv = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU(), *more)


def celu_convolution(
    channels: tuple[int, int], *more: nn.Module, kernel: int = 3, stride: int = 1, padding: int = 1
) -> nn.Sequential:
    """Convolution with a bias, batch normalisation, CELU(0.075), then `more` (ResNet-9 of Goel et al.)."""
    conv = nn.Conv2d(*channels, kernel, stride, padding)
    return nn.Sequential(conv, nn.BatchNorm2d(channels[1]), nn.CELU(0.075), *more)


def without_bias_at_first(network: nn.Module) -> nn.Module:
    """The network with every bias of its convolutions and linear layers at zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return network


def build(model: Model, dataset: Dataset, seed: int) -> nn.Module:
    """A freshly initialised network on the chosen device; the same seed gives the same weights everywhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = model.build(len(dataset.class_names))
    return network.to(device.current()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def restore(model: Model, weights: dict[str, np.ndarray], dataset: Dataset) -> nn.Module:
    """A network with trained weights, in evaluation mode, on the chosen device."""
    network = build(model, dataset, seed=0)
    network.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in weights.items()})
    return network.eval()


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """Parameters and buffers as arrays, by name."""
    return {name: t.detach().cpu().contiguous().numpy() for name, t in network.state_dict().items()}


class Standardise:
    """Turns pixels into what the network was trained on: (pixel in [0, 1] − mean) / std, per channel."""

    def __init__(self, dataset: Dataset) -> None:
        place = device.current()
        self.mean = torch.tensor(dataset.mean, device=place).view(1, -1, 1, 1)
        self.std = torch.tensor(dataset.std, device=place).view(1, -1, 1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images in [0, 255], or float images in [0, 1], to standardised float32 [n c h w]."""
        scaled = images.float() / 255 if images.dtype == torch.uint8 else images
        standard = (scaled - self.mean) / self.std
        return standard.contiguous(memory_format=torch.channels_last)

    def undo(self, standard: Tensor) -> Tensor:
        """Standardised images back to pixel space; values outside [0, 1] are kept."""
        return standard * self.std + self.mean


def batches(
    images: np.ndarray, dataset: Dataset, work: Callable[[Tensor, slice], R], size: int = PREDICTION_BATCH
) -> Iterator[R]:
    """What `work` makes of each standardised batch of uint8 or float images, and of which rows it is.

    Batches become smaller where memory does not hold them, so `work` must not add to anything. Results do not depend
    on their size but for rounding.
    """
    standardise = Standardise(dataset)

    def one(rows: slice) -> R:
        return work(standardise(torch.from_numpy(np.array(images[rows])).to(device.current())), rows)

    return memory.Pieces(size, "images").each(len(images), one)


@torch.no_grad()
def probabilities(network: nn.Module, images: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Softmax output, float32 [n k], computed in fp32 in evaluation mode."""
    network.eval()
    parts = list(batches(images, dataset, lambda x, _: network(x).float().softmax(1).cpu()))
    classes = len(dataset.class_names)
    return torch.cat(parts).numpy() if parts else np.zeros((0, classes), np.float32)
