"""Start our own processes so that they outlive whoever started them; at most one supervisor a store.

The one-supervisor promise is a file lock: the kernel releases it when the holder ends, however it ends.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from core import locks
from core.jobs import family
from core.jobs.process import Identity, identify, is_alive, kill
from core.jobs.record import JobsUnavailable
from core.jobs.resources import setting

SOURCE_ROOT = Path(__file__).resolve().parents[2]
LOCK = "supervisor.lock"
STALLED_SECONDS = 60
STARTUP_PATIENCE = 1.0  # seconds a supervisor waits for those who only look whether one is running


def jobs_dir(store_root: Path | str) -> Path:
    """The folder of a store that holds the job table, the logs and the supervisor's lock."""
    return Path(store_root).resolve() / "jobs"


def table_file(store_root: Path | str) -> Path:
    """The file of a store's job table."""
    return jobs_dir(store_root) / "jobs.sqlite3"


def spawn(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """`python COMMAND` in a session of its own with more in its environment, printing to the end of `log`."""
    path = os.pathsep.join(filter(None, [str(SOURCE_ROOT), os.environ.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    with log.open("ab") as out:
        return subprocess.Popen(
            # -P: the current folder is not a place to import from
            [sys.executable, "-P", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | own | dict(environment or {}),
        )


@contextmanager
def supervisor_lock(folder: Path, patience: float = 0.0) -> Iterator[bool]:
    """Hold the right to supervise within the block; yields False when another process has it."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unavailable(folder, error) from error
    try:
        yield locks.taken(descriptor, time.monotonic() + patience)
    finally:
        os.close(descriptor)


def is_supervised(store_root: Path | str) -> bool:
    """Whether a supervisor is running for this store."""
    folder = jobs_dir(store_root)
    if not folder.exists():
        return False
    with supervisor_lock(folder) as free:
        return not free


def beat(store_root: Path | str) -> None:
    """Say that the supervisor, this process, is at work."""
    text = f"{time.monotonic():018.3f} {identify(os.getpid()).text}\n"
    descriptor = os.open(jobs_dir(store_root) / LOCK, os.O_WRONLY)
    try:
        os.pwrite(descriptor, text.encode(), 0)
    finally:
        os.close(descriptor)


def stalled(store_root: Path | str) -> Identity | None:
    """The supervisor that holds its post but has said nothing for a minute of the machine being awake."""
    try:
        seconds, text = (jobs_dir(store_root) / LOCK).read_text().splitlines()[0].split(" ", 1)
        holder = Identity.read(text)
        silent = time.monotonic() - float(seconds) > setting("STALLED", STALLED_SECONDS)
    except (OSError, ValueError, IndexError):
        return None
    return holder if silent and is_alive(holder) else None


def ensure_supervisor(store_root: Path | str, options: Sequence[str] = ()) -> None:
    """Start a supervisor for the store unless one is at work; one that has been stopped is replaced.

    `options` are its command line options. Two callers at once may start two: the second finds the lock taken and
    leaves.
    """
    folder = jobs_dir(store_root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_supervised(store_root):
            holder = stalled(store_root)
            if holder is None:
                return
            kill(holder)  # its workers are in sessions of their own and go on
        command = ["-m", "core.jobs.supervisor", f"--store={folder.parent}", *options]
        process = spawn(command, folder / "supervisor.log", {family.MARK: ""})
    except OSError as error:
        raise _unavailable(folder, error) from error
    threading.Thread(target=process.wait, daemon=True).start()  # collects it when it ends before we do


def _unavailable(folder: Path, error: OSError) -> JobsUnavailable:
    return JobsUnavailable(f"cannot supervise jobs in {folder}: {error}; choose a store in a writable folder")
