"""The process that does one job: `python -m core.jobs.worker --table FILE JOB_ID`, or `--desk FOLDER`.

It registers itself with the job, calls the function of the job's kind and writes how it ended. What it prints
goes to the job's log. SIGTERM or the table's cancel flag stops it at its next report of progress.
"""

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core import memory
from core.jobs import family
from core.jobs.desk import Desk
from core.jobs.kinds import KINDS, parse_kind, resolve
from core.jobs.process import identify
from core.jobs.record import UNSAID, Job, JobsUnavailable
from core.jobs.reporter import Book, Reporter
from core.jobs.resources import setting
from core.jobs.schema import digest_of
from core.jobs.table import JobTable
from core.progress import Cancelled, reporting

PATIENCE = 30  # seconds a worker tries to write down its end

logger = logging.getLogger(__name__)


class LastLine(logging.Handler):
    """Shows the engine's latest log line as the message of the job."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(logging.INFO)
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.note(record.getMessage().partition("\n")[0][:200])


def set_threads(spec: Mapping[str, Any]) -> None:
    """Bound the threads of numeric libraries; only heeded by those imported later.

    The spec's options.threads comes first, then OMP_NUM_THREADS as set outside, then every usable processor.
    """
    asked = spec.get("options", {}).get("threads")
    usable = os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(asked or usable)


def use_data(spec: Mapping[str, Any]) -> None:
    """Look for images where whoever asked does; the supervisor may have been started by somebody else.

    On another machine the folder may have another path: what is set there counts then.
    """
    told = spec.get("options", {}).get("data")
    if told and (Path(told).is_dir() or "INFLUENCE_DATA" not in os.environ):
        os.environ["INFLUENCE_DATA"] = str(told)


def stop_on_sigterm(reporter: Reporter) -> None:
    """Turn SIGTERM into a cancellation here, and leave it deadly in processes forked from here."""
    signal.signal(signal.SIGTERM, lambda number, frame: reporter.cancel())
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def work(job: Job, reporter: Reporter, kinds: Mapping[str, str]) -> tuple[str, str | None]:
    """Do the job; returns the state it ended in and the error, if any."""
    try:
        if digest_of(job.kind, job.spec) != job.digest:
            raise ValueError("what was asked for does not match its digest any more: submit it again")
        spec = json.loads(job.spec)
        set_threads(spec)
        use_data(spec)
        with reporting(reporter), memory.explained(job.kind):
            resolve(job.kind, kinds)(spec)
    except Cancelled:
        return "cancelled", None
    except (Exception, SystemExit) as error:  # whatever it is, the page must show it
        logger.exception("job %s failed", job.id)
        return "failed", f"{type(error).__name__}: {error}"
    return "done", None


def run(book: Book, job_id: int, kinds: Mapping[str, str]) -> int:
    """Register with the job, do it, record its end; returns the exit status."""
    job = book.register(job_id, identify(os.getpid()))
    if job is None:
        logger.error("job %s waits for no worker: submit it and let the supervisor start one", job_id)
        return 2
    family.adopt_orphans()
    logger.info("job %s (%s), attempt %s, takes up %s", job.id, job.kind, job.attempt, job.needs.words)
    with Reporter(book, job) as reporter:
        stop_on_sigterm(reporter)
        logging.getLogger("core").addHandler(LastLine(reporter))
        state, error = work(job, reporter, kinds)
    with suppress(OSError, ValueError):
        sys.stdout.flush()  # the log is whole before anybody can read that the job has ended
    logger.info("job %s is %s%s", job.id, state, f": {error}" if error else "")
    return record_end(book, job, reporter, state=state, error=error)


def record_end(book: Book, job: Job, reporter: Reporter, *, state: str, error: str | None) -> int:
    """Write down how a job ended, and say it by the exit status where that cannot be done."""
    deadline = time.monotonic() + setting("PATIENCE", PATIENCE)
    while True:
        try:
            reporter.catch_up()
            if state == "cancelled" and not book.get(job.id).cancel_requested:
                error = "stopped by SIGTERM from outside; try again to continue"
            if book.finish(job.id, state, error, job.worker).worker == job.worker:
                return int(state == "failed")
        except (JobsUnavailable, LookupError):
            logger.exception("job %s is %s, which could not be recorded", job.id, state)
        if time.monotonic() > deadline:
            return next(code for code, unsaid in UNSAID.items() if unsaid == state)
        time.sleep(1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and do the job."""
    parser = argparse.ArgumentParser(prog="core.jobs.worker", description="Do one claimed job.")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--table", type=JobTable, dest="book", help="file of the job table")
    place.add_argument("--desk", type=Desk, dest="book", help="folder that holds the job, for other machines")
    parser.add_argument("--kind", action="append", default=[], type=parse_kind, help="name=module:function")
    parser.add_argument("job_id", type=int)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return run(chosen.book, chosen.job_id, KINDS | dict(chosen.kind))


if __name__ == "__main__":
    sys.exit(main())
