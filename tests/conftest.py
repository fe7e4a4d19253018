"""What every test stands on: one thread, a store of its own, checked array shapes, one finished small case."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before torch is imported, and for the processes that tests start. Two multi-threaded ones on few cores slow
# each other down; claims about equal numbers hold for one device.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest
from jaxtyping import install_import_hook

install_import_hook(["core.artifacts", "core.collapse"], "beartype.beartype")

from core import runs  # noqa: E402
from core.experiment import Experiment  # noqa: E402
from core.pipeline import Plan, plan  # noqa: E402
from core.store import Store  # noqa: E402

TINY: dict[str, Any] = {
    "title": "tiny",
    "dataset": {"name": "digits", "train_limit": 300, "test_limit": 120},
    "attack": {
        "name": "badnet",
        "victim_class": 7,
        "target_class": 1,
        "n_poisons": 25,
        "patch": "square",
        "size": 6,
        "value": 255,
    },
    "model": {"name": "resnet9", "width": 4},
    "training": {"epochs": 12, "batch_size": 32, "schedule": "one_cycle", "shift": 0.0625, "flip": False},
    "queries": {"count": 2},
    "transforms": {"n_transforms": 8},
    "frequency": {"epochs": 4, "width": 4, "learning_rate": 1.0, "batch_size": 16},
    "detectors": [{"name": "delta_influence", "tolerance": 1}, {"name": "influence_threshold"}],
    "unlearners": [{"name": "exact"}, {"name": "catastrophic_forgetting", "epochs": 2}],
}
"""300 handwritten digits, 25 of them sevens with a white square and the label 1. All stages take 3 s."""


@pytest.fixture(autouse=True)
def store_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own results."""
    monkeypatch.setenv("INFLUENCE_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture(scope="session")
def make_experiment() -> Callable[..., Experiment]:
    """The tiny experiment with some fields replaced; tables are merged one level deep."""

    def make(**changes: Any) -> Experiment:
        merged = {k: TINY.get(k, {}) | v if isinstance(v, dict) else v for k, v in changes.items()}
        return Experiment.checked(TINY | merged)

    return make


@pytest.fixture(scope="session")
def tiny(make_experiment: Callable[..., Experiment], tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The tiny investigation, finished. Shared: tests that damage files work on a copy of its store."""
    p = plan(make_experiment(), Store(tmp_path_factory.mktemp("tiny") / "store"))
    runs.complete(p)
    return p


@pytest.fixture(scope="session")
def tiny_root(tiny: Plan) -> Path:
    """The store of the tiny investigation."""
    return tiny.dataset.store.root


@pytest.fixture
def tiny_toml(tiny: Plan, tmp_path: Path) -> Iterator[Path]:
    """The tiny experiment as a file."""
    file = tmp_path / "tiny.toml"
    file.write_text(tiny.experiment.to_toml())
    return file
