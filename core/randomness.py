"""One seed, many independent streams: each purpose draws its own numbers, whatever the others do."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_for(seed: int, purpose: str) -> int:
    """A 63-bit seed that depends on both the user's seed and the purpose, for example `augment`."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def numpy_stream(seed: int, purpose: str) -> np.random.Generator:
    """NumPy generator of a purpose."""
    return np.random.default_rng(seed_for(seed, purpose))


def torch_stream(seed: int, purpose: str) -> "torch.Generator":
    """CPU torch generator of a purpose; drawing on the CPU gives the same numbers for every device."""
    import torch

    return torch.Generator().manual_seed(seed_for(seed, purpose))
