"""Runs each job on some node of a Ray cluster, as one submission of its Jobs API, with the same worker command.

Nodes see the store and the program under the same paths as this machine. A worker there reports at a desk in the
store and prints into its job's log; only this machine opens the job table.
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core import paths
from core.jobs import desk
from core.jobs.executors import Ended, ExecutorUnavailable, Handle
from core.jobs.executors.ray_cluster import Cluster, ClusterSilent
from core.jobs.launch import SOURCE_ROOT
from core.jobs.record import Job
from core.jobs.resources import Resources

LIVE = ("PENDING", "RUNNING")
CODES = {"SUCCEEDED": 0, "STOPPED": -signal.SIGTERM}
LOOK_SECONDS = 0.5  # a job is not asked after more often
COUNT_SECONDS = 5.0  # nodes come and go
LATE_SECONDS = 60.0
SILENT_SECONDS = (
    5.0  # a cluster that did not answer is left alone for so long: other jobs are waiting to be watched
)
MINE = "influence_jobs"  # the field of a submission that says which folder of jobs it belongs to


class RayJobs:
    """Submissions to the cluster at RAY_API_SERVER_ADDRESS; they outlive the supervisor that made them."""

    name = "ray"

    def __init__(self, folder: Path, slots: Resources | None = None) -> None:
        self._folder, self._most = folder, slots
        self._cluster: Cluster | None = None
        self._silent: tuple[float, ClusterSilent] | None = None
        self._asked: dict[str, float] = {}
        self._forced: set[str] = set()
        self._ended: dict[str, float] = {}
        self._seen: dict[str, tuple[float, dict[str, Any] | None]] = {}
        self._counted: tuple[float, Resources] | None = None

    def start(self, job: Job, command: Sequence[str]) -> Handle:
        """Submit the job; the same attempt is never submitted twice, whoever asks."""
        name = f"influence-{job.id}-{job.attempt}-{self._mark(job.created)}"
        if self._info(name) is None:
            desk.prepare(self._desk(name), job)
            told = ["exec", sys.executable, "-P", *command[:-1], f"--desk={self._desk(name)}", command[-1]]
            self._submit(name, job, f"{shlex.join(told)} >> {shlex.quote(str(job.log))} 2>&1")
        return Handle(self.name, name)

    def poll(self, handle: Handle) -> Ended | None:
        """None while it waits for a node, runs there, or the cluster does not answer."""
        try:
            told = self._looked_up(handle.name)
        except ExecutorUnavailable:
            return None
        if told is None:
            return Ended(None, "the cluster does not know this job any more: it was restarted", lost=True)
        if told["status"] in LIVE:
            return None
        code = CODES.get(told["status"], told.get("driver_exit_code"))
        if code == 0 and self._awaits_report(handle):
            return None
        first_line = str(told.get("message") or "").partition("\n")[0].partition(", last available logs")[0]
        return Ended(code, first_line[:300], lost=code is None)

    def stop(self, handle: Handle, grace: float) -> bool:
        """Leave word at the desk; later let Ray send SIGTERM, and SIGKILL to all its processes after 3 s."""
        if handle.name not in self._asked:
            self._asked[handle.name] = time.monotonic()
            with suppress(OSError):  # without a desk there is nobody to read it
                desk.ask_to_stop(self._desk(handle.name))
        try:
            waits = self._waits(handle.name)
            if not waits and time.monotonic() - self._asked[handle.name] <= grace:
                return False
            if handle.name not in self._forced:
                self._ask(f"/api/jobs/{handle.name}/stop", method="POST")
                self._forced.add(handle.name)
        except ExecutorUnavailable:
            return False  # asked again at the next look
        return not waits

    def clear(self, handle: Handle) -> None:
        """Take the desk away and forget the job; Ray ends what a lost node left, within seconds."""
        shutil.rmtree(self._desk(handle.name), ignore_errors=True)
        for kept in (self._asked, self._seen, self._ended):
            kept.pop(handle.name, None)
        self._forced.discard(handle.name)

    def tidy(self, running: Collection[int]) -> None:
        """Stop submissions of this folder whose job does not run any more."""
        with suppress(ExecutorUnavailable):
            for told in self._ask("/api/jobs/") or []:
                about = told.get("metadata") or {}
                mine = about.get(MINE) == self._mark() and told["status"] in LIVE
                if mine and int(about["job"]) not in running:
                    self._ask(f"/api/jobs/{told['submission_id']}/stop", method="POST")

    def report(self, handle: Handle) -> desk.Report | None:
        """What the worker left at its desk since."""
        return desk.read(self._desk(handle.name))

    def logs(self, handle: Handle, offset: int) -> str:
        """Nothing: workers print into the job's log file in the store, which outlives their node."""
        return ""

    def slots(self) -> Resources:
        """What the living nodes offer together, bounded by what this supervisor was given."""
        now = time.monotonic()
        if self._counted is None or now - self._counted[0] > COUNT_SECONDS:
            nodes = self._nodes()
            cpu, gpu = (int(sum(node.get(kind, 0) for node in nodes)) for kind in ("CPU", "GPU"))
            memory = int(max((node.get("memory", 0) for node in nodes if node.get("CPU")), default=0)) >> 20
            most = self._most or Resources(cpu, gpu, memory)
            self._counted = now, Resources(min(cpu, most.cpu), min(gpu, most.gpu), memory)
        return self._counted[1]

    def devices(self) -> Sequence[str]:
        """Nothing: Ray hands out the graphics cards of its nodes."""
        return ()

    def _submit(self, name: str, job: Job, entry: str) -> None:
        asked = {
            "submission_id": name,
            "entrypoint": entry,
            "entrypoint_num_cpus": job.cpu,
            "entrypoint_num_gpus": job.gpu,
            "entrypoint_memory": job.memory * 2**20 or None,
            "metadata": {MINE: self._mark(), "job": str(job.id)},
            "runtime_env": {"env_vars": self._environment(job)},
        }
        try:
            self._ask("/api/jobs/", asked)
        except ExecutorUnavailable:
            self._silent = None
            if self._info(name) is None:  # a slow cluster may have taken it nevertheless
                raise

    def _environment(self, job: Job) -> dict[str, str]:
        told = {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCE_ROOT), os.environ.get("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "OMP_NUM_THREADS": str(job.cpu),
            "INFLUENCE_STORE": str(self._folder.parent),
            "INFLUENCE_DATA": str(paths.data_root()),
        }
        return told if job.gpu else told | {"CUDA_VISIBLE_DEVICES": ""}  # Ray leaves it as the node has it

    def _desk(self, name: str) -> Path:
        return self._folder / "desks" / name

    def _mark(self, *more: Any) -> str:
        return hashlib.sha256(json.dumps([str(self._folder), *more]).encode()).hexdigest()[:12]

    def _info(self, name: str) -> dict[str, Any] | None:
        return self._ask(f"/api/jobs/{name}")

    def _nodes(self) -> list[dict[str, float]]:
        """What each living node offers, by Ray's names: CPU, GPU, memory in bytes."""
        told = self._ask("/api/v0/nodes?limit=10000") or {}
        found = told.get("data", {}).get("result", {}).get("result", [])
        return [node["resources_total"] for node in found if node["state"] == "ALIVE"]

    def _ask(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        """As the cluster answers; it is looked for when it is first needed."""
        now = time.monotonic()
        if self._silent and now - self._silent[0] < SILENT_SECONDS:
            raise self._silent[1]
        try:
            self._cluster = self._cluster or Cluster()
            return self._cluster.ask(path, body, method)
        except ClusterSilent as error:
            self._silent = time.monotonic(), error
            raise

    def _looked_up(self, name: str) -> dict[str, Any] | None:
        when, told = self._seen.get(name, (-LOOK_SECONDS, None))
        if time.monotonic() - when >= LOOK_SECONDS:
            told = self._info(name)
            self._seen[name] = time.monotonic(), told
        return told

    def _awaits_report(self, handle: Handle) -> bool:
        """Whether the last word of a worker that ended well is still on its way: network disks show files late."""
        report = self.report(handle)
        since = self._ended.setdefault(handle.name, time.monotonic())
        return not (report and report.state) and time.monotonic() - since < LATE_SECONDS

    def _waits(self, name: str) -> bool:
        """Whether the job has not reached a node yet: nobody there could read the word at its desk."""
        told = self._looked_up(name)
        return told is not None and told["status"] == "PENDING"
