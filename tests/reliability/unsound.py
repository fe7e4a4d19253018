"""Faults in numbers and memory, really produced, and whether each ends in words that help and leaves nothing unsound."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from core import runs, serial, soundness, stages
from core.artifacts import TrainedModel
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.store import Stage, Store

ROOT = Path(__file__).parents[2]
STAGES = {stage.name: stage for stage in vars(stages).values() if isinstance(stage, Stage)}
SMALL: dict[str, Any] = {
    "title": "two kinds of noise",
    "dataset": {"name": "folder", "path": "noise"},
    "attack": {"name": "unknown"},
    "model": {"name": "resnet9", "width": 2},
    "training": {"epochs": 4, "batch_size": 8, "shift": 0, "flip": False, "schedule": "one_cycle"},
    "queries": {"source": "test", "row": 0},
    "controls": {"count": 2},
    "transforms": {"n_transforms": 2},
    "factors": {"strategy": "ekfac"},
    "detectors": [{"name": "influence_threshold"}],
    "unlearn_after": ["influence_threshold"],
}
"""Twenty-four 32-pixel images in two classes, and everything as small as it can be."""
Pixels = Callable[[int, int], np.ndarray]


def noise(label: int, number: int) -> np.ndarray:
    """Dark noise for the first class, bright noise for the others."""
    draw = np.random.default_rng(1000 * label + number)
    return draw.integers(160 * (label > 0), 96 + 160 * (label > 0), (32, 32, 3)).astype(np.uint8)


def folder(data: Path, name: str, pixels: Pixels = noise, n: int = 12, classes: str = "ab") -> dict[str, Any]:
    """A folder of PNG images, a folder a class, and the settings that read it."""
    for label, kind in enumerate(classes):
        place = data / name / kind
        place.mkdir(parents=True, exist_ok=True)
        for number in range(n):
            Image.fromarray(pixels(label, number)).save(place / f"{number:03}.png")
    return {"name": "folder", "path": name}


def experiment(**changes: Any) -> Experiment:
    """The small experiment with some fields replaced; tables are merged one level deep."""
    merged = {k: SMALL.get(k, {}) | v if isinstance(v, dict) else v for k, v in changes.items()}
    return Experiment.checked(SMALL | merged)


def planned(x: Experiment, root: Path) -> Plan:
    """Its plan in a store of its own."""
    return plan(runs.resolved(x), Store(root))


def brought(
    victim: TrainedModel, change: Callable[[dict[str, np.ndarray]], None], file: Path, **more: Any
) -> Experiment:
    """An investigation of a victim whose weights are what `change` made of these."""
    weights = {name: np.array(array) for name, array in victim.weights.items()}
    change(weights)
    save_file(weights, file)
    return Experiment.checked(SMALL | {"training": {"file": str(file)}} | more)


def everywhere(value: float) -> Callable[[dict[str, np.ndarray]], None]:
    """Every weight set to one number."""

    def change(weights: dict[str, np.ndarray]) -> None:
        for array in weights.values():
            if array.dtype == np.float32:
                array[...] = value

    return change


def somewhere(value: float) -> Callable[[dict[str, np.ndarray]], None]:
    """One number among the last layer's weights."""

    def change(weights: dict[str, np.ndarray]) -> None:
        weights[_last(weights)][0, 0] = value

    return change


def surer(factor: float) -> Callable[[dict[str, np.ndarray]], None]:
    """The last layer times a factor: the same answers, far more surely."""

    def change(weights: dict[str, np.ndarray]) -> None:
        weights[_last(weights)] *= factor

    return change


def _last(weights: dict[str, np.ndarray]) -> str:
    return next(name for name in reversed(weights) if weights[name].ndim == 2)


def unsound_in(root: Path) -> list[str]:
    """Stored results that are not what their type promises; none must ever be there."""
    bad = []
    for record in root.rglob("meta.json"):
        meta = json.loads(record.read_text())
        stage = STAGES[meta["stage"]]
        try:
            soundness.check(serial.read(stage.returns, record.parent, meta["values"]), stage.name)
        except soundness.Unsound as error:
            bad.append(str(error))
    return bad


def ends(work: Callable[[], Any], *expected: str, root: Path) -> str:
    """Empty where `work` ends in an error with these words and leaves nothing unsound; else what went wrong."""
    try:
        work()
    except (ValueError, RuntimeError, OSError) as error:
        told = str(error)
        lacking = [words for words in expected if words not in told]
        wrong = [f"{type(error).__name__} lacks {lacking}: {told[:300]}"] if lacking else []
    except Exception as error:
        wrong = [f"ended in {type(error).__name__}: {error}"]
    else:
        wrong = ["ended as if nothing had happened"]
    return "; ".join(wrong + unsound_in(root))


def child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python code in a process of its own, where `limited(mb)` leaves that much address space, by RLIMIT_AS."""
    start = textwrap.dedent("""
        import contextlib, logging, resource, psutil, numpy as np, torch
        from torch.nn import functional as F
        from core import memory, device, networks, training, soundness
        from core.artifacts import Dataset, Split
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        torch.set_num_threads(1)
        @contextlib.contextmanager
        def limited(mb):
            most = psutil.Process().memory_info().vms + mb * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
            yield
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    """)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", start + textwrap.dedent(code)],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
        | environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


SET_UP = """
    from core.models.resnet9 import ResNet9
    draw = np.random.default_rng(0)
    labels = np.arange(256) % 4
    images = draw.integers(0, 256, (256, 3, 32, 32)).astype(np.uint8)
    data = Dataset(Split(images, labels), Split(images[:4], labels[:4]), tuple("abcd"), (0.5,) * 3, (0.2,) * 3)
    network = networks.build(ResNet9(width=16), data, 0).eval()
"""
TIGHT = f"""{SET_UP}
    from core.experiment import Training
    images, labels = np.concatenate([images] * 2), np.concatenate([labels] * 2)
    data = Dataset(Split(images, labels), data.test, data.class_names, data.mean, data.std)
    networks.probabilities(network, images[:2], data)
    with limited(100):
        small = networks.probabilities(network, images, data)
    with limited(100):
        try:
            soundness.made("train", lambda: training.fit(network, data, data.train, Training(epochs=1, batch_size=512)))
        except memory.OutOfMemory as error:
            print("refused:", error)
    network = networks.build(ResNet9(width=16), data, 0).eval()
    print("largest difference:", np.abs(small - networks.probabilities(network, images, data)).max())
"""
"""Predict and train where 100 MB are left: one goes on in smaller batches, the other must not."""
SCORE = f"""{SET_UP}
    import tempfile
    from pathlib import Path
    from core.artifacts import Factors
    from core.experiment import FactorSettings, ScoreSettings
    from core.influence import factors, scores, sweep
    from core.influence.task import Images
    sweep.CPU_BATCH = 256
    asked = Images(images[:2].astype(np.float32) / 255, labels[:2])
    def both():
        with tempfile.TemporaryDirectory() as folder:
            factors.fit(FactorSettings(), network, data, Path(folder))
            fitted = Factors("ekfac", Path(folder))
            return scores.pairwise(ScoreSettings(damping="heuristic"), network, data, fitted, asked)
    with limited(450):
        small = both()
    whole = both()
    print("largest difference:", np.abs(small - whole).max() / np.abs(whole).max())
"""
"""Fit and score in batches that are large on purpose, so that the limit is felt."""
