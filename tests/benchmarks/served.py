"""The dashboard's own server for a measurement, and what its process takes."""

import os
import shutil
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

import numpy as np
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
LIBRARIES = ("libtorch", "scikit_learn", "torchvision")
"""Parts of file names that betray a library in a process."""


@dataclass(frozen=True)
class Server:
    """A running dashboard."""

    address: str
    pid: int
    seconds: float
    """From the start of the process to its first answer."""

    def memory_mb(self) -> float:
        """What the process holds now, its share of pages that others use too included once."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return round(int(next(x for x in lines if x.startswith("Pss:")).split()[1]) / 1024, 1)

    def libraries(self) -> list[str]:
        """Which of the heavy libraries it has loaded."""
        maps = Path(f"/proc/{self.pid}/maps").read_text()
        return [name for name in LIBRARIES if name in maps]


@contextmanager
def running_server(store: Path) -> Iterator[Server]:
    """The dashboard on a free port, ended with everything it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("streamlit")), "run", "app/main.py"]
    with tempfile.TemporaryFile() as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=ROOT,
            env=os.environ | {"INFLUENCE_STORE": str(store)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield Server(f"http://127.0.0.1:{port}", process.pid, round(time.monotonic() - began, 2))
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                sys.exit(f"the server ended with status {process.returncode}")
            time.sleep(0.05)
    sys.exit("the server did not answer within a minute")


def chromium() -> dict[str, object]:
    """How to start the browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return {"executable_path": path, "args": ["--no-sandbox", "--disable-gpu"]}


def at_rest(page: Page) -> None:
    """Wait until the page has run to its end."""
    page.wait_for_selector("[data-testid=stApp]:not([data-test-script-state=running])", timeout=60_000)


def spread(values: list[float]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum."""
    middle, high = np.percentile(values, [50, 95])
    return {
        "n": len(values),
        "p50": round(float(middle), 1),
        "p95": round(float(high), 1),
        "max": round(max(values), 1),
    }
