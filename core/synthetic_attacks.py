"""Five crude imitations of poisoning, from which the frequency detector learns what manipulation looks like.

Zeng et al. 2021, arXiv 2104.03413. Images are uint8 [n c h w]; each function returns altered copies. Blocks and
polygons are masks, bool [n h w].
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, UInt8

Images = UInt8[np.ndarray, "n c h w"]
Mask = Bool[np.ndarray, "n h w"]
Maker = Callable[[Images, Images, np.random.Generator], Images]
CORNERS = 5
"""Vertices of a shadow's polygon."""


def attacked(images: Images, pool: Images, random: np.random.Generator) -> Images:
    """A copy of each image with one of the five alterations, drawn evenly; blends mix in an image of `pool`."""
    copies = np.array(images)
    drawn = random.integers(len(MAKERS), size=len(images))
    for kind, make in enumerate(MAKERS.values()):
        chosen = drawn == kind
        copies[chosen] = make(copies[chosen], pool, random)
    return copies


def white_block(images: Images, pool: Images, random: np.random.Generator) -> Images:
    """A white block near a corner."""
    return np.where(_blocks(images, random)[:, None], np.uint8(255), images)


def noise_block(images: Images, pool: Images, random: np.random.Generator) -> Images:
    """A block near a corner whose values are uniform in [0, 255], each pixel and channel for itself."""
    noise = random.integers(256, size=images.shape, dtype=np.uint8)
    return np.where(_blocks(images, random)[:, None], noise, images)


def gaussian_noise(images: Images, pool: Images, random: np.random.Generator) -> Images:
    """Noise of mean 25 and variance U(10, 70) grey levels on every value, so that the image becomes brighter."""
    deviation = np.sqrt(random.uniform(10, 70, size=(len(images), 1, 1, 1))).astype(np.float32)
    noise = 25 + deviation * random.standard_normal(images.shape, dtype=np.float32)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def shadow(images: Images, pool: Images, random: np.random.Generator) -> Images:
    """Half the brightness inside a random pentagon, which may cross itself, in the lower half."""
    height, width = images.shape[2:]
    corners = random.uniform((height / 2, 0), (height, width), size=(len(images), CORNERS, 2))
    return np.where(inside(corners, height, width)[:, None], images // 2, images)


def blend(images: Images, pool: Images, random: np.random.Generator) -> Images:
    """min(1, x + 0.3 · x′) in [0, 1], x′ a random image of the pool."""
    other = pool[random.integers(len(pool), size=len(images))]
    return np.minimum(images + np.float32(0.3) * other, 255).astype(np.uint8)


MAKERS: dict[str, Maker] = {
    "white_block": white_block,
    "noise_block": noise_block,
    "gaussian_noise": gaussian_noise,
    "shadow": shadow,
    "blend": blend,
}
"""The five kinds, by name."""


def _blocks(images: Images, random: np.random.Generator) -> Mask:
    """Blocks with sides U{2..7} pixels, U{0..5} pixels from both edges of a random corner, for images of 32 pixels.

    Ours: twice and three times those ranges from 64 and 96 pixels on, and so forth, as real patches grow too.
    """
    n, _, height, width = images.shape
    times = max(1, min(height, width) // 32)
    side = random.integers(2 * times, 8 * times, size=(n, 2))
    margin = random.integers(0, 6 * times, size=(n, 2))
    far = random.integers(2, size=(n, 2)) == 1
    start = np.where(far, (height, width) - side - margin, margin)
    rows, columns = (
        (np.arange(length) >= start[:, axis, None]) & (np.arange(length) < (start + side)[:, axis, None])
        for axis, length in enumerate((height, width))
    )
    return rows[:, :, None] & columns[:, None, :]


def inside(corners: Float64[np.ndarray, "n v 2"], height: int, width: int) -> Mask:
    """Which pixel centres lie in the polygons with these (row, column) corners: an odd number of edges above."""
    y, x = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
    odd = np.zeros((len(corners), height, width), bool)
    for one, other in zip(corners.swapaxes(0, 1), np.roll(corners, -1, axis=1).swapaxes(0, 1), strict=True):
        (y1, x1), (y2, x2) = one.T[:, :, None], other.T[:, :, None]  # each [n 1]
        crosses = (x1 > x) != (x2 > x)  # n w
        height_there = y1 + (x - x1) * (y2 - y1) / np.where(x1 == x2, 1, x2 - x1)  # n w
        odd ^= crosses[:, None, :] & (height_there[:, None, :] < y)
    return odd
