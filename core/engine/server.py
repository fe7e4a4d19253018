"""The engine process: listens on this computer alone, lets in who has the token, and ends when nobody needs it.

One thread for each connection, which carries one question; one question is worked on at a time. A closed
connection cancels its question.
"""

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.engine import place, wire
from core.engine.place import Address
from core.engine.questions import OtherCode, Question, planned
from core.jobs.process import Identity, identify, is_alive
from core.progress import Cancelled, reporting
from core.runs import open_store

TICK = 0.25
SEND_PATIENCE = 30.0
MOST_CONNECTIONS = 16

log = logging.getLogger(__name__)


class Caller:
    """One question's connection: a progress sink that passes on a few reports a second, and stops once it is closed."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self._stage, self._told, self._looked = "", 0.0, 0.0

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._stage = name
        self.tell({"event": "progress", "stage": name, "phase": "", "done": 0, "total": None})

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Steps are done. Raises Cancelled when nobody listens any more."""
        now = time.monotonic()
        if now - self._told >= TICK:
            self._told = now
            progress = {"phase": phase, "done": done, "total": total}
            self.tell({"event": "progress", "stage": self._stage} | progress)
        elif now - self._looked >= TICK / 5:
            self._looked = now
            self.check()

    def tell(self, header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
        """Send an event. Raises Cancelled when nobody listens any more."""
        self.check()
        try:
            wire.send(self.line, header, arrays)
        except wire.Gone as error:
            raise Cancelled from error

    def check(self) -> None:
        """Raise Cancelled when the other side has closed, or says anything: it has nothing to say."""
        if select.select([self.line], [], [], 0)[0]:
            raise Cancelled


class Server:
    """One for each results folder. `idle` is the seconds without a question after which it ends."""

    def __init__(self, root: Path, parent: int | None, idle: float) -> None:
        self.root, self.idle = root, idle
        self.clients: set[Identity] = {identify(parent)} if parent else set()
        self.desk: Any = None
        self._work, self._seats = threading.Lock(), threading.Semaphore(MOST_CONNECTIONS)
        self._last = time.monotonic()
        self._over = threading.Event()

    def run(self) -> None:
        """Answer until nobody needs it."""
        with socket.create_server(("127.0.0.1", 0)) as door:
            door.settimeout(TICK)
            self.address = Address(door.getsockname()[1], wire.new_token(), os.getpid())
            place.publish(self.root, self.address)
            log.info("process %s answers on port %s", self.address.pid, self.address.port)
            threading.Thread(target=self._warm_up, daemon=True).start()
            while self._needed():
                try:
                    line, _ = door.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()
        place.withdraw(self.root, self.address)

    def _needed(self) -> bool:
        """Whether a dashboard lives, there was a question lately, and the address on file is still ours."""
        if self._over.is_set() or place.published(self.root) != self.address:
            return False
        if self._work.locked():
            self._last = time.monotonic()
        return any(map(is_alive, self.clients)) and time.monotonic() - self._last < self.idle

    def _warm_up(self) -> None:
        """Load torch while the first question is on its way."""
        with self._work:
            from core.engine.desk import Desk

            self.desk = Desk(self.root)

    def _serve(self, line: socket.socket) -> None:
        """One connection from greeting to end."""
        with line:
            if not self._seats.acquire(blocking=False):
                return
            try:
                wire.admit(line, self.address.token)
                line.settimeout(SEND_PATIENCE)
                asked = wire.receive(line, wire.Limits()).header
                self._answer(Caller(line), asked)
            except (wire.Refused, wire.Gone) as error:
                log.warning("a connection was closed: %s", error)
            except Cancelled:
                log.info("a question was cancelled")
            finally:
                self._seats.release()

    def _answer(self, caller: Caller, asked: dict[str, Any]) -> None:
        try:
            which = (int(asked["which"][0]), int(asked["which"][1]))
            question = Question(str(asked["kind"]), dict(asked["experiment"]), str(asked["key"]), which)
            self.clients.add(Identity(**asked["client"]))
        except (LookupError, TypeError, ValueError) as error:
            raise wire.Refused(f"no question ({type(error).__name__})") from error
        try:
            planned(question, open_store(self.root))  # before anything is loaded
            self._work_on(question, caller)
            caller.tell({"event": "done"})
        except OtherCode as error:
            log.warning("%s; ending, so that a new one is started", error)
            place.withdraw(self.root, self.address)  # at once, for the page is about to look again
            self._over.set()
        except Cancelled:
            raise
        except Exception as error:  # whatever it is, the page must show it
            log.exception("a question failed")
            caller.tell({"event": "failed", "error": f"{type(error).__name__}: {error}"})

    def _work_on(self, question: Question, caller: Caller) -> None:
        """Wait for the desk and do the work."""
        while not self._work.acquire(timeout=TICK):
            caller.tell({"event": "queued"})
        try:
            with reporting(caller):
                self.desk.answer(question, caller.tell)
        finally:
            self._last = time.monotonic()
            self._work.release()


def serve(root: Path, parent: int | None, idle: float, patience: float = 2.0) -> bool:
    """Be the engine of a results folder; returns False at once when there is one already."""
    with place.locked(root, "engine", patience) as mine:
        if mine:
            Server(root, parent, idle).run()
        return mine
