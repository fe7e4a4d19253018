"""Starts workers for queued jobs and sees to it that every job ends.

`python -m core.jobs.supervisor --store DIR` knows nothing that is not in the table: one that starts later
takes over the running workers of one that was killed. It ends after a while without jobs.
"""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen

from core.jobs.kinds import parse_kind
from core.jobs.launch import STARTUP_PATIENCE, ensure_supervisor, spawn, supervisor_lock, table_file
from core.jobs.process import Identity, ask_to_stop, boot_id, identify, is_alive, kill_group
from core.jobs.record import Job, JobsUnavailable
from core.jobs.table import JobTable

__all__ = ["Supervisor", "ensure_supervisor"]

TICK_SECONDS = 0.2

logger = logging.getLogger(__name__)


def death(code: int | None) -> str:
    """Why a worker that left no word has gone; `code` is its exit status, negative for a signal."""
    if code is None:
        return "worker process died; its log may tell why, submit again to continue"
    if code >= 0:
        return f"worker process ended with status {code} before it finished; its log may tell why"
    hint = ": often memory ran out" if -code == signal.SIGKILL else ""
    return f"worker process died (signal {-code}{hint}); submit again to continue"


class Supervisor:
    """Watches over the jobs of one store. `grace` is the seconds a worker may take to stop when asked."""

    def __init__(
        self,
        store_root: Path | str,
        *,
        slots: int = 1,
        grace: float = 10.0,
        idle_exit: float = 120.0,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.table = JobTable(table_file(store_root))
        self.slots, self.grace, self.idle_exit = slots, grace, idle_exit
        self.kinds = kinds or {}
        self._children: dict[int, tuple[Popen[bytes], Identity]] = {}
        self._asked: dict[int, float] = {}  # when each job's worker was first asked to end

    def run(self) -> None:
        """Supervise until there was nothing to do for `idle_exit` seconds."""
        last_busy = time.monotonic()
        while time.monotonic() - last_busy < self.idle_exit:
            if self._safe_tick():
                last_busy = time.monotonic()
            time.sleep(TICK_SECONDS)

    def _safe_tick(self) -> bool:
        try:
            return self.tick()
        except (
            JobsUnavailable
        ):  # running workers go on; look again, and leave them to a later supervisor at last
            logger.exception("trying again for %.0f s", self.idle_exit)
            return False

    def tick(self) -> bool:
        """Look once after every job; returns whether anything is queued or running."""
        jobs = self.table.active()
        running = [job for job in jobs if job.state == "running"]
        if any(job.boot_id not in (None, boot_id()) for job in running):
            self.table.requeue_lost(boot_id())
        for job in running:
            self._watch(job)
        self._clear_up({job.id for job in running})
        if len(running) < len(jobs):
            self._fill()
        return bool(jobs or self._children)

    def _watch(self, job: Job) -> None:
        """See whether the worker of a running job lives, and end it when that is wanted."""
        child, process = self._children.get(job.id, (None, job.worker))
        code = child.poll() if child else None
        process = job.worker or process  # the one that registered counts, whoever started it
        if process is None:
            self.table.put_back(job.id)
        elif process.boot != boot_id():
            return  # not visible from here; requeue_lost judges it by its silence
        elif not is_alive(process):
            self._bury(job.id, process, code)
        elif job.cancel_requested:
            self._stop(job.id, process)

    def _stop(self, job_id: int, process: Identity) -> None:
        """Ask once, then end by force when the grace is over."""
        if job_id not in self._asked:
            self._asked[job_id] = time.monotonic()
            ask_to_stop(process)
        elif time.monotonic() - self._asked[job_id] > self.grace:
            logger.warning("job %s did not stop within %.1f s: killing its processes", job_id, self.grace)
            kill_group(process)

    def _bury(self, job_id: int, process: Identity, code: int | None) -> None:
        """Record the end of a job whose worker has gone; what a worker itself recorded stays."""
        kill_group(process)
        if not self.table.get(job_id).cancel_requested:
            self.table.finish(job_id, "failed", death(code))
        else:
            forced = job_id in self._asked and time.monotonic() - self._asked[job_id] > self.grace
            self.table.finish(
                job_id, "cancelled", f"stopped by force after {self.grace:g} s" if forced else None
            )

    def _clear_up(self, running: set[int]) -> None:
        """Forget workers of ended jobs, and end what is left of their processes."""
        for job_id in self._children.keys() - running:
            child, process = self._children[job_id]
            if child.poll() is None:
                self._stop(job_id, process)  # its job has ended, it has the grace to do so too
            else:
                kill_group(process)
                del self._children[job_id]
        self._asked = {
            job: when for job, when in self._asked.items() if job in running or job in self._children
        }

    def _fill(self) -> None:
        """Start workers while slots are free and jobs wait."""
        taken = sum(job.state == "running" for job in self.table.active())
        for _ in range(self.slots - taken):
            job = self.table.claim()
            if job is None:
                return
            self._start(job)

    def _start(self, job: Job) -> None:
        overrides = [f"--kind={name}={target}" for name, target in self.kinds.items()]
        try:
            child = spawn(
                "core.jobs.worker", [*overrides, f"--table={self.table.path}", str(job.id)], job.log
            )
        except OSError as error:
            self.table.finish(job.id, "failed", f"could not start a worker: {error}")
            return
        self._children[job.id] = child, identify(child.pid)
        logger.info("job %s (%s) is worked on by process %s", job.id, job.title, child.pid)


def supervise(supervisor: Supervisor) -> None:
    """Run as the only supervisor of the store; returns at once when there is another."""
    folder = supervisor.table.path.parent
    while True:
        with supervisor_lock(folder, STARTUP_PATIENCE) as mine:
            if not mine:
                return
            supervisor.run()
        # A job submitted while we still held the lock relied on us; one submitted from now on does not.
        if not supervisor.table.active():
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and supervise."""
    parser = argparse.ArgumentParser(
        prog="core.jobs.supervisor", description="Supervise the jobs of a store."
    )
    parser.add_argument("--store", required=True, help="root folder of the store")
    parser.add_argument("--slots", type=int, default=1, help="jobs worked on at a time")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds a cancelled job may take to stop")
    parser.add_argument(
        "--idle-exit", type=float, default=120.0, help="end after so many seconds without jobs"
    )
    parser.add_argument("--kind", action="append", default=[], type=parse_kind, help="name=module:function")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    supervise(
        Supervisor(
            chosen.store,
            slots=chosen.slots,
            grace=chosen.grace,
            idle_exit=chosen.idle_exit,
            kinds=dict(chosen.kind),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
