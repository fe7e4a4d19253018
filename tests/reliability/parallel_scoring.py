"""Kills processes inside stages, and shares one large case among processes: are the numbers those of one, undisturbed?

    INFLUENCE_DATA=FOLDER python tests/reliability/parallel_scoring.py [--kills 20] [--images 12000] [--repeats 3]

Kills are on handwritten digits, at random moments inside every long stage. Speed and sameness are measured on CIFAR-10
with one thread a process, factors and 51 queries, one and two processes by turns; the network is not trained, which
changes no time. `--images 0` leaves that out. About 25 minutes on two quiet cores.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import parting
from record import keep, row
from safetensors.numpy import load_file

PASSES = ("factors", "scores")


def kills(times: int) -> list[dict[str, Any]]:
    """A row for each stage."""
    rows, draw = [], random.Random(0)
    with parting.nursery() as nurse, tempfile.TemporaryDirectory() as name:
        for number, stage in enumerate(parting.STAGES):
            tries, kept = [], Path(name)
            while sum(t.kills for t in tries) < times:
                stores = kept / "whole", kept / f"torn-{number}-{len(tries)}"
                wanted = min(draw.randint(1, 4), times - sum(t.kills for t in tries))
                tries.append(parting.parted(nurse, stage, stores, wanted, draw))
            done, continued = sum(t.kills for t in tries), sum(t.continued for t in tries)
            told = f"{len(tries)} results compared byte by byte; {continued} states taken up"
            wrong = sum(not t.same for t in tries)
            rows.append(row(f"SIGKILL inside {stage}, then again to the end", done, wrong, told))
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


class Case:
    """CIFAR-10 with a network that nobody trained."""

    def __init__(self, images: int) -> None:
        from core import registry
        from core.datasets import load_dataset
        from core.experiment import FactorSettings, ScoreSettings
        from core.influence.task import Images
        from core.networks import build

        self.dataset = load_dataset(registry.create("datasets", "cifar10", train_limit=images))
        self.model = registry.create("models", "resnet9", width=16)
        self.factors, self.scores = FactorSettings(), ScoreSettings()
        shown = self.dataset.test
        self.queries = Images(shown.images[:51].astype(np.float32) / 255, shown.labels[:51])
        self.network = lambda: build(self.model, self.dataset, 0).eval()

    def run(self, n: int, folder: Path) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Seconds of both passes with n processes, and everything that came out."""
        from core import processes
        from core.artifacts import Factors
        from core.influence import factors, scores, team

        with processes.use(n), team.sharing(self.model):
            started = time.perf_counter()
            factors.fit(self.factors, self.network(), self.dataset, folder)
            between = time.perf_counter()
            made = Factors("ekfac", folder)
            values = scores.pairwise(self.scores, self.network(), self.dataset, made, self.queries)
            ended = time.perf_counter()
        found = {f"{f.stem} {k}": a for f in folder.glob("*.safetensors") for k, a in load_file(f).items()}
        seconds = dict(zip(PASSES, (between - started, ended - between), strict=True))
        return seconds, found | {"scores": values}


def shared(images: int, repeats: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the comparison, and the times."""
    case, times, first, largest, compared = Case(images), _empty(), {}, 0.0, 0
    for n in _turns(repeats):
        with tempfile.TemporaryDirectory() as name:
            seconds, found = case.run(n, Path(name))
        for what in PASSES:
            times[str(n)][what].append(round(seconds[what], 1))
        print(n, seconds, f"load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
        first, compared = first or found, compared + 1
        largest = max(largest, *(_apart(first[k], found[k]) for k in first))
    told = f"largest difference {largest:g}; {images:,} images of CIFAR-10, ResNet-9 of width 16, 51 queries"
    told += "; " + "; ".join(_told(what, times) for what in PASSES)
    about = {"images": images, "seconds": times, "largest_difference": largest, "load": os.getloadavg()[0]}
    return row("One and two processes by turns, factors and scores", compared, int(largest > 0), told), about


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())


def _empty() -> dict[str, dict[str, list[float]]]:
    return {n: {what: [] for what in PASSES} for n in ("1", "2")}


def _turns(repeats: int) -> Iterator[int]:
    for number in range(repeats):
        yield from (1, 2) if number % 2 == 0 else (2, 1)


def _told(what: str, times: dict[str, dict[str, list[float]]]) -> str:
    parts = [
        f"{n}: {median(of[what]):.0f} s ({min(of[what]):.0f} to {max(of[what]):.0f})"
        for n, of in times.items()
    ]
    return f"{what} with {parts[0]}, with {parts[1]}, n={len(times['1'][what])}"


def main() -> None:
    """Run both and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="for each stage")
    parser.add_argument("--images", type=int, default=12_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    rows, figures = kills(chosen.kills) if chosen.kills else [], {}
    if chosen.images:
        compared, figures = shared(chosen.images, chosen.repeats)
        rows.append(compared)
    keep("partitions", "Killed inside a stage, and one case shared by processes", rows, **figures)


if __name__ == "__main__":
    main()
