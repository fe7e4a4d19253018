"""The page's side: find the engine of the results folder or start one, ask, and ask again when it died."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from core.engine import place, wire
from core.engine.questions import Question
from core.engine.wire import Gone, Message, Refused
from core.jobs.launch import spawn
from core.jobs.process import identify

ATTEMPTS = 3
START_SECONDS = 60.0
LOG_BYTES = 2**20


class EngineFailed(RuntimeError):
    """The engine says why it could not answer, or it died again and again, or could not be started."""


class Call:
    """One question: iterate over its events; `close` from any thread cancels it."""

    def __init__(self, root: Path, question: Question, options: tuple[str, ...] = ()) -> None:
        self.root, self.question, self.options = Path(root).resolve(), question, options
        self._line: socket.socket | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        """Cancel: the engine stops at its next report of progress."""
        self._closed.set()
        if line := self._line:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it was closed already

    def events(self) -> Iterator[Message]:
        """What the engine tells until it is done. Ends early when closed; raises EngineFailed."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with connect(self.root, self.options) as self._line:
                    if not self._closed.is_set():
                        yield from self._answers(self._line)
                return
            except (Gone, Refused) as error:
                if self._closed.is_set():
                    return
                if attempt == ATTEMPTS:
                    raise EngineFailed(
                        f"the engine ended {ATTEMPTS} times while it worked on this ({error}): often memory ran "
                        f"out; {log_file(self.root)} may tell why"
                    ) from error
                yield Message({"event": "restarted"})

    def _answers(self, line: socket.socket) -> Iterator[Message]:
        wire.send(line, asdict(self.question) | {"client": asdict(identify(os.getpid()))})
        while True:
            message = wire.receive(line, wire.Limits(arrays=wire.MAX_ARRAYS))
            if message.header.get("event") == "failed":
                raise EngineFailed(str(message.header.get("error")))
            yield message
            if message.header.get("event") == "done":
                return


def connect(root: Path, options: tuple[str, ...] = ()) -> socket.socket:
    """A greeted connection to the engine of a results folder, which is started where there is none."""
    return _reach(root) or _start(root, options)


def log_file(root: Path) -> Path:
    """What the engine prints."""
    return place.folder(root) / "engine.log"


def _reach(root: Path) -> socket.socket | None:
    """A connection to a living engine, or None."""
    if not (address := place.published(root)):
        return None
    try:
        line = socket.create_connection(("127.0.0.1", address.port), timeout=wire.PATIENCE)
    except OSError:
        return None
    try:
        wire.greet(line, address.token)
    except (Gone, Refused):
        line.close()
        return None
    return line


def _start(root: Path, options: tuple[str, ...]) -> socket.socket:
    """Start an engine and wait for it; of two dashboards that try at once, one starts it and both use it."""
    with place.locked(root, "starting", START_SECONDS):
        if line := _reach(root):
            return line
        log = log_file(root)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.unlink()
        command = ["-m", "core.engine", f"--store={root}", f"--parent={os.getpid()}", *options]
        process = spawn(command, log)
        threading.Thread(target=process.wait, daemon=True).start()  # collects it when it ends before we do
        return _awaited(root, process)


def _awaited(root: Path, process: subprocess.Popen[bytes]) -> socket.socket:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if line := _reach(root):
            return line
        time.sleep(0.05)
    raise EngineFailed(
        f"the engine did not start within {START_SECONDS:.0f} s; {log_file(root)} may tell why"
    )
