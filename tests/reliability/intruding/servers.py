"""The dashboard as a process of its own: one that answers, or one that should not start."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .raw import ask

ROOT = Path(__file__).parents[3]


@contextmanager
def served(store: Path, port: int, *options: str, **environment: str) -> Iterator[Path]:
    """The dashboard on a port with more options; yields its log."""
    log = store.parent / f"served on {port}.log"
    command = [str(Path(sys.executable).with_name("streamlit")), "run", "app/main.py"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--server.port", str(port), *options],
            cwd=ROOT,
            env=os.environ | {"INFLUENCE_STORE": str(store)} | environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        for _ in range(400):
            assert process.poll() is None, log.read_text()
            with closing(socket.socket()) as line:
                up = line.connect_ex(("127.0.0.1", port)) == 0
            if up and ask(port, "/_stcore/health").status:
                break
            time.sleep(0.2)
        yield log
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def started(store: Path, port: int, *options: str, **environment: str) -> tuple[int | None, str]:
    """How the dashboard ended that should not start, and what it said; None where it is up after all."""
    command = [
        str(Path(sys.executable).with_name("streamlit")),
        "run",
        "app/main.py",
        "--server.port",
        str(port),
    ]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=os.environ | {"INFLUENCE_STORE": str(store)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for _ in range(300):
            if process.poll() is not None:
                return process.returncode, process.communicate()[0]
            time.sleep(0.2)
            with closing(socket.socket()) as line:
                line.settimeout(1)
                if line.connect_ex(("127.0.0.1", port)) == 0 and _answers(port):
                    return None, "it answers"
        return None, "it neither ended nor answered"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _answers(port: int) -> bool:
    try:
        return ask(port, "/_stcore/health").status != 0
    except OSError:  # bound, and not ready yet or about to end
        return False
