"""Stamps a patch of one grey value on images. Pixels are (row, column) counted from the image's end: −1 is last."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

Pixels = Iterable[tuple[int, int]]


def square(size: int, margin: int) -> list[tuple[int, int]]:
    """The pixels of a solid square in the bottom-right corner, `margin` pixels away from both edges."""
    span = range(-margin - size, -margin)
    return [(row, column) for row in span for column in span]


def stamped(images: UInt8[np.ndarray, "n c h w"], pixels: Pixels, value: int) -> UInt8[np.ndarray, "n c h w"]:
    """Copies of the images with these pixels set to `value` in all channels."""
    images = np.array(images)
    height, width = images.shape[2:]
    for row, column in pixels:
        images[:, :, row % height, column % width] = value
    return images


def check_fits(images: UInt8[np.ndarray, "n c h w"], size: int, margin: int) -> None:
    """Raise ValueError for a square that is larger than the images."""
    side = min(images.shape[2:])
    if size + margin > side:
        raise ValueError(f"attack.size={size} with margin {margin}: the images are {side} pixels")
