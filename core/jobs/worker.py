"""The process that does one job: `python -m core.jobs.worker --table FILE JOB_ID`.

It registers itself with the job, calls the function of the job's kind and writes how it ended. What it prints
goes to the job's log. SIGTERM or the table's cancel flag stops it at its next report of progress.
"""

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs.kinds import KINDS, parse_kind, resolve
from core.jobs.process import identify
from core.jobs.record import Job
from core.jobs.reporter import Reporter
from core.jobs.table import JobTable
from core.progress import Cancelled, reporting

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


def stop_on_sigterm(reporter: Reporter) -> None:
    """Turn SIGTERM into a cancellation here, and leave it deadly in processes forked from here."""
    signal.signal(signal.SIGTERM, lambda number, frame: reporter.cancel())
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def work(job: Job, reporter: Reporter, kinds: Mapping[str, str]) -> tuple[str, str | None]:
    """Do the job; returns the state it ended in and the error, if any."""
    try:
        spec = json.loads(job.spec)
        set_threads(spec)
        with reporting(reporter):
            resolve(job.kind, kinds)(spec)
    except Cancelled:
        return "cancelled", None
    except (Exception, SystemExit) as error:  # whatever it is, the page must show it
        logger.exception("job %s failed", job.id)
        return "failed", f"{type(error).__name__}: {error}"
    return "done", None


def run(table: JobTable, job_id: int, kinds: Mapping[str, str]) -> int:
    """Register with the job, do it, record its end; returns the exit status."""
    job = table.register(job_id, identify(os.getpid()))
    if job is None:
        logger.error("job %s waits for no worker: submit it and let the supervisor start one", job_id)
        return 2
    with Reporter(table, job_id) as reporter:
        stop_on_sigterm(reporter)
        logging.getLogger("core").addHandler(LastLine(reporter))
        state, error = work(job, reporter, kinds)
    if state == "cancelled" and not table.get(job_id).cancel_requested:
        error = "stopped by SIGTERM from outside; submit again to continue"
    table.finish(job_id, state, error)
    return int(state == "failed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and do the job."""
    parser = argparse.ArgumentParser(prog="core.jobs.worker", description="Do one claimed job.")
    parser.add_argument("--table", required=True, help="file of the job table")
    parser.add_argument("--kind", action="append", default=[], type=parse_kind, help="name=module:function")
    parser.add_argument("job_id", type=int)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return run(JobTable(chosen.table), chosen.job_id, KINDS | dict(chosen.kind))


if __name__ == "__main__":
    sys.exit(main())
