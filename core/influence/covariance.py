"""Sums of outer products of a layer's rows, Σ a aᵀ: one side of the Kronecker factors.

For a 3×3 convolution with stride 1 and padding 1 they are made without writing out any patch. Two places of the
kernel see the same pair of pixels again and again: the sum of x(p) x(p + d)ᵀ over all pixels p depends only on the
distance d between the places, so 25 correlations of the input with itself (a convolution's weight gradient) give all
81 blocks. Where a patch hangs over the border, the row or column of pixels that this place of the kernel never
reaches is taken off again. Exact, with a third of the multiplications and no patches in memory.
"""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from core.influence.layers import Layer

EDGES = (0, -1)
"""First and last row, or column, of the input."""


class Outer:
    """Σ rowsᵀ rows, by writing the rows out."""

    def __init__(self, size: int, place: torch.device) -> None:
        self.sum = torch.zeros(size, size, device=place)

    def add(self, rows: Tensor) -> None:
        """Take in rows [b s i]."""
        flat = rows.flatten(0, 1)
        self.sum += (flat.T @ flat).float()

    def tensors(self) -> Iterator[Tensor]:
        """What has been summed, so that the sums of several workers can be added."""
        yield self.sum

    def matrix(self) -> Tensor:
        """The sum, [i i]."""
        return self.sum


class Correlations:
    """Σ rowsᵀ rows of a 3×3 convolution with stride 1 and padding 1, from its input alone."""

    def __init__(self, channels: int, bias: bool, place: torch.device) -> None:
        c = channels + bias
        self.channels, self.bias = channels, bias
        self.all = torch.zeros(c, c, 5, 5, device=place)  # of distance d at d + 2
        self.row = torch.zeros(2, c, c, 3, device=place)  # of distance 0, 1, 2
        self.column = torch.zeros(2, c, c, 3, device=place)
        self.corner = torch.zeros(2, 2, c, c, device=place)

    def add(self, x: Tensor) -> None:
        """Take in inputs [b c h w]."""
        if self.bias:
            x = F.pad(x, (0, 0, 0, 0, 0, 1), value=1.0)
        x = x.contiguous(memory_format=torch.channels_last)
        c = x.shape[1]
        self.all += conv2d_weight(x, (c, c, 5, 5), x, padding=2)
        for e in EDGES:
            self.row[e] += _along(x[:, :, e].mT)
            self.column[e] += _along(x[:, :, :, e].mT)
            for f in EDGES:
                self.corner[e, f] += x[:, :, e, f].T @ x[:, :, e, f]

    def tensors(self) -> Iterator[Tensor]:
        """What has been summed, so that the sums of several workers can be added."""
        yield from (self.all, self.row, self.column, self.corner)

    def matrix(self) -> Tensor:
        """The sum, [i i], kernel-major, the bias last."""
        c = self.all.shape[0]
        blocks = self.all.new_zeros(3, 3, c, 3, 3, c)
        for ky, kx, ly, lx in product(range(3), repeat=4):
            blocks[ky, kx, :, ly, lx] = self._block(ky - 1, kx - 1, ly - ky, lx - kx)
        full = blocks.reshape(9 * c, 9 * c)
        if not self.bias:
            return full
        keep = torch.arange(9 * c).reshape(9, c)
        keep = torch.cat(
            [keep[:, :-1].flatten(), keep[4, -1:]]
        )  # the bias is the ones under the kernel's centre
        return full[keep][:, keep]

    def _block(self, ky: int, kx: int, dy: int, dx: int) -> Tensor:
        """Σ over the pixels that place (ky, kx) of the kernel reaches, of x(p) x(p + d)ᵀ."""
        # Above the centre (-1) the last row is out of reach, below it (+1) the first; seen only where dy is 0.
        y = None if dy or not ky else (-1 if ky < 0 else 0)
        x = None if dx or not kx else (-1 if kx < 0 else 0)
        block = self.all[:, :, dy + 2, dx + 2].clone()
        if y is not None:
            block -= _at(self.row[y], dx)
        if x is not None:
            block -= _at(self.column[x], dy)
        if y is not None and x is not None:
            block += self.corner[y, x]
        return block


def _along(line: Tensor) -> Tensor:
    """Σ over a line [b p c] of x(p) x(p + d)ᵀ for d = 0, 1, 2: [c c 3]."""
    c = line.shape[2]
    after = F.pad(line, (0, 0, 0, 2)).unfold(1, 3, 1)  # b p c 3
    return (line.reshape(-1, c).T @ after.reshape(-1, 3 * c)).view(c, c, 3)


def _at(along: Tensor, d: int) -> Tensor:
    """What `_along` gives for distance d from −2 to 2; backwards is the transpose."""
    return along[:, :, d] if d >= 0 else along[:, :, -d].T


def correlates(layer: Layer) -> bool:
    """Whether `Correlations` applies to the layer."""
    m = layer.module
    return isinstance(m, nn.Conv2d) and (m.kernel_size, m.stride, m.padding, m.dilation) == (
        (3, 3),
        (1, 1),
        (1, 1),
        (1, 1),
    )
