"""Starts waiting jobs in the order of their turns and sees to it that every job ends.

A supervisor needs nothing that is not in the table: one that starts later takes over the running workers of one that
was killed. It ends after a while without jobs.
"""

import logging
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.jobs.executors import Ended, Executor, ExecutorUnavailable, Handle, opened
from core.jobs.launch import beat, table_file
from core.jobs.offer import Offer
from core.jobs.process import boot_id
from core.jobs.record import UNSAID, Job, JobsDamaged, JobsUnavailable
from core.jobs.repair import repair, restore
from core.jobs.resources import setting
from core.jobs.table import JobTable
from core.jobs.turns import Place, never_fits

TICK_SECONDS = 0.2
_INSIDE = "often memory ran out inside a library"
SCARCE: dict[int, str] = {  # how a process ends that asks for more memory than there is
    signal.SIGKILL: "often memory ran out, and the system ended it",
    **dict.fromkeys((signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT), _INSIDE),
}
UNWRITTEN = "its end could not be recorded when it came"
UNWRITTEN_FAILURE = (
    f"{UNWRITTEN}, for the job table could not be written: often its disk is full or memory ran out. Finished steps are "
    "kept; make room, or lower what its log names, then try again to continue"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rules:
    """How a supervisor treats jobs: seconds a worker may take to stop, and to wait for work; jobs of one owner."""

    grace: float = 10.0
    idle_exit: float = 120.0
    running_per_owner: int = field(default_factory=lambda: setting("RUNNING_PER_OWNER", 0))
    kinds: Mapping[str, str] = field(default_factory=dict)


def death(ended: Ended) -> str:
    """Why a worker that left no word has gone."""
    if ended.told:
        return ended.told
    if ended.code is None:
        return "worker process died; its log may tell why, try again to continue"
    if ended.code >= 0:
        return f"worker process ended with status {ended.code} before it finished; its log may tell why"
    if -ended.code not in SCARCE:
        return f"worker process died (signal {-ended.code}); try again to continue"
    return (
        f"worker process died (signal {-ended.code}: {SCARCE[-ended.code]}); finished steps are kept, try "
        "again to continue. If it dies again, lower queries.count, training.batch_size or model.width, or give it fewer "
        "threads"
    )


class Supervisor:
    """Watches over the jobs of one store."""

    def __init__(
        self, store_root: Path | str, executors: Sequence[Executor], rules: Rules | None = None
    ) -> None:
        self._store, path = store_root, table_file(store_root)
        if path.exists() and (done := repair(path)):
            logger.error("%s", done.text)
        self.table, self.rules = JobTable(path), rules or Rules()
        self._executors = {executor.name: executor for executor in executors}
        self._file = self.table.told("file")
        self._known: tuple[Job, ...] = ()
        self._handles: dict[int, Handle] = {}
        self._forced: set[int] = set()
        self._beats: dict[int, int] = {}
        self._ended: dict[int, Ended] = {}
        self._offered: Offer | None = None

    def run(self) -> None:
        """Supervise until there was nothing to do for `idle_exit` seconds."""
        self._begin()
        last_busy = time.monotonic()
        while time.monotonic() - last_busy < self.rules.idle_exit:
            if self._safe_tick():
                last_busy = time.monotonic()
            time.sleep(TICK_SECONDS)

    def _begin(self) -> None:
        running = [job for job in self.table.active() if job.state == "running"]
        for name, executor in self._executors.items():
            executor.tidy([job.id for job in running if job.executor in ("", name)])
        self._offer()

    def _offer(self) -> None:
        self._offered = None
        self._places()

    def _safe_tick(self) -> bool:
        try:
            beat(self._store)
            return self.tick()
        except Exception:  # running workers go on; look again, and leave them to a later supervisor at last
            logger.exception("trying again for %.0f s", self.rules.idle_exit)
            return False

    def tick(self) -> bool:
        """Look once after every job; returns whether anything is queued or running."""
        jobs = self._jobs()
        running = [job for job in jobs if job.state == "running"]
        if any(job.boot_id not in (None, boot_id()) for job in running):
            lost = {job.id for job in self.table.requeue_lost(boot_id())}
            running = [job for job in running if job.id not in lost]
        for job in running:
            self._watch(job)
        self._clear_up({job.id for job in running})
        places = self._places()
        if len(running) < len(jobs):
            self._fill([job for job in jobs if job.state == "queued"], places)
        return bool(jobs or self._handles)

    def _jobs(self) -> tuple[Job, ...]:
        """The live jobs; a table that was damaged or deleted is made anew from what is known."""
        try:
            if self.table.path.exists() and self.table.told("file") == self._file:
                self._known = self.table.active()
                return self._known
            self.table = JobTable(self.table.path)
            missing = restore(self.table, self._known)
            logger.error(
                "the job table was deleted or replaced; %d live jobs were written down again", missing
            )
        except JobsDamaged:
            if (done := repair(self.table.path, self._known)) is None:
                raise
            logger.exception("%s", done.text)
        self._file = self.table.told("file")
        self._offer()
        return self.table.active()

    def _watch(self, job: Job) -> None:
        """See whether a running job's process lives, and end it when that is wanted."""
        handle = Handle(job.executor, job.handle) if job.handle else self._handles.get(job.id)
        if handle is None:
            self.table.put_back(job.id)
            return
        self._handles[job.id] = handle
        job.bound_log()  # a worker that is stuck inside a library, or killed, cannot cut it
        try:
            executor = self._executor(handle)
            self._copy_report(job, executor, handle)
            if ended := self._ended.get(job.id) or executor.poll(handle):
                if self.table.get(job.id).handle not in ("", handle.name):
                    return  # it lost the race for the job to an earlier worker, which is seen at the next look
                self._ended[job.id] = ended  # it is told once, and the table may not take it now
                self._copy_report(job, executor, handle)  # its last one may have come between
                self._bury(job, executor, ended)
                del self._ended[job.id]  # written down; the job may begin again at once
            elif job.cancel_requested and executor.stop(handle, self.rules.grace):
                self._forced.add(job.id)
        except JobsUnavailable:
            raise
        except Exception:  # a place that cannot be reached must not keep the other jobs waiting
            logger.exception("job %s cannot be seen now", job.id)

    def _executor(self, handle: Handle) -> Executor:
        """The place of a running job, also when this supervisor starts no others there."""
        if handle.executor not in self._executors:
            return opened(handle.executor, self.table.path.parent)
        return self._executors[handle.executor]

    def _copy_report(self, job: Job, executor: Executor, handle: Handle) -> None:
        report = executor.report(handle)
        if report is None or self._beats.get(job.id) == report.beats:
            return
        self._beats[job.id] = report.beats
        self.table.progress(job.id, report.progress)
        if report.state:
            self.table.finish(job.id, report.state, report.error)

    def _bury(self, job: Job, executor: Executor, ended: Ended) -> None:
        """Record the end of a job whose worker has gone; what a worker itself recorded stays."""
        executor.clear(self._handles[job.id])
        if ended.code in UNSAID:
            state = UNSAID[ended.code]
            self.table.finish(job.id, state, UNWRITTEN_FAILURE if state == "failed" else UNWRITTEN)
        elif not self.table.get(job.id).cancel_requested:
            if ended.lost:
                self.table.requeue(job.id, death(ended))
            else:
                self.table.finish(job.id, "failed", death(ended))
        else:
            forced = f"stopped by force after {self.rules.grace:g} s" if job.id in self._forced else None
            self.table.finish(job.id, "cancelled", forced)

    def _clear_up(self, running: set[int]) -> None:
        """Forget workers of ended jobs, and end what is left of their processes."""
        for job_id in self._handles.keys() - running:
            handle = self._handles[job_id]
            executor = self._executor(handle)
            if executor.poll(handle) is None:
                executor.stop(handle, self.rules.grace)  # its job has ended, it has the grace to do so too
            else:
                executor.clear(handle)
                del self._handles[job_id]
                self._forced.discard(job_id)
                self._beats.pop(job_id, None)
                self._ended.pop(job_id, None)

    def _fill(self, waiting: Sequence[Job], places: Sequence[Place]) -> None:
        """Start jobs while there is room and somebody's turn; end those for which there never will be."""
        if len(places) == len(self._executors):
            for job in waiting:
                if why := never_fits(job.needs, [place.total for place in places]):
                    self.table.finish(job.id, "failed", why)
        while job := self.table.claim(places, limit=self.rules.running_per_owner):
            self._start(job)

    def _places(self) -> Sequence[Place]:
        """The places that can be used now; what has changed about them is told to everybody."""
        found: list[Place] = []
        missing: dict[str, str] = {}
        for name, executor in self._executors.items():
            try:
                found.append(Place(name, executor.slots(), tuple(executor.devices())))
            except ExecutorUnavailable as error:
                missing[name] = str(error)
        offer = Offer(tuple(found), self.rules.running_per_owner, missing)
        if offer != self._offered:
            for name, why in missing.items():
                logger.warning("no jobs are started at %s now: %s", name, why)
            offer.write(self.table)
            self._offered = offer
        return found

    def _start(self, job: Job) -> None:
        overrides = [f"--kind={name}={target}" for name, target in self.rules.kinds.items()]
        try:
            handle = self._executors[job.executor].start(
                job, ["-m", "core.jobs.worker", *overrides, str(job.id)]
            )
        except (OSError, ExecutorUnavailable, JobsUnavailable) as error:
            self.table.finish(job.id, "failed", f"could not start a worker: {error}")
            return
        self._handles[job.id] = handle
        self.table.started(job.id, handle.name)
        logger.info("job %s (%s) is worked on by %s %s", job.id, job.title, handle.executor, handle.name)
