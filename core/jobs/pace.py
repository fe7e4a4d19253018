"""How fast is a job, and how long will its current phase still take?

The worker measures a recent rate; the page turns it, with the mean rate of the phase, into a range of
seconds.
"""

import math
from collections import deque

from core.jobs.record import Job, Progress

WINDOW_SECONDS = 20.0


class Pace:
    """Measures steps a second over the last 20 s of one phase; a new phase starts afresh."""

    def __init__(self) -> None:
        self._phase: tuple[str, float | None] = ("", None)
        self._samples: deque[tuple[float, int]] = deque()

    def rate(self, progress: Progress, now: float) -> float | None:
        """Steps a second up to `now` (seconds on any one clock), or None before two differing samples."""
        phase = (progress.phase, progress.phase_started)
        if phase != self._phase:
            self._phase = phase
            self._samples.clear()
        self._samples.append((now, progress.done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW_SECONDS:
            self._samples.popleft()
        seconds, steps = now - self._samples[0][0], progress.done - self._samples[0][1]
        return steps / seconds if seconds > 0 and steps > 0 else None


def remaining(job: Job) -> tuple[float, float] | None:
    """The least and most seconds the current phase will still take, or None where that is not known.

    The range spans the mean rate since the phase began and the recent rate, widened by 1 + 1/sqrt(n) for n
    steps seen: the error of a mean whose steps vary as much as they last.
    """
    if job.state != "running" or job.total is None or job.phase_started is None:
        return None
    steps, elapsed = job.done - job.phase_first, job.phase_seconds
    if steps < 1 or elapsed <= 0:
        return None
    mean = steps / elapsed
    recent = job.rate or mean
    left = max(0, job.total - job.done)
    spread = 1 + 1 / math.sqrt(steps)
    return left / max(mean, recent) / spread, left / min(mean, recent) * spread
