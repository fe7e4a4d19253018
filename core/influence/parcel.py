"""A pass in a folder, so that another process can do a part of it: settings as JSON, tensors as safetensors.

Images lie in a file of their own that all processes map into memory, so that they hold them once.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core import device, registry
from core.artifacts import Dataset, Split
from core.influence import sweep
from core.models.base import Model
from core.networks import restore, weights_of

if TYPE_CHECKING:
    from core.influence.team import Parcel

WEIGHT = "weight "


def pack(work: "Parcel", model: Model, folder: Path) -> None:
    """Write everything that `opened` needs."""
    plain, tensors = work.packed()
    data, weights = work.dataset, weights_of(work.network)
    about = {
        "pass": type(work).__name__,
        "plain": plain,
        "model": model.model_dump(mode="json"),
        "classes": data.class_names,
        "mean": data.mean,
        "std": data.std,
        "batch": sweep.batch_size(),
    }
    (folder / "pass.json").write_text(json.dumps(about))
    np.save(folder / "images.npy", data.train.images)
    np.save(folder / "labels.npy", data.train.labels)
    named = {WEIGHT + name: torch.from_numpy(np.ascontiguousarray(w)) for name, w in weights.items()}
    named |= {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    save_file(named, folder / "tensors.safetensors")


@dataclass(frozen=True)
class Opened:
    """A pass as another process has sent it."""

    kind: str
    plain: dict[str, Any]
    tensors: dict[str, Tensor]
    """On the chosen device but for the weights, which the network holds."""
    network: torch.nn.Module
    dataset: Dataset
    batch: int


def opened(folder: Path) -> Opened:
    """What `pack` has written."""
    about = json.loads((folder / "pass.json").read_text())
    images, labels = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "labels"))
    nothing = Split(np.empty((0, *images.shape[1:]), np.uint8), np.empty(0, np.int64))
    statistics = tuple(about["mean"]), tuple(about["std"])
    data = Dataset(Split(images, labels), nothing, tuple(about["classes"]), *statistics)
    named = load_file(folder / "tensors.safetensors")
    weights = {k.removeprefix(WEIGHT): t.numpy() for k, t in named.items() if k.startswith(WEIGHT)}
    place = device.current()
    tensors = {k: t.to(place) for k, t in named.items() if not k.startswith(WEIGHT)}
    network = restore(registry.create("models", **about["model"]), weights, data)
    return Opened(about["pass"], about["plain"], tensors, network, data, about["batch"])
