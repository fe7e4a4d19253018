"""A sweep of the papers' cells on the command line: starts it, shows how it goes, stops all of it by Ctrl-C."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from core.commands import console
from core.jobs.executors import ExecutorUnavailable
from core.jobs.record import Job, JobsUnavailable
from core.sweep import Chain, Sweep

LOOK_SECONDS = 0.5
TROUBLE_SECONDS = 10.0
COLUMNS = ("setting", "seed", "state", "cells", "now", "seconds")


def run(sweep: Sweep) -> bool:
    """Run a sweep to its end, telling how it goes; returns whether every worker came to its end."""
    with _in_words():
        asked, place = sweep.start(), sweep.options.place_name
        if not asked:
            console.say("everything was measured before; nothing to do")
            return True
        console.say(
            f"{len(asked)} of {len(sweep.chains)} chains left, {sweep.workers} workers at once, {place}"
        )
        try:
            return _watch(sweep, asked)
        except KeyboardInterrupt:
            _stop(sweep, asked)
            raise


def records(sweep: Sweep) -> list[dict[str, Any]]:
    """Every record of the sweep's cells, with the cell's name."""
    told = [chain.failed(sweep.out) | chain.known(sweep.out) for chain in sweep.chains]
    return [{"cell": name} | record for found in told for name, record in found.items()]


def _watch(sweep: Sweep, asked: dict[Chain, Job]) -> bool:
    """Look until no job is left; a job that fails does not stop the others. Returns whether all are done."""
    seen: dict[Chain, str] = {}
    last = 0.0
    with _shown() as show:
        while True:
            now = sweep.look(asked)
            show(_table(sweep, now))
            _tell_news(sweep, now, seen)
            if not any(job.is_live for job in now.values()):
                return all(job.state == "done" for job in now.values())
            if time.monotonic() - last > TROUBLE_SECONDS:
                last = time.monotonic()
                if trouble := sweep.trouble():
                    console.say(f"waiting: {trouble}")
                sweep.attend(now)
            time.sleep(LOOK_SECONDS)


def _tell_news(sweep: Sweep, now: dict[Chain, Job], seen: dict[Chain, str]) -> None:
    for chain, job in now.items():
        line = _line(chain, job, sweep.out)
        if seen.get(chain) != line:
            seen[chain] = line
            console.say(line)


def _stop(sweep: Sweep, asked: dict[Chain, Job]) -> None:
    """Ask all jobs to stop and wait until none works any more; a second Ctrl-C does not wait."""
    console.say("stopping all workers; finished cells are kept")
    sweep.cancel(asked)
    while any(job.is_live for job in sweep.look(asked).values()):
        sweep.attend(asked)
        time.sleep(LOOK_SECONDS)


def _line(chain: Chain, job: Job, out: Path) -> str:
    again = f" (attempt {job.attempt})" if job.attempt > 1 else ""
    why = f": {job.error}" if job.error else ""
    return f"{chain.title}: {job.state}{again}, {_counted(chain, out)}{why}"


def _counted(chain: Chain, out: Path) -> str:
    failed = len(chain.failed(out))
    return f"{len(chain.known(out))} of {len(chain.cells)} cells" + f", {failed} without figures" * bool(
        failed
    )


def _table(sweep: Sweep, now: dict[Chain, Job]) -> Table:
    drawn = Table(*COLUMNS)
    for chain, job in now.items():
        doing = f"{job.stage} {job.phase}" if job.state == "running" else job.error or ""
        seconds = "" if job.elapsed is None else f"{job.elapsed:.0f}"
        drawn.add_row(chain.setting, str(chain.seed), job.state, _counted(chain, sweep.out), doing, seconds)
    return drawn


@contextmanager
def _shown() -> Iterator[Any]:
    """A table that is drawn anew on a terminal, and not at all elsewhere."""
    if not sys.stderr.isatty():
        yield lambda table: None
        return
    with Live(console=Console(stderr=True), refresh_per_second=4) as live:
        yield live.update


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (ExecutorUnavailable, JobsUnavailable) as error:
        raise RuntimeError(str(error)) from error
