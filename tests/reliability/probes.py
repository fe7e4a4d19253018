"""Small functions that jobs of the tests run, here or on a node of a cluster; copied to a folder of their own."""

import logging
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

from core import progress

Spec = dict[str, Any]


def _sign_in(spec: Spec) -> pathlib.Path:
    """Write down which process works on the job; returns the file where it keeps how far it is."""
    pathlib.Path(spec["file"] + ".pid").write_text(str(os.getpid()))
    return pathlib.Path(spec["file"])


def count(spec: Spec) -> None:
    """Counts, and continues where an earlier attempt stopped."""
    kept = _sign_in(spec)
    first = int(kept.read_text() or 0) if kept.exists() else 0
    print(f"begins at {first}", flush=True)
    progress.stage("train")
    for done in range(first, spec["steps"] + 1):
        progress.update("epochs", done, spec["steps"])
        part = kept.with_name("part")
        part.write_text(str(done))
        part.rename(kept)
        time.sleep(spec["pause"])


def stubborn(spec: Spec) -> None:
    """Heeds no signal, reports nothing, and has a child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    _sign_in(spec).write_text(str(child.pid))
    while True:
        time.sleep(0.05)


def fail(spec: Spec) -> None:
    """Ends with an error of the settings."""
    print("about to fail")
    raise ValueError("poison_rate=1.2: expected a share in (0, 1)")


def vanish(spec: Spec) -> None:
    """Ends without a word."""
    os._exit(7)


def tell(spec: Spec) -> None:
    """Goes through two stages, and logs a line."""
    logging.getLogger("core.train").info("accuracy 0.91")
    for stage in progress.track(["train", "score"], "stages"):
        progress.stage(stage)
    pathlib.Path(spec["file"]).write_text(os.environ["OMP_NUM_THREADS"])


def once(spec: Spec) -> None:
    """Writes down every step it does, so that a step done twice shows."""
    kept = pathlib.Path(spec["file"])
    first = len(kept.read_text().split()) if kept.exists() else 0
    progress.stage("train")
    for step in range(first, spec["steps"]):
        with kept.open("a") as out:
            out.write(f"{step}\n")
        progress.update("epochs", step + 1, spec["steps"])
        time.sleep(spec["pause"])


def flood(spec: Spec) -> None:
    """Prints without end in sight."""
    line = "x" * 99 + "\n"
    print("the first line")
    for _ in range(spec["megabytes"] * 10):
        sys.stdout.write(line * 1049)
        sys.stdout.flush()
        progress.update("prints", 0, None)
    print("the last line")


def burst(spec: Spec) -> None:
    """Stops in the middle, so that nothing of it looks at the log while another process prints; then may be killed."""
    worker = os.getpid()
    if os.fork():
        os.kill(worker, signal.SIGSTOP)
        return
    os.write(1, b"the first line\n")
    for _ in range(spec["megabytes"]):
        os.write(1, b"y" * (2**20 - 1) + b"\n")
    time.sleep(0.5)
    os.write(1, b"the last line\n")
    if not spec["stuck"]:
        os.kill(worker, signal.SIGKILL)
    os._exit(0)


def forest(spec: Spec) -> None:
    """Leaves processes that try to hide: own sessions, no marks, orphaned twice over, more and more of them."""
    hide = "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
    live = f"time.sleep(99.{spec['tag']})"
    again = "[os.fork() for _ in range(3)]\n"
    for kind, environment in ((hide, {}), (hide, None), (again, None), (hide + again, {})):
        subprocess.Popen([sys.executable, "-S", "-c", "import os, time\n" + kind + live], env=environment)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pathlib.Path(spec["file"]).write_text("planted")
    while True:
        time.sleep(0.05)


def cards(spec: Spec) -> None:
    """Says which graphics cards it sees, and holds them until it may end."""
    told = f"{os.environ['CUDA_VISIBLE_DEVICES']};{os.environ['OMP_NUM_THREADS']}"
    pathlib.Path(spec["file"] + str(spec["n"])).write_text(told)
    while not pathlib.Path(spec["file"]).exists():
        progress.update("waits", 0, None)
        time.sleep(0.02)
