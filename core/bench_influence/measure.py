"""Runs the benchmark: prepares the victim, does the jobs one after the other, keeps what is done, writes the record."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core import device, progress, truth
from core.bench_influence import record
from core.bench_influence.case import Case
from core.bench_influence.jobs import Job, jobs
from core.experiment import Experiment
from core.pipeline import plan
from core.store import Store

ROOT = Path(__file__).parents[2]
CODE = ("core/influence/*.py", "core/bench_influence/*.py", "core/device.py")
"""Sources whose change makes measured jobs stale."""


class JobFailed(RuntimeError):
    """A process that measures ended with an error."""


@dataclass(frozen=True)
class Wanted:
    """What is to be measured, and how often."""

    experiment: Experiment
    store: Path
    repeats: int = 3
    published: int = 1
    """Repeats of the published way."""
    passes: int = 5
    """Queries that the published way is measured with, one pass each; the rest is extrapolated."""

    bf16: bool = True
    """Measure the engines in bf16 too, where the hardware has it."""

    def jobs(self) -> list[Job]:
        """In the order that they are done."""
        return jobs(self.repeats, self.published, self.passes, self.bf16)

    def told(self) -> dict[str, Any]:
        """What every worker is told."""
        return {
            "experiment": self.experiment.model_dump(mode="json"),
            "store": str(self.store),
            "device": device.current().type,
        }

    @cached_property
    def folder(self) -> Path:
        """Where results of the jobs are kept: other code, hardware or threads have another one."""
        about = [self.told(), self.passes, self.bf16, device.describe(), device.threads(), _code()]
        key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
        return self.store / "bench-influence" / key


def _code() -> list[str]:
    files = sorted(file for pattern in CODE for file in ROOT.glob(pattern))
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def measure(wanted: Wanted) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Each job and its result; what was measured before by the same code is not measured again.

    Raises JobFailed where a process fails. Cancelled between two reports of a job, it stops that process.
    """
    case, folder = Case(plan(wanted.experiment, Store(wanted.store))), wanted.folder
    case.prepare()
    for job in progress.track(wanted.jobs(), "jobs"):
        place = folder / job.id
        if not (place / "result.json").exists():
            progress.stage(job.id)
            _run(job, place, wanted.told())
        yield job, json.loads((place / "result.json").read_text())


def _run(job: Job, place: Path, told: dict[str, Any]) -> None:
    """One job in a process of its own."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "job.json").write_text(json.dumps(told | {"job": job.plain()}, indent=1))
    environment = os.environ | ({"NVIDIA_TF32_OVERRIDE": "0"} if job.exact else {})
    command = [sys.executable, "-m", "core.bench_influence.worker", str(place)]
    with (
        (place / "log").open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                progress.update(**json.loads(line))
        except BaseException:
            process.terminate()
            raise
    status = process.returncode
    if status:
        last = (place / "log").read_text().strip().splitlines()[-1:]
        raise JobFailed(f"{job.id}: {' '.join(last) or f'ended with {status}'} (all of it: {place / 'log'})")


def finished(wanted: Wanted) -> dict[str, Any]:
    """The record of a benchmark whose jobs are all done."""
    case = Case(plan(wanted.experiment, Store(wanted.store)))
    results = record.Results(wanted.folder, wanted.jobs())
    return record.made(results, case, truth.required(case.plan).poisoned)


def write(record: dict[str, Any], folder: Path) -> Path:
    """Write the record to `folder`/influence-DEVICE-SIZE.json."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"influence-{record['device']}-{record['images']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path
