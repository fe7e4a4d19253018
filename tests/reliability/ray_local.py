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
import urllib.request
from collections.abc import Callable
from pathlib import Path

from reliability.office import Office, wait_until

from core.jobs.executors.ray_cluster import Cluster
from core.jobs.record import Job

STORE_BYTES = 80_000_000  # the least that Ray takes, nearly
START_SECONDS = 180.0
HEAD, NODES = "127.0.0.2", "/api/v0/nodes?limit=100"
START = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]


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
        wait_until(lambda: not self._living(HEAD) or self._has_head(), START_SECONDS, 0.2)
        for number in range(self.wanted):
            self.add(f"127.0.0.{number + 3}")
        wait_until(self.all_there, START_SECONDS, 0.2)

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

    def _has_head(self) -> bool:
        return '"is_head_node": true' in self._answer(NODES)

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


class Work(Office):
    """A store whose supervisor gives its jobs to the cluster."""

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self.supervise("--executor=ray", "--grace=0.5", "--idle-exit=60")

    def wait_for(self, job: Job, wanted: Callable[[Job], bool], seconds: float = 120.0) -> Job:
        """The job once it is as wanted; Ray takes its time."""
        return super().wait_for(job, wanted, seconds)

    def pid(self) -> int:
        """The process that works on the job, by what it wrote down itself."""
        return int(self.kept.with_name(f"{self.kept.name}.pid").read_text())

    def node_of(self, job: Job) -> str:
        """The address of the node where a job runs."""
        told = Cluster().ask(f"/api/jobs/{self.table.get(job.id).handle}")
        return told["driver_agent_http_address"].partition("//")[2].partition(":")[0]

    def close(self) -> None:
        """End the supervisor, and by Ray what still runs."""
        super().close()
        with contextlib.suppress(Exception):
            for job in self.table.active():
                Cluster().ask(f"/api/jobs/{job.handle}/stop", method="POST")


def raylet_of(starter: int) -> int:
    """The process of a node's raylet, a child of the command that started the node."""
    told = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
    return next(pid for pid in map(int, told) if "raylet" in os.readlink(f"/proc/{pid}/exe"))
