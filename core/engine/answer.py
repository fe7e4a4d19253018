"""A question on its way: a thread of the page process follows it, and pages look at how far it is."""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.engine.client import Call, EngineFailed
from core.engine.questions import Question

log = logging.getLogger(__name__)


@dataclass
class Part:
    """Scores that have arrived: training rows [m] and values, float32 [q m], as the engine sent them."""

    rows: np.ndarray
    values: np.ndarray


@dataclass
class Answer:
    """`state` is asking, done, failed or cancelled. Fields are replaced, never changed, so any thread may read them."""

    root: Path
    question: Question
    options: tuple[str, ...] = ()
    state: str = "asking"
    error: str = ""
    stage: str = ""
    phase: str = ""
    steps: tuple[int, int | None] = (0, None)
    ready: bool = False
    """Whether the picked image has been read."""
    restarts: int = 0
    scored: tuple[int, int] = (0, 0)
    """Training images that have been scored, of how many."""
    parts: tuple[Part, ...] = ()
    seconds: float = 0.0
    first_seconds: float | None = None
    """Until the first scores came."""
    _call: Call = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Ask."""
        self._call = Call(self.root, self.question, self.options)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop; what the engine has finished is kept."""
        if self.state == "asking":
            self.state = "cancelled"
        self._call.close()

    def wait(self, seconds: float) -> bool:
        """Give a quick answer the time to arrive; returns whether it has ended."""
        self._thread.join(seconds)
        return self.state != "asking"

    def _follow(self) -> None:
        try:
            for message in self._call.events():
                self._note(message.header, message.arrays)
        except EngineFailed as error:
            self.error = str(error)
            self._end("failed")
        except Exception as error:  # whatever it is, the page must show it
            log.exception("a question could not be asked")
            self.error = f"{type(error).__name__}: {error}"
            self._end("failed")
        else:
            self._end("done")
        self.seconds = time.monotonic() - self._began

    def _end(self, state: str) -> None:
        if self.state == "asking":
            self.state = state

    def _note(self, told: dict, arrays: tuple[np.ndarray, ...]) -> None:
        match told.get("event"):
            case "restarted":
                self.restarts, self.parts, self.scored = self.restarts + 1, (), (0, 0)
            case "progress":
                self.stage, self.phase = told["stage"], told["phase"]
                self.steps = (told["done"], told["total"])
            case "ready":
                self.ready = True
            case "part":
                self.first_seconds = self.first_seconds or time.monotonic() - self._began
                self.parts, self.scored = (*self.parts, Part(*arrays)), (told["done"], told["total"])
