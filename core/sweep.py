"""Measures cells of the papers' tables with several workers, on this machine or spread over a Ray cluster.

The cells of one setting and seed share a victim and its factors, so each such chain is one job. A worker keeps its
records in a folder of its chain in the shared store; whoever asked for the sweep gathers them. The same call again
goes on where an interrupted one ended.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from core import device, jobs, paper, runs
from core.experiment import Experiment
from core.jobs.executors import Executor, ExecutorUnavailable, opened
from core.jobs.launch import ensure_supervisor, is_supervised, jobs_dir
from core.jobs.orders import cancel
from core.jobs.record import Job, Request
from core.jobs.resources import Resources, expected
from core.store import Store

log = logging.getLogger(__name__)
IDLE_SECONDS = 5
PATIENCE = 5
ADDRESS = "RAY_API_SERVER_ADDRESS"


@dataclass(frozen=True)
class Chain:
    """The cells of one setting and seed."""

    scale: paper.Scale
    pattern: str
    setting: str
    seed: int

    @property
    def title(self) -> str:
        """`cifar10-badnet, seed 0`."""
        return f"{self.setting}, seed {self.seed}"

    @cached_property
    def experiment(self) -> Experiment:
        """What all its cells are measured on, pinned to the data as they are now."""
        return paper.experiment(self.scale, self.setting, self.seed)

    @cached_property
    def cells(self) -> list[paper.Cell]:
        """Its cells, in the order in which they are measured."""
        return [c for c in paper.cells(self.scale, self.pattern) if c.setting == self.setting]

    def known(self, folder: Path) -> dict[str, dict[str, Any]]:
        """What a folder of results holds of it, by the cell's name."""
        run, folders = runs.identifier(self.experiment), paper.layers(folder)
        told = {c: paper.known(self.scale, c, self.seed, run, folders) for c in self.cells}
        return {cell.id: record for cell, record in told.items() if record is not None}

    def failed(self, folder: Path) -> dict[str, dict[str, Any]]:
        """The cells that could not be measured, with the reason in words."""
        run, found = runs.identifier(self.experiment), {}
        for cell in self.cells:
            for r in paper.read(self.scale, cell.study.name, cell.setting, folder):
                if "failed" in r and (r["row"], r["seed"], r["run"]) == (cell.row, self.seed, run):
                    found[cell.id] = r
        return found


@dataclass(frozen=True)
class Options:
    """Who does the work: the place, how many workers (0: all there is room for), threads of each, their device."""

    executor: str = "local"
    workers: int = 0
    threads: int = 1
    device: str = "cpu"

    @property
    def needs(self) -> Resources:
        """What one worker takes up; on a cluster a graphics card is only asked for by name."""
        here = expected({"device": self.device}).gpu if self.executor == "local" else 0
        return Resources(self.threads, here or int(self.device == "cuda"))

    @property
    def place_name(self) -> str:
        """`local`, or `ray` with what tells clusters apart."""
        address = hashlib.sha256(os.environ.get(ADDRESS, "").encode()).hexdigest()[:8]
        return self.executor + f"-{address}" * (self.executor != "local")


