"""Sweeps cells over a real local Ray cluster: jobs per hour with one and with two workers, killed nodes, refusals.

    python tests/reliability/ray_sweep.py [--repeats 3] [--chains 4] [--kills 5] [--full]

One and two workers take turns, so that whatever else the machine does hits both alike. A chain is an investigation
of 1,000 handwritten digits with two cells of the detectors' table; --full takes the papers' own digits preset.
Takes 15 minutes on two quiet cores.
"""

import argparse
import importlib.metadata
import math
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
from reliability.office import make_probes, wait_until  # noqa: E402
from reliability.ray_local import START_SECONDS, LocalCluster, Work, raylet_of  # noqa: E402

from core import paper  # noqa: E402
from core.commands import sweep_commands  # noqa: E402
from core.experiment import Experiment  # noqa: E402
from core.jobs.executors import ExecutorUnavailable  # noqa: E402
from core.jobs.executors.ray_cluster import Cluster  # noqa: E402
from core.sweep import Options, Sweep  # noqa: E402

CELLS = "detectors/digits-badnet/*influence*"
SMALL = ["dataset.train_limit=1000", "dataset.test_limit=300", "queries.count=4"]
JUDGED = ("precision", "true_positive_rate")
BEGAN = time.monotonic()
Told = dict[tuple[str, int], Any]


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"{time.monotonic() - BEGAN:6.0f} s  {text}", file=sys.stderr, flush=True)


def told_by(records: list[dict[str, Any]]) -> Told:
    """What was measured, without when and how fast; where nothing was, why."""
    return {(r["cell"], r["seed"]): r.get("figures", r.get("failed")) for r in records}


def without_figures(told: Told) -> list[str]:
    """The cells that say nothing about the detector: their being the same twice proves nothing."""
    return [f"{cell}, seed {seed}: {found}" for (cell, seed), found in told.items() if not _is_judged(found)]


def _is_judged(found: Any) -> bool:
    values = [found.get(name) for name in JUDGED] if isinstance(found, dict) else [None]
    return all(value is not None and math.isfinite(value) for value in values)


def presets(folder: Path, full: bool) -> None:
    """Let the sweep's presets be one small setting."""
    preset = Experiment.from_toml("paper/cpu/digits-badnet", [] if full else SMALL)
    (folder / "cpu").mkdir(parents=True)
    (folder / "cpu" / "digits-badnet.toml").write_text(preset.to_toml())
    paper.PRESETS = folder


def alone(folder: Path, chains: int) -> tuple[float, Told]:
    """Seconds of one process without Ray, and its figures. Raises SystemExit where there are none to compare."""
    began, found = time.monotonic(), []
    for cell, record in paper.measure("cpu", CELLS, list(range(chains)), folder / "alone", folder / "here"):
        found.append({"cell": cell.id} | record)
        say(f"one process: {cell.id}, seed {record['seed']}: {record.get('failed', 'measured')}")
    seconds, told = time.monotonic() - began, told_by(found)
    if (lacking := without_figures(told)) or len(told) != 2 * chains:
        reasons = "\n".join(lacking) or f"{len(told)} cells of {2 * chains}"
        raise SystemExit(f"nothing to compare with; take other settings than {SMALL}:\n{reasons}")
    return seconds, told


def swept(folder: Path, chains: int, workers: int) -> tuple[float, Told]:
    """Seconds of a sweep from nothing, and its figures."""
    shutil.rmtree(folder, ignore_errors=True)
    spread = Options("ray", workers)
    sweep = Sweep("cpu", CELLS, range(chains), folder / "store", folder / "out", spread)
    began = time.monotonic()
    done = sweep_commands.run(sweep)
    seconds = time.monotonic() - began
    told = told_by(sweep_commands.records(sweep))
    shutil.rmtree(folder)
    return seconds, told if done else {}


def sweeps(folder: Path, repeats: int, chains: int, expected: Told) -> tuple[int, dict[int, list[float]]]:
    """Sweeps that ended with other figures than expected, and chains an hour by the number of workers."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    wrong = 0
    for turn in range(repeats):
        for workers in (1, 2) if turn % 2 == 0 else (2, 1):
            seconds, told = swept(folder / "sweep", chains, workers)
            rates[workers].append(chains * 3600 / seconds)
            wrong += told != expected
            same = "the same figures" if told == expected else f"OTHER FIGURES: {told}"
            say(f"sweep {turn + 1} of {repeats}, workers: {workers}, {seconds:.0f} s, {same}")
    return wrong, rates


def throughput(
    expected: Told, seconds: float, wrong: int, rates: dict[int, list[float]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of all sweeps and what Ray and a second worker make of the time, and the figures behind it."""
    here = len({seed for _, seed in expected}) * 3600 / seconds
    gains = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    by_workers = ", ".join(f"{_spread(found)} with {n} worker{'s' * (n > 1)}" for n, found in rates.items())
    told = (
        f"{len(expected)} cells each, all with precision and true positive rate; investigations an hour: {by_workers}, "
        f"{here:.3g} in one process without Ray; gain of the second worker {_spread(gains)}"
    )
    figures = {"per_hour": {str(n): [round(rate, 1) for rate in found] for n, found in rates.items()}}
    figures |= {"per_hour_without_ray": round(here, 1), "gains": [round(gain, 3) for gain in gains]}
    return row("sweeps whose figures are those of one process", 2 * len(gains), wrong, told), figures


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g}, n = {len(values)})"


