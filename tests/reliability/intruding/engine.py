"""Attacks on the engine that scores images: other accounts of the computer, and guesses of its token."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from core.engine import place, wire

from .raw import Tries

STRANGER = 65534
READS = "import sys; print(len(open(sys.argv[1]).read()))"
LISTS = "import os, sys; print(len(os.listdir(sys.argv[1])))"


def other_people(root: Path, guesses: int) -> Tries:
    """Its files read by another account (where we may become one), and connections without the token."""
    root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "core.engine", f"--store={root}", f"--parent={os.getpid()}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if place.published(root):
                break
            time.sleep(0.1)
        address = place.published(root)
        assert address, "the engine did not start"
        return [
            *_files(root),
            *(_guess(address.port) for _ in range(guesses)),
            *_garbage(address.port, guesses),
        ]
    finally:
        process.terminate()
        process.wait(timeout=20)


def _files(root: Path) -> Tries:
    python = shutil.which("python3", path="/usr/bin:/bin")
    if os.geteuid() != 0 or python is None:
        return []
    for folder in (root, *root.parents[:2]):  # let only the engine's own folder stand in the way
        folder.chmod(0o755)
    folder, tries = root / "engine", []
    for code, path in ((LISTS, folder), *((READS, file) for file in folder.iterdir())):
        done = subprocess.run(
            [python, "-c", code, str(path)], capture_output=True, user=STRANGER, check=False
        )
        refused = b"PermissionError" in done.stderr
        tries.append((f"{path.name} read by another account", not refused))
    return tries


def _guess(port: int) -> tuple[str, bool]:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as line:
        try:
            wire.greet(line, secrets.token_hex(32))
        except (wire.Gone, wire.Refused):
            return "a guessed token", False
        return "a guessed token", True


def _garbage(port: int, times: int) -> Tries:
    """Bytes that are no greeting: answered with nothing but the engine's challenge."""
    tries: Tries = []
    for _ in range(times):
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as line:
            got = b""
            try:
                line.sendall(os.urandom(secrets.randbelow(200) + 1) + b"GET / HTTP/1.1\r\n\r\n")
                line.shutdown(socket.SHUT_WR)
                while some := line.recv(4096):
                    got += some
            except OSError:  # hung up in the middle
                pass
            tries.append(("garbage", len(got) > 400 or b"proof" in got))
    return tries
