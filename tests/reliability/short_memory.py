"""Predicting, training, fitting and scoring where little address space is left, over a range of limits.

    python tests/reliability/short_memory.py [WORK ...] [--limits 10 20 40] [--times 1]

Prints one JSON line a try: the work, the megabytes left, how it ended. Every try is a fork of a process that has imported
everything and computed nothing. `same`: the result of a free run; `words`: it stopped and named what to lower; else wrong.
"""

import argparse
import contextlib
import faulthandler
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMITS = (2, 5, 20, 60, 100, 150, 180, 200, 240, 300, 450)
SECONDS = 240
"""After which a try counts as one that hangs."""


def tries(works: Sequence[str], limits: Sequence[int], times: int) -> list[dict[str, Any]]:
    """How each work ended at each limit; in a process of its own, which has not computed anything before."""
    command = [sys.executable, "-W", "ignore", __file__, *works, f"--times={times}", "--limits"]
    done = subprocess.run(
        [*command, *map(str, limits)],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "131072"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def limited(megabytes: int) -> Iterator[None]:
    """That much address space is left inside the block."""
    import psutil

    most = psutil.Process().memory_info().vms + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def forked(task: Callable[[], str]) -> str:
    """What a task says in a process of its own, or how that ended without a word."""
    outlet, inlet = os.pipe()
    if (pid := os.fork()) == 0:
        signal.alarm(SECONDS)
        try:
            told = task()
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"[:300]
            traceback.print_exc()
        os.write(inlet, told.encode())
        os._exit(0)
    os.close(inlet)
    with os.fdopen(outlet) as answer:
        told = answer.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return told if status == 0 else f"ended by {signal.Signals(-status).name if status < 0 else status}"


def tried(stage: str, work: Callable[[], Any], whole: Path, megabytes: int) -> str:
    """How a stage's work ended where so much is left, compared with the result of a free run in a file."""
    import numpy as np

    from core import memory, soundness

    try:
        with limited(megabytes):
            found = soundness.made(stage, work)
    except memory.OutOfMemory as error:
        told = "memory ran out" in str(error) and f"Lower {memory.LOWER.get(stage, '')}" in str(error)
        return "words" if told else f"says only: {error}"
    free = np.load(whole)
    difference = float(np.abs(found - free).max() / np.abs(free).max())
    return "same" if difference < 1e-4 else f"differs by {difference:.1e}"


def works() -> dict[str, tuple[str, Callable[[], Any]]]:
    """What is tried: the stage whose words are expected, and the work."""
    import numpy as np
    import torch

    from core import networks, training
    from core.artifacts import Dataset, Factors, Split
    from core.experiment import FactorSettings, ScoreSettings, Training
    from core.influence import factors, scores, sweep
    from core.influence.task import Images
    from core.models.resnet9 import ResNet9

    torch.set_num_threads(1)
    sweep.CPU_BATCH = 256  # larger than ours, so that the limits are felt
    draw = np.random.default_rng(0)
    images, labels = draw.integers(0, 256, (512, 3, 32, 32)).astype(np.uint8), np.arange(512) % 4
    data = Dataset(
        Split(images, labels), Split(images[:4], labels[:4]), tuple("abcd"), (0.5,) * 3, (0.2,) * 3
    )
    network = networks.build(ResNet9(width=16), data, 0).eval()
    asked = Images(images[:2].astype(np.float32) / 255, labels[:2])

    def train() -> Any:
        recipe = Training(epochs=1, batch_size=512)
        training.fit(network, data, data.train, recipe)
        return np.concatenate([array.ravel() for array in networks.weights_of(network).values()])

    def score() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            factors.fit(FactorSettings(), network, data, Path(folder))
            fitted = Factors("ekfac", Path(folder))
            return scores.pairwise(ScoreSettings(damping="heuristic"), network, data, fitted, asked)

    return {
        "predicting": ("evaluate", lambda: networks.probabilities(network, images, data)),
        "training": ("train", train),
        "scoring": ("score_pairs", score),
    }


def free_run(work: Callable[[], Any], whole: Path) -> str:
    """Keep the result of a work that nothing limits."""
    import numpy as np

    np.save(whole, work())
    return ""


def main() -> None:
    """Try the works at every limit."""
    known = works()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("works", nargs="*", choices=[*known, []])
    parser.add_argument("--limits", type=int, nargs="+", default=LIMITS)
    parser.add_argument("--times", type=int, default=1)
    chosen = parser.parse_args()
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.works or known:
            (stage, work), whole = known[name], Path(folder, f"{name}.npy")
            if told := forked(lambda work=work, whole=whole: free_run(work, whole)):
                raise RuntimeError(f"{name} without a limit: {told}")
            for limit in [limit for limit in chosen.limits for _ in range(chosen.times)]:
                ended = forked(
                    lambda stage=stage, work=work, whole=whole, mb=limit: tried(stage, work, whole, mb)
                )
                print(json.dumps({"work": name, "megabytes": limit, "ended": ended}), flush=True)


if __name__ == "__main__":
    main()