def node_kills(folder: Path, cluster: LocalCluster, times: int) -> dict[str, Any]:
    """SIGKILL of the raylet under a running job: it goes on at another node, and leaves no process."""
    os.environ["PYTHONPATH"] = make_probes(folder / "modules")
    work, wrong, seconds = Work(folder / "kills"), 0, []
    for number in range(times):
        lost, bad = _one_kill(work, cluster, number, seconds)
        wrong += bool(bad)
        say(f"node killed, {number + 1} of {times}: {bad or f'noticed after {seconds[-1]:.1f} s'}")
        cluster.remove(lost)
        cluster.add(lost)
        wait_until(cluster.all_there, START_SECONDS, 0.2)
    work.close()
    told = f"noticed after {_spread(seconds)} s" if seconds else ""
    return row("node killed under a running job", times, wrong, told)


def _one_kill(work: Work, cluster: LocalCluster, number: int, seconds: list[float]) -> tuple[str, str]:
    """The node that was killed, and what went wrong."""
    work.kept.unlink(missing_ok=True)
    job = work.submit("count", steps=60, pause=0.1, number=number)
    wait_until(lambda: work.kept.exists() and int(work.kept.read_text()) >= 5, START_SECONDS)
    lost, worker, killed = work.node_of(job), work.pid(), time.monotonic()
    os.kill(raylet_of(cluster.nodes[lost].pid), signal.SIGKILL)
    try:
        again = work.wait_for(job, lambda job: job.attempt == 2 or not job.is_live)
        seconds.append(time.monotonic() - killed)
        ended = work.wait_for(again, lambda job: not job.is_live)
    except AssertionError:
        return lost, f"{work.table.get(job.id).state} for minutes"
    if (ended.state, ended.attempt) != ("done", 2):
        return lost, f"{ended.state} at attempt {ended.attempt}: {ended.error}"
    return lost, "its process lives" if Path(f"/proc/{worker}").exists() else ""


def refusals(times: int = 20) -> list[dict[str, Any]]:
    """Wrong and missing tokens at a guarded cluster."""
    os.environ["RAY_AUTH_TOKEN"] = "wrong"
    wrong = sum(not _refused() for _ in range(times))
    del os.environ["RAY_AUTH_TOKEN"]
    mode = os.environ.pop("RAY_AUTH_MODE")
    missing = sum(not _refused() for _ in range(times))
    os.environ["RAY_AUTH_MODE"] = mode
    return [
        row("wrong token", times, wrong, "refused"),
        row("no token asked for here", times, missing, "refused"),
    ]


def unguarded(folder: Path, times: int = 20) -> dict[str, Any]:
    """A real cluster that asks for no token, and answers."""
    with LocalCluster(folder, 0, guarded=False) as cluster:
        os.environ.update(cluster.environment)
        let_in = sum(not _refused() for _ in range(times))
    return row("real cluster without token authentication", times, let_in, "not used")


def _refused() -> bool:
    try:
        Cluster()
    except ExecutorUnavailable as error:
        return "does not answer" not in str(error)
    return False


def main() -> int:
    """Measure and keep the record; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--full", action="store_true")
    chosen = parser.parse_args()
    folder = Path(
        tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    )  # sockets lie below: names of at most 107 letters
    try:
        rows, figures = measured(folder, chosen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    keep("ray", "A sweep over a real local Ray cluster", rows, **figures)
    return int(any(found["wrong"] for found in rows))


def measured(folder: Path, chosen: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All rows, and the figures behind them."""
    presets(folder / "presets", chosen.full)
    seconds, expected = alone(folder, chosen.chains)
    with LocalCluster(folder / "c", 2) as cluster:
        say("a head and two nodes are up")
        os.environ.update(cluster.environment)
        wrong, rates = sweeps(folder, chosen.repeats, chosen.chains, expected)
        same, figures = throughput(expected, seconds, wrong, rates)
        rows = [same, node_kills(folder, cluster, chosen.kills), *refusals()]
    rows.append(unguarded(folder / "open"))
    load = round(os.getloadavg()[2], 1)
    return rows, {**figures, "ray": importlib.metadata.version("ray"), "load_at_the_end": load}


if __name__ == "__main__":
    sys.exit(main())
