"""Carries the progress of a job from the worker's loops to the job table, and the wish to stop back.

Loops only change a value in memory; a thread writes it at most four times a second. When the table cannot be
written for a while (disk full, file gone) the work goes on and the log says so.
"""

import json
import logging
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from core.jobs.logs import Log
from core.jobs.pace import Pace
from core.jobs.process import Identity
from core.jobs.record import Job, JobsUnavailable, Progress
from core.progress import Cancelled

STAGES = (
    "stages"  # a phase of this name counts the stages themselves: `for artifact in track(plan, "stages")`
)
WRITE_SECONDS = 0.25
HEARTBEAT_SECONDS = 2.0
MOST_STAGES = 60

logger = logging.getLogger(__name__)
log_of_job = logging.getLogger("job")  # not of the engine: its last line is shown with the progress


class Book(Protocol):
    """Where a worker reports: the job table, or a desk that its supervisor looks at."""

    def register(self, job_id: int, worker: Identity) -> Job | None: ...

    def get(self, job_id: int) -> Job: ...

    def progress(self, job_id: int, progress: Progress, worker: Identity | None = None) -> bool: ...

    def finish(
        self, job_id: int, state: str, error: str | None = None, worker: Identity | None = None
    ) -> Job: ...


class Reporter:
    """A progress sink for one job; reports while its block runs, raises Cancelled once asked to stop."""

    def __init__(self, book: Book, job: Job) -> None:
        self._book, self._job_id, self._worker = book, job.id, job.worker
        self._log = Log(job.log)
        self._clock = time.monotonic()  # when the phase began
        self._stage_clock = self._clock
        self._told = True
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
            stage=name,
            stages_done=done,
            stages_total=now.stages_total,
            message=now.message,
            history=self._with_finished(now),
        )
        self._stage_clock = time.monotonic()
        log_of_job.info("step %d: %s", done + 1, name)
        self._stop_if_asked()

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Steps of a phase are done; a phase that starts again is measured afresh."""
        now = self._progress
        if phase == STAGES:
            self._progress = replace(now, stages_done=done, stages_total=total)
        elif phase != now.phase or done < now.done:
            started, self._clock = time.time(), time.monotonic()
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

    def catch_up(self) -> None:
        """Report once more what could not be recorded when it was reached."""
        if not self._told:
            self._book.progress(self._job_id, self._progress, self._worker)
            self._told = True

    def __enter__(self) -> "Reporter":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._write()

    def _with_finished(self, progress: Progress) -> str:
        """The history with the stage that has just ended; equal ones in a row are counted as one line."""
        if not progress.stage:
            return progress.history
        known, took = progress.finished, time.monotonic() - self._stage_clock
        count = 1
        if known and known[-1][0] == progress.stage:
            _, before, seconds = known.pop()
            count, took = before + 1, seconds + took
        return json.dumps([*known, (progress.stage, count, round(took, 2))][-MOST_STAGES:])

    def _stop_if_asked(self) -> None:
        if self._cancelled:
            raise Cancelled

    def _write_regularly(self) -> None:
        while not self._closing.wait(WRITE_SECONDS):
            self._write()

    def _write(self) -> None:
        try:
            self._log.bound()
            if self._exchange():  # never set back to False: SIGTERM may have set it meanwhile
                self._cancelled = True
            self._told = True
        except (JobsUnavailable, LookupError):
            if self._told:  # once, not four times a second
                logger.exception("progress of job %s was not recorded; the work goes on", self._job_id)
            self._told = False

    def _exchange(self) -> bool:
        """Write what changed, or only look; returns whether the job shall stop."""
        now, clock = self._progress, time.monotonic()
        if self._told and now == self._written and clock - self._written_at < HEARTBEAT_SECONDS:
            job = self._book.get(self._job_id)
            return job.worker == self._worker and (job.cancel_requested or not job.is_live)
        self._written, self._written_at = now, clock
        told = replace(now, rate=self._pace.rate(now, clock), phase_seconds=clock - self._clock)
        return self._book.progress(self._job_id, told, self._worker)
