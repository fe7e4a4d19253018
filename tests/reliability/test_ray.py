"""A real Ray cluster of two nodes: the same results as here, nobody in without the token, nothing left behind."""

import http.server
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from reliability.nolocks import at_once, mounted
from reliability.office import make_probes, wait_until
from reliability.ray_local import START_SECONDS, LocalCluster, Work, raylet_of

from core import paper, runs
from core.commands import bench_commands, sweep_commands
from core.jobs.executors import ExecutorUnavailable
from core.jobs.executors.ray_cluster import Cluster, checked_address, token
from core.pipeline import plan
from core.store import Store
from core.sweep import Options, Sweep

pytest.importorskip("ray", reason="needs the extra: pip install .[ray]")
SOURCE_ROOT = Path(__file__).resolve().parents[2]
PATTERN = "detectors/*/*influence*"


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    short = Path(f"/tmp/ray-test-{os.getpid()}")  # Ray's sockets lie below, whose names may have 107 letters
    with LocalCluster(short) as started:
        yield started
    shutil.rmtree(short, ignore_errors=True)


@pytest.fixture
def work(cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("PYTHONPATH", make_probes(tmp_path / "modules"))
    opened = Work(tmp_path / "a store & more")
    yield opened
    opened.close()


@pytest.fixture
def one_setting(tiny_toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "presets" / "cpu").mkdir(parents=True)
    tiny_toml.rename(tmp_path / "presets" / "cpu" / "digits-badnet.toml")
    monkeypatch.setattr(paper, "PRESETS", tmp_path / "presets")


def figures(records: list[dict[str, Any]]) -> dict[tuple[str, int], Any]:
    return {(r["cell"], r["seed"]): r.get("figures", r.get("failed")) for r in records}


def test_a_sweep_over_two_nodes_ends_with_the_very_figures_of_one_process(work, one_setting, tmp_path):
    sweep = Sweep("cpu", PATTERN, [0, 1], tmp_path / "shared", tmp_path / "out", Options("ray", 2))
    assert sweep_commands.run(sweep)
    alone = paper.measure("cpu", PATTERN, [0, 1], tmp_path / "alone", tmp_path / "here")
    assert figures(sweep_commands.records(sweep)) == figures([{"cell": c.id} | r for c, r in alone])
    assert sweep.start() == {}, "all is measured: the same call has nothing to do"
    assert not list(sweep.root.glob("jobs/desks/*")), "no desk is left"


def test_a_job_whose_node_is_killed_goes_on_at_another_one(work, cluster):
    job = work.submit("count", steps=60, pause=0.1)
    wait_until(lambda: work.kept.exists() and int(work.kept.read_text()) >= 5, START_SECONDS)
    lost, worker = work.node_of(job), work.pid()
    os.kill(raylet_of(cluster.nodes[lost].pid), signal.SIGKILL)
    ended = work.wait_for(job, lambda job: not job.is_live)
    assert (ended.state, ended.attempt) == ("done", 2), ended.error
    assert not Path(f"/proc/{worker}").exists()
    told = [line for line in ended.log_tail().splitlines() if line.startswith("begins at ")]
    assert told[0] == "begins at 0" and int(told[1].split()[-1]) >= 5
    cluster.remove(lost)
    cluster.add(lost)
    wait_until(cluster.all_there, START_SECONDS, 0.2)


def test_cancelling_ends_a_job_that_heeds_nothing_with_all_its_processes(work):
    job = work.submit("stubborn")
    child = int(wait_until(lambda: work.kept.exists() and work.kept.read_text(), START_SECONDS))
    work.table.request_cancel(job.id)
    ended = work.wait_for(job, lambda job: not job.is_live)
    assert ended.state == "cancelled" and "by force" in (ended.error or "")
    for pid in (child, work.pid()):
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), 10)


def test_a_job_that_fails_says_why_and_its_log_can_be_read(work):
    job = work.submit("fail")
    ended = work.wait_for(job, lambda job: not job.is_live)
    assert (ended.state, ended.error) == ("failed", "ValueError: poison_rate=1.2: expected a share in (0, 1)")
    assert "about to fail" in ended.log_tail()


