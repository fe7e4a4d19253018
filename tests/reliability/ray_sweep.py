"""Sweeps cells over a real local Ray cluster: jobs per hour with one and with two workers, killed nodes, refusals.

    python tests/reliability/ray_sweep.py [--repeats 3] [--chains 4] [--kills 5] [--full]

One and two workers take turns, so that whatever else the machine does hits both alike. A chain is an investigation
of 600 handwritten digits with two cells of the detectors' table; --full takes the papers' own digits preset.
Takes 25 minutes on two cores.
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
os.environ["OMP_NUM_THREADS"] = "1"

from record import keep, row  # noqa: E402
from reliability.ray_local import PROBES, LocalCluster, Work, raylet_of, wait_for  # noqa: E402

from core import paper  # noqa: E402
from core.commands import sweep_commands  # noqa: E402
from core.experiment import Experiment  # noqa: E402
from core.jobs.executors import ExecutorUnavailable  # noqa: E402
from core.jobs.executors.ray_cluster import Cluster  # noqa: E402
from core.sweep import Options, Sweep  # noqa: E402

CELLS = "detectors/digits-badnet/*influence*"
SMALL = ["dataset.train_limit=600", "dataset.test_limit=200", "queries.count=2"]


def figures(records: list[dict[str, Any]]) -> dict[tuple[str, int], Any]:
    """What was measured, without when and how fast."""
    return {(r["cell"], r["seed"]): r.get("figures", r.get("failed")) for r in records}


def presets(folder: Path, full: bool) -> None:
    """Let the sweep's presets be one small setting."""
    preset = Experiment.from_toml("paper/cpu/digits-badnet", [] if full else SMALL)
    (folder / "cpu").mkdir(parents=True)
    (folder / "cpu" / "digits-badnet.toml").write_text(preset.to_toml())
    paper.PRESETS = folder


def swept(folder: Path, chains: int, workers: int) -> tuple[float, dict[tuple[str, int], Any]]:
    """Seconds of a sweep from nothing, and its figures."""
    shutil.rmtree(folder, ignore_errors=True)
    spread = Options("ray", workers)
    sweep = Sweep("cpu", CELLS, range(chains), folder / "store", folder / "out", spread)
    began = time.monotonic()
    done = sweep_commands.run(sweep)
    seconds = time.monotonic() - began
    told = figures(sweep_commands.records(sweep))
    shutil.rmtree(folder)
    return seconds, told if done else {}


def throughput(folder: Path, repeats: int, chains: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Chains an hour with one and two workers, turn by turn; every sweep must end with the very same figures."""
    alone = paper.measure("cpu", CELLS, list(range(chains)), folder / "alone", folder / "here")
    expected = figures([{"cell": cell.id} | record for cell, record in alone])
    rates: dict[int, list[float]] = {1: [], 2: []}
    wrong = 0
    for turn in range(repeats):
        for workers in (1, 2) if turn % 2 == 0 else (2, 1):
            seconds, told = swept(folder / "sweep", chains, workers)
            rates[workers].append(chains * 3600 / seconds)
            wrong += told != expected
    gains = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    told = ", ".join(
        f"{w} worker{'s' * (w > 1)}: {_spread(r)} investigations an hour" for w, r in rates.items()
    )
    rows = [
        row(
            "sweeps whose figures are those of one process",
            2 * repeats,
            wrong,
            f"{told}; gain {_spread(gains)}",
        )
    ]
    return rows, {"per_hour": {str(w): [round(r, 1) for r in rs] for w, rs in rates.items()}, "gains": gains}


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g}, n = {len(values)})"


def node_kills(folder: Path, cluster: LocalCluster, times: int) -> dict[str, Any]:
    """SIGKILL of the raylet under a running job: it goes on at another node, and leaves no process."""
    (folder / "modules").mkdir()
    (folder / "modules" / "probes.py").write_text(PROBES)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), str(folder / "modules")])
    work, wrong, seconds = Work(folder / "kills"), 0, []
    for number in range(times):
        work.kept.unlink(missing_ok=True)
        job = work.submit("count", steps=40, pause=0.1, number=number)
        wait_for(lambda: work.kept.exists() and int(work.kept.read_text()) >= 5)
        lost, worker, killed = work.node_of(job), work.pid(), time.monotonic()
        os.kill(raylet_of(cluster.nodes[lost].pid), signal.SIGKILL)
        again = work.wait_for(job, lambda job: job.attempt == 2 or not job.is_live)
        seconds.append(time.monotonic() - killed)
        ended = work.wait_for(again, lambda job: not job.is_live)
        wrong += (ended.state, ended.attempt) != ("done", 2) or Path(f"/proc/{worker}").exists()
        cluster.remove(lost)
        cluster.add(lost)
        wait_for(cluster.all_there)
    work.close()
    return row("node killed under a running job", times, wrong, f"noticed after {_spread(seconds)} s")


def refusals(folder: Path, times: int = 20) -> list[dict[str, Any]]:
    """Wrong and missing tokens at a guarded cluster, and a cluster that has none."""
    os.environ["RAY_AUTH_TOKEN"] = "wrong"
    wrong = sum(not _refused() for _ in range(times))
    del os.environ["RAY_AUTH_TOKEN"]
    mode = os.environ.pop("RAY_AUTH_MODE")
    missing = sum(not _refused() for _ in range(times))
    os.environ["RAY_AUTH_MODE"] = mode
    rows = [
        row("wrong token", times, wrong, "refused"),
        row("no token asked for here", times, missing, "refused"),
    ]
    with LocalCluster(folder / "open", 0, guarded=False) as unguarded:
        let_in = sum(not _refused(unguarded.address) for _ in range(times))
    return [*rows, row("real cluster without token authentication", times, let_in, "not used")]


def _refused(address: str = "") -> bool:
    try:
        Cluster(address)
    except ExecutorUnavailable:
        return True
    return False


def main() -> None:
    """Measure and keep the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--full", action="store_true")
    chosen = parser.parse_args()
    folder = Path(
        tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    )  # sockets lie below: names of at most 107 letters
    presets(folder / "presets", chosen.full)
    with LocalCluster(folder / "c", 2) as cluster:
        os.environ.update(cluster.environment)
        rows, rates = throughput(folder, chosen.repeats, chosen.chains)
        rows.append(node_kills(folder, cluster, chosen.kills))
        rows += refusals(folder)
    shutil.rmtree(folder, ignore_errors=True)
    load = round(os.getloadavg()[2], 1)
    keep("ray", "A sweep over a real local Ray cluster", rows, **rates, load_at_the_end=load)


if __name__ == "__main__":
    main()
