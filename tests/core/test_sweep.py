"""A sweep spread over processes of this machine: the same figures, stopped as a whole, continued, failing apart."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import jobs, paper
from core.commands import sweep_commands
from core.sweep import Options, Sweep

PATTERN = "detectors/*/*influence*"


@pytest.fixture
def presets(tiny_toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of presets with the tiny experiment as the only setting of the CPU scale."""
    (tmp_path / "presets" / "cpu").mkdir(parents=True)
    tiny_toml.rename(tmp_path / "presets" / "cpu" / "digits-badnet.toml")
    monkeypatch.setattr(paper, "PRESETS", tmp_path / "presets")
    return tmp_path / "presets"


@pytest.fixture
def sweep(presets: Path, tmp_path: Path) -> Sweep:
    return Sweep("cpu", PATTERN, [0, 1], tmp_path / "shared", tmp_path / "out", Options("local", 2))


def figures(sweep: Sweep) -> dict:
    return {(r["cell"], r["seed"]): r.get("figures") for r in sweep_commands.records(sweep)}


def test_two_workers_end_with_the_very_figures_of_one_process(sweep, tmp_path):
    assert sweep_commands.run(sweep)
    alone = paper.measure("cpu", PATTERN, [0, 1], tmp_path / "alone", tmp_path / "here")
    assert figures(sweep) == {(c.id, r["seed"]): r.get("figures") for c, r in alone}
    assert sweep.start() == {}, "the same call again has nothing to do"


def test_a_chain_that_fails_does_not_stop_the_others(sweep):
    blocked = sweep.folder(sweep.chains[0])
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no folder")
    assert not sweep_commands.run(sweep)
    states = {job.title: job.state for job in jobs.table(sweep.root).list()}
    assert states == {"digits-badnet, seed 0": "failed", "digits-badnet, seed 1": "done"}
    assert {seed for _, seed in figures(sweep)} == {1}


def test_ctrl_c_stops_every_worker_and_the_same_command_goes_on(sweep, presets, tmp_path):
    code = (
        "import signal, sys; from pathlib import Path; from core import paper, __main__\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs tests may ignore it
        "paper.PRESETS = Path(sys.argv.pop(1)); __main__.main()"
    )
    places = [f"--store={sweep.store}", f"--out={sweep.out}", "--executor=local", "--workers=2"]
    asked = ["bench", "paper", f"--cells={PATTERN}", "--seeds=2", *places]
    command = [sys.executable, "-c", code, str(presets), *asked]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    table, deadline = jobs.table(sweep.root), time.monotonic() + 120
    while not any(job.stage for job in table.active()):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.05)
    workers = [job.pid for job in table.active() if job.pid]
    running.send_signal(signal.SIGINT)
    told, deadline = running.communicate(timeout=120)[1], time.monotonic() + 30
    assert running.returncode == 130 and "stopping all workers" in told
    assert {job.state for job in table.list()} <= {"cancelled", "done"}
    assert workers
    while any(_works(pid) for pid in workers):  # they tell their end first, and then leave
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert sweep_commands.run(sweep) and len(figures(sweep)) == 4


def _works(pid: int) -> bool:
    """Whether the process is more than an ended one that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_what_is_measured_already_is_not_measured_again(sweep):
    list(paper.measure("cpu", PATTERN, [0], sweep.store, sweep.out))
    assert [chain.seed for chain in sweep.start()] == [1]
    for chain, job in sweep.look({c: j for c, j in sweep.start().items()}).items():
        jobs.table(sweep.root).request_cancel(job.id)
        assert chain.title == "digits-badnet, seed 1"


def test_workers_of_two_clusters_have_places_of_their_own(monkeypatch):
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")
    one = Options("ray").place_name
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:2")
    assert one != Options("ray").place_name and Options("local").place_name == "local"
    assert os.sep not in one
