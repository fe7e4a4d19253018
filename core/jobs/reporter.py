"""Carries the progress of a job from the worker's loops to the job table, and the wish to stop back.

Loops only change a value in memory; a thread writes it at most four times a second. When the table cannot be
written for a while (disk full) the work goes on and the log says so.
"""

import logging
import threading
import time
from dataclasses import replace
from types import TracebackType

from core.jobs.pace import Pace
from core.jobs.record import JobsUnavailable, Progress
from core.jobs.table import JobTable
from core.progress import Cancelled

STAGES = (
    "stages"  # a phase of this name counts the stages themselves: `for artifact in track(plan, "stages")`
)
WRITE_SECONDS = 0.25
HEARTBEAT_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Reporter:
    """A progress sink for one job; reports while its block runs, raises Cancelled once asked to stop."""

    def __init__(self, table: JobTable, job_id: int) -> None:
        self._table, self._job_id = table, job_id
        self._progress = Progress()
        self._written, self._written_at = self._progress, 0.0
        self._pace = Pace()
        self._cancelled = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_regularly, daemon=True)

    def stage(self, name: str) -> None:
        """A stage begins: the one before it is done, unless the stages are counted as a phase."""
        now = self._progress
        counted = now.stages_total is not None or not now.stage
        done = now.stages_done if counted else now.stages_done + 1
        self._progress = Progress(
            stage=name, stages_done=done, stages_total=now.stages_total, message=now.message
        )
        self._stop_if_asked()

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Steps of a phase are done; a phase that starts again is measured afresh."""
        now = self._progress
        if phase == STAGES:
            self._progress = replace(now, stages_done=done, stages_total=total)
        elif phase != now.phase or done < now.done:
            started = time.time()
            self._progress = replace(
                now, phase=phase, phase_started=started, phase_first=done, done=done, total=total
            )
        else:
            self._progress = replace(now, done=done, total=total)
        self._stop_if_asked()

    def note(self, message: str) -> None:
        """Show a line of text with the progress."""
        self._progress = replace(self._progress, message=message)

    def cancel(self) -> None:
        """Let the next report of the work raise Cancelled."""
        self._cancelled = True

    def __enter__(self) -> "Reporter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._write()

    def _stop_if_asked(self) -> None:
        if self._cancelled:
            raise Cancelled

    def _write_regularly(self) -> None:
        while not self._closing.wait(WRITE_SECONDS):
            self._write()

    def _write(self) -> None:
        try:
            if self._exchange():  # never set back to False: SIGTERM may have set it meanwhile
                self._cancelled = True
        except JobsUnavailable:
            logger.exception("progress of job %s was not recorded; the work goes on", self._job_id)

    def _exchange(self) -> bool:
        """Write what changed, or only look; returns whether the job shall stop."""
        now, clock = self._progress, time.monotonic()
        if now == self._written and clock - self._written_at < HEARTBEAT_SECONDS:
            job = self._table.get(self._job_id)
            return job.cancel_requested or not job.is_live
        self._written, self._written_at = now, clock
        return self._table.progress(self._job_id, replace(now, rate=self._pace.rate(now, clock)))
