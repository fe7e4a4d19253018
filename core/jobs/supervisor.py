"""The process that supervises a store's jobs: `python -m core.jobs.supervisor --store DIR`; one a store."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from core import paths
from core.jobs import family
from core.jobs.executors import opened
from core.jobs.kinds import parse_kind
from core.jobs.launch import STARTUP_PATIENCE, jobs_dir, supervisor_lock
from core.jobs.resources import Resources, offered
from core.jobs.watching import Rules, Supervisor


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


def parser() -> argparse.ArgumentParser:
    """The options of a supervisor; the environment says what they are where they are not given."""
    known = argparse.ArgumentParser(prog="core.jobs.supervisor", description="Supervise the jobs of a store.")
    offer, add = offered(), known.add_argument
    add("--store", required=True, help="root folder of the store")
    add("--cpu", type=int, default=offer.cpu, help="processor threads for jobs, all together")
    add("--gpu", type=int, default=offer.gpu, help="graphics cards for jobs")
    add("--memory", type=int, default=offer.memory, help="MB of memory for jobs; 0: not counted")
    add("--executor", action="append", help="where jobs run: local, ray; may be repeated")
    add(
        "--running-per-owner",
        type=int,
        default=Rules().running_per_owner,
        help="jobs of one owner; 0: any number",
    )
    add("--grace", type=float, default=Rules.grace, help="seconds a cancelled job may take to stop")
    add("--idle-exit", type=float, default=Rules.idle_exit, help="end after so many seconds without jobs")
    add("--kind", action="append", default=[], type=parse_kind, help="name=module:function")
    return known


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and supervise."""
    chosen = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    family.adopt_orphans()
    paths.use_store(Path(chosen.store))
    rules = Rules(
        grace=chosen.grace,
        idle_exit=chosen.idle_exit,
        running_per_owner=chosen.running_per_owner,
        kinds=dict(chosen.kind),
    )
    names = chosen.executor or os.environ.get("INFLUENCE_JOBS_EXECUTORS", "local").split(",")
    folder, slots = jobs_dir(chosen.store), Resources(chosen.cpu, chosen.gpu, chosen.memory)
    executors = [opened(name.strip(), folder, slots if name.strip() == "local" else None) for name in names]
    supervise(Supervisor(chosen.store, executors, rules))
    return 0


if __name__ == "__main__":
    sys.exit(main())