@dataclass(frozen=True)
class Sweep:
    """All chains of a pattern for some seeds; `out` gets the records, `store` is what the workers share."""

    scale: paper.Scale
    pattern: str
    seeds: Sequence[int]
    store: Path
    out: Path
    options: Options = field(default_factory=Options)

    @property
    def root(self) -> Path:
        """Where the sweep's job table and the chains' records lie, apart from the page's own jobs."""
        return self.store / "sweeps" / self.options.place_name

    @cached_property
    def chains(self) -> list[Chain]:
        """One a setting and seed. Raises ValueError when the pattern matches no cell."""
        settings = dict.fromkeys(cell.setting for cell in paper.cells(self.scale, self.pattern))
        return [Chain(self.scale, self.pattern, setting, seed) for seed in self.seeds for setting in settings]

    def folder(self, chain: Chain) -> Path:
        """Where the worker of a chain keeps its records: nobody else writes there."""
        return self.root / "records" / f"{chain.setting}-{chain.seed}"

    @cached_property
    def place(self) -> Executor:
        """The executor, to ask what it offers; those that do the work belong to the supervisor."""
        return opened(self.options.executor, jobs_dir(self.root))

    @property
    def workers(self) -> int:
        """How many work at once. Raises ExecutorUnavailable."""
        return self.options.workers or max(1, self.place.slots().cpu // self.options.threads)

    def trouble(self) -> str:
        """Why nothing can be done just now; empty when all is well."""
        try:
            return "" if self.options.needs.fits(self.place.slots()) else "no node offers what a worker needs"
        except ExecutorUnavailable as error:
            return str(error)

    def start(self) -> dict[Chain, Job]:
        """Ask for every chain that is not finished and see to it that someone works; returns the jobs.

        Raises ExecutorUnavailable, and then has asked for nothing.
        """
        self.place.slots()
        self._let_go()
        table, batch = jobs.table(self.root), os.urandom(6).hex()
        asked = {c: table.add(self._request(c, batch)) for c in self.chains if self._lay_out(c)}
        if asked:
            self._supervise()
        return asked

    def look(self, asked: dict[Chain, Job]) -> dict[Chain, Job]:
        """The jobs as they are now; their new records are gathered into `out`."""
        table = jobs.table(self.root)
        now = {chain: table.get(job.id) for chain, job in asked.items()}
        for chain in now:
            self._gather(chain)
        return now

    def attend(self, now: dict[Chain, Job]) -> None:
        """See to it that somebody works while jobs are left, also when the supervisor was killed."""
        if any(job.is_live for job in now.values()) and not self.trouble():
            self._supervise()

    def cancel(self, asked: dict[Chain, Job]) -> None:
        """Ask every job to stop, the waiting ones first."""
        for job in sorted(self.look(asked).values(), key=lambda job: job.state == "running"):
            cancel(self.root, job.id)  # not its batch: another sweep may have asked for more than we share

    def _request(self, chain: Chain, batch: str) -> Request:
        options = {"device": self.options.device, "threads": self.options.threads, "store": str(self.store)}
        spec = {
            "scale": chain.scale,
            "cells": chain.pattern,
            "setting": chain.setting,
            "experiment": chain.experiment.model_dump(mode="json"),
            "records": str(self.folder(chain)),
            "options": options,
        }
        return Request(
            kind="chain", spec=json.dumps(spec), title=chain.title, batch=batch, needs=self.options.needs
        )

    def _lay_out(self, chain: Chain) -> bool:
        """Let the worker of a chain know what is measured; returns whether anything is left for it."""
        known = chain.known(self.out)
        for cell in chain.cells:
            if cell.id in known:
                paper.write(self._place(cell, self.folder(chain)), known[cell.id])
        return len(known) < len(chain.cells)

    def _gather(self, chain: Chain) -> None:
        told = chain.failed(self.folder(chain)) | chain.known(self.folder(chain))
        there = chain.failed(self.out) | chain.known(self.out)
        for cell in chain.cells:
            if cell.id in told and told[cell.id] != there.get(cell.id):
                paper.write(self._place(cell, self.out), told[cell.id])

    def _place(self, cell: paper.Cell, folder: Path) -> Path:
        return paper.place(self.scale, cell.study.name, cell.setting, folder)

    def _let_go(self) -> None:
        """Wait until the idle supervisor of an earlier sweep has left: it was started with other options."""
        deadline = time.monotonic() + IDLE_SECONDS + PATIENCE
        while is_supervised(self.root) and not jobs.table(self.root).active() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _supervise(self) -> None:
        at_once, o = self.workers, self.options
        here = [f"--cpu={at_once * o.threads}", "--memory=0"] if o.executor == "local" else []
        bounds = [f"--running-per-owner={at_once}", f"--idle-exit={IDLE_SECONDS}"]
        ensure_supervisor(self.root, [f"--executor={o.executor}", *here, *bounds])


def run_job(spec: dict[str, Any]) -> None:
    """Work of a background job: the cells of one chain, as a sweep asks for them."""
    options, records = spec["options"], Path(spec["records"])
    x, store = Experiment.checked(spec["experiment"]), Store(Path(options["store"]))
    rows = [c for c in paper.cells(spec["scale"], spec["cells"]) if c.setting == spec["setting"]]
    with device.use(options["device"]):
        for cell, record in paper.measure_chain(spec["scale"], rows, x, store, records):
            log.info("%s seed %s: %s", cell.id, record["seed"], record.get("failed", "measured"))
