"""The dashboard's server in a process of its own, and what it and its helpers take, as the kernel counts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
ALIVE = "alive.json"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A running process."""

    pid: int

    def cpu_seconds(self) -> float:
        """Processor time so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self, kind: str = "Pss") -> float:
        """What it holds, its share of pages that others use too included; `Pss_Anon` is without pages of files."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return round(int(next(x for x in lines if x.startswith(f"{kind}:")).split()[1]) / 1024, 1)

    def threads(self) -> int:
        """How many threads it has."""
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def open_files(self) -> int:
        """How many files, sockets and pipes it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@dataclass(frozen=True)
class Served:
    """A dashboard that answers."""

    address: str
    process: Process
    store: Path
    log: Path

    def alive(self) -> dict[str, float]:
        """What is alive in its memory, as `launched` has written it down."""
        file = self.log.with_name(ALIVE)
        return json.loads(file.read_text()) if file.exists() else {}

    def helpers(self) -> dict[str, Process]:
        """The engine and the supervisor of the same store, where they run."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it has ended meanwhile
                continue
            if any(str(self.store) in word for word in words):
                for module, name in (("core.engine", "engine"), ("core.jobs.supervisor", "supervisor")):
                    if module in words:
                        found[name] = Process(int(folder.name))
        return found


@contextmanager
def serving(store: Path, script: Path | None = None, *, as_glibc_likes: bool = False) -> Iterator[Served]:
    """The dashboard, or another page, on a free port over this store, ended with everything that it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        launched = [sys.executable, str(HERE / "launched.py"), str(Path(folder, ALIVE))]
        told = ["--as-glibc-likes"] * as_glibc_likes
        process = subprocess.Popen(
            [*launched, *told, "run", str(script or "app/main.py"), "--server.port", str(port)],
            cwd=ROOT,
            env=surroundings | {"INFLUENCE_STORE": str(store)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        served = Served(f"http://127.0.0.1:{port}", Process(process.pid), store.resolve(), Path(log.name))
        try:
            _wait_for(served, process)
            yield served
        finally:
            for helper in served.helpers().values():
                os.kill(helper.pid, signal.SIGTERM)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _wait_for(served: Served, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{served.address}/_stcore/health", timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"the dashboard did not start: {served.log.read_text()[-2000:]}")