def test_the_token_is_in_no_file_of_the_store_and_in_no_submission(work, cluster):
    job = work.wait_for(work.submit("fail"), lambda job: not job.is_live)
    for file in work.store.rglob("*"):
        assert not file.is_file() or cluster.token.encode() not in file.read_bytes(), file
    assert cluster.token not in json.dumps(Cluster().ask("/api/jobs/"))
    assert cluster.token not in job.handle + str(job)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"RAY_AUTH_MODE": ""}, "expected token"),
        ({"RAY_AUTH_TOKEN": "wrong" * 13}, "refuses the token"),
        ({"RAY_AUTH_TOKEN_PATH": "/nowhere"}, "cannot read the cluster's token"),
    ],
)
def test_without_the_right_token_nothing_is_submitted(work, monkeypatch, changes, told):
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ExecutorUnavailable, match=told) as refused:
        Cluster()
    assert "wrong" not in str(refused.value)


class Door(http.server.BaseHTTPRequestHandler):
    """Lets everybody in, as a Ray cluster without token authentication does; or is too old."""

    guarded = False

    def do_GET(self) -> None:
        allowed = not self.guarded or "Authorization" in self.headers
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(b'{"ray_version": "2.51.9"}')

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], str]]:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x" * 64)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def opened(guarded: bool) -> str:
        monkeypatch.setattr(Door, "guarded", guarded)
        return f"http://127.0.0.1:{server.server_port}"

    yield opened
    server.shutdown()
    server.server_close()


def test_a_cluster_that_lets_strangers_in_is_refused(door):
    with pytest.raises(ExecutorUnavailable, match="answers 200 to a stranger"):
        Cluster(door(False))


def test_a_version_with_known_holes_is_refused(door):
    with pytest.raises(ExecutorUnavailable, match=r"runs Ray 2\.51\.9: at least 2\.52"):
        Cluster(door(True))


@pytest.mark.parametrize(
    "address", ["http://10.0.0.5:8265", "http://user:pass@127.0.0.1:8265", "ray://x", "x"]
)
def test_a_way_on_which_the_token_could_be_read_is_refused(address):
    with pytest.raises(ExecutorUnavailable):
        checked_address(address)


def test_two_machines_whose_locks_do_not_meet_end_with_one_sound_result_each(tiny, tmp_path):
    (tmp_path / "tiny.toml").write_text(tiny.experiment.to_toml())
    roots = mounted(tmp_path / "store", 2)
    assert at_once(tmp_path / "tiny.toml", roots) == ["", ""]
    p = plan(tiny.experiment, Store(roots[0], computes=False))
    assert not runs.missing(p) and all(step.value is not None for step in runs.kept(p) if step.done)
    left = [p.name for p in (tmp_path / "store" / "disk").glob("*/*") if len(p.name) != 32]
    assert not left, "nothing half-written, nothing taken for damaged"


def test_the_page_process_needs_no_ray():
    code = "import sys, core.jobs.executors.ray, core.sweep; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=SOURCE_ROOT, check=False).returncode == 0


def test_the_guide_quotes_what_is_really_said_and_gives_a_command_that_is_understood(monkeypatch):
    text = (SOURCE_ROOT / "assets" / "guide" / "cluster.md").read_text()
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(ExecutorUnavailable) as refused:
        token()
    files = ("core/jobs/executors/ray_cluster.py", "core/sweep.py")
    said = str(refused.value) + "".join((SOURCE_ROOT / file).read_text() for file in files)
    quoted = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert len(quoted) == 5 and all(q in said.replace("{status}", "200") for q in quoted)
    told = re.findall(r"^python -m core bench paper (.+)$", text, re.MULTILINE)
    known = typer.main.get_command(bench_commands.app).commands["paper"]
    assert told and all(known.make_context("paper", shlex.split(line)) for line in told)
    options = {name for option in known.params for name in option.opts}
    assert set(re.findall(r"`(--(?:threads|device|address|executor|workers))", text)) <= options
