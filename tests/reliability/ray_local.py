"""A real Ray cluster on one machine: a head without processors and nodes with one each, every one at its own
loopback address, so that Ray takes them for machines of their own. And jobs for it: small functions, and a store with
a supervisor that gives them to the cluster.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import jobs
from core.jobs.executors.ray_cluster import Cluster
from core.jobs.record import Job

STORE_BYTES = 80_000_000  # the least that Ray takes, nearly
START_SECONDS = 180.0
HEAD, NODES = "127.0.0.2", "/api/v0/nodes?limit=100"
START = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]

PROBES = '''
import os, pathlib, signal, subprocess, time
from core import progress

def count(spec):
    """Counts, and continues where an earlier attempt stopped."""
    kept = pathlib.Path(spec["file"])
    pathlib.Path(spec["file"] + ".pid").write_text(str(os.getpid()))
    first = int(kept.read_text() or 0) if kept.exists() else 0
    print(f"begins at {first}", flush=True)
    for done in range(first, spec["steps"] + 1):
        progress.update("steps", done, spec["steps"])
        part = kept.with_suffix(".part")
        part.write_text(str(done))
        part.rename(kept)
        time.sleep(spec["pause"])

def stubborn(spec):
    """Heeds no signal, reports nothing, and has a child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    pathlib.Path(spec["file"] + ".pid").write_text(str(os.getpid()))
    pathlib.Path(spec["file"]).write_text(str(child.pid))
    while True:
        time.sleep(0.05)

def fail(spec):
    print("about to fail")
    raise ValueError("poison_rate=1.2: expected a share in (0, 1)")
'''
KINDS = ("count", "stubborn", "fail")


def wait_for(condition: Callable[[], Any], seconds: float = START_SECONDS, pause: float = 0.2) -> Any:
    """The first value of `condition` that counts as true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)
    return value


def free_ports(count: int) -> list[int]:
    """Ports nobody listens at."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]


class HeadGaveUp(Exception):
    """Ray gives itself 30 s to start, which can be too little on a busy machine."""


class LocalCluster:
    """Start it with `with`. `guarded=False` leaves the token out, as Ray does unless it is told."""

    def __init__(self, folder: Path, nodes: int = 2, *, guarded: bool = True) -> None:
        self.folder, self.wanted, self.guarded = folder, nodes, guarded
        self.token = secrets.token_hex(32)
        self.token_file = folder / "token"
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}
        self.gcs, self.port = free_ports(2)
        self.address = f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client of this cluster needs in its environment."""
        mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token_file)}
        return {"RAY_API_SERVER_ADDRESS": self.address, **mode}

    def __enter__(self) -> "LocalCluster":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(self.token)
        for tries_left in (2, 1, 0):
            try:
                self._begin()
                return self
            except BaseException as error:
                self.__exit__()
                if not tries_left or not isinstance(error, HeadGaveUp):
                    raise
        raise AssertionError("unreachable")

    def _begin(self) -> None:
        shutil.rmtree(self.folder / "ray", ignore_errors=True)
        temp = [f"--temp-dir={self.folder / 'ray'}", "--include-log-monitor=false"]
        dashboard = ["--dashboard-host=127.0.0.1", f"--dashboard-port={self.port}"]
        self._start(HEAD, ["--head", f"--port={self.gcs}", "--num-cpus=0", *dashboard, *temp])
        wait_for(lambda: '"is_head_node": true' in self._answer(NODES) or not self._living(HEAD))
        for number in range(self.wanted):
            self.add(f"127.0.0.{number + 3}")
        wait_for(self.all_there)

    def __exit__(self, *error: object) -> None:
        for address in list(self.nodes):
            self.remove(address)

    def all_there(self) -> bool:
        """Whether all nodes are; one that gave up on a busy machine, after 30 s, is started again."""
        if not self._living(HEAD):
            raise HeadGaveUp(f"the head did not start, see {self.folder / HEAD}.log")
        for address in [a for a in self.nodes if not self._living(a)]:
            self.nodes.pop(address)
            self.add(address)
        return self.counted() == self.wanted

    def add(self, address: str) -> None:
        """Start a node of one processor; does not wait for it."""
        join = [f"--address=127.0.0.2:{self.gcs}", "--num-cpus=1", "--include-log-monitor=false"]
        self._start(address, join)

    def remove(self, address: str) -> None:
        """End a node and all its processes by force, as when its plug is pulled."""
        node = self.nodes.pop(address)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()

    def counted(self) -> int:
        """Nodes with a processor that the cluster takes for alive."""
        told = json.loads(self._answer(NODES) or "{}")
        nodes = told.get("data", {}).get("result", {}).get("result", [])
        return sum(node["state"] == "ALIVE" and "CPU" in node["resources_total"] for node in nodes)

    def _start(self, address: str, options: list[str]) -> None:
        command = [*START, f"--node-ip-address={address}", f"--object-store-memory={STORE_BYTES}", *options]
        mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token_file)}
        own = mode if self.guarded else {"RAY_AUTH_MODE": "disabled"}
        slow = {"RAY_worker_register_timeout_seconds": "150"}
        places = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        with (self.folder / f"{address}.log").open("wb") as log:
            self.nodes[address] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | own | places | slow | {"RAY_USAGE_STATS_ENABLED": "0"},
            )

    def _living(self, address: str) -> bool:
        return self.nodes[address].poll() is None

    def _answer(self, path: str) -> str:
        request = urllib.request.Request(
            self.address + path, headers={"Authorization": f"Bearer {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""


class Work:
    """A store, its job table, and a supervisor that gives its jobs to the cluster."""

    def __init__(self, store: Path) -> None:
        self.store, self.table, self.kept = store, jobs.table(store), store / "kept"
        kinds = [f"--kind={name}=probes:{name}" for name in KINDS]
        options = ["--executor=ray", "--grace=0.5", "--idle-exit=60", *kinds]
        with (store / "supervisor output").open("ab") as out:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "core.jobs.supervisor", f"--store={store}", *options],
                stdout=out,
                stderr=out,
            )

    def submit(self, kind: str, **spec: Any) -> Job:
        """Ask for a job of one processor."""
        return self.table.submit(kind, json.dumps({"file": str(self.kept), **spec}), kind)

    def wait_for(self, job: Job, wanted: Callable[[Job], bool], seconds: float = 120.0) -> Job:
        """The job once it is as wanted."""
        return wait_for(lambda: (now := self.table.get(job.id)) and wanted(now) and now, seconds)

    def pid(self) -> int:
        """The process that works on the job, by what it wrote down itself."""
        return int(self.kept.with_name("kept.pid").read_text())

    def node_of(self, job: Job) -> str:
        """The address of the node where a job runs."""
        told = Cluster().ask(f"/api/jobs/{self.table.get(job.id).handle}")
        return told["driver_agent_http_address"].partition("//")[2].partition(":")[0]

    def close(self) -> None:
        """End the supervisor, and by Ray what still runs."""
        self._supervisor.kill()
        self._supervisor.wait()
        with contextlib.suppress(Exception):
            for job in self.table.active():
                Cluster().ask(f"/api/jobs/{job.handle}/stop", method="POST")


def raylet_of(starter: int) -> int:
    """The process of a node's raylet, a child of the command that started the node."""
    told = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
    return next(pid for pid in map(int, told) if "raylet" in os.readlink(f"/proc/{pid}/exe"))
