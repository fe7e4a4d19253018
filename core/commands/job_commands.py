"""`python -m core jobs ...`: look after long work without a browser, or supervise it on a machine of its own."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from core import jobs, paths
from core.commands import console
from core.commands.command_options import AsJson, StoreOption
from core.jobs import Job, JobsUnavailable, supervisor
from core.jobs.offer import PLACES
from core.jobs.resources import offered
from core.jobs.watching import Rules

app = typer.Typer(no_args_is_help=True, help="Long work: list, watch, cancel, try again, supervise.")
Number = Annotated[int, typer.Argument(metavar="JOB", help="Its number, as the list shows it.")]
FOLLOW_SECONDS = 0.5
ALL = -1


@app.command("list")
def show_list(
    live: Annotated[bool, typer.Option("--live", help="Only what waits or runs.")] = False,
    owner: Annotated[str | None, typer.Option(help="Only jobs of this owner.")] = None,
    most: Annotated[int, typer.Option(help="How many, newest first.")] = 50,
    store: StoreOption = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first, with what waiting ones wait for."""
    root = _root(store)
    why = {turn.job.id: turn.why for turn in jobs.turns(root)}
    table = jobs.table(root)
    known = reversed(table.active()) if live else table.list(ALL if owner is not None else most)
    found = [job for job in known if owner is None or job.owner == owner]
    rows = [_line(job, why) for job in found[:most]]
    for place, reason in jobs.missing(root).items():
        console.say(f"jobs cannot use {PLACES.get(place, place)} now: {reason}")
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(_in_words(row))


@app.command("show")
def show(number: Number, store: StoreOption = None, as_json: AsJson = False) -> None:
    """Everything about one job: its steps, what it needs, how it ended."""
    job = _found(_root(store), number)
    told = {name: value for name, value in vars(job).items() if name not in ("digest", "log", "history")}
    told |= {"log": str(job.log), "finished": [list(step) for step in job.finished]}
    if as_json:
        print(json.dumps(told))
        return
    console.table([{name: value for name, value in told.items() if value not in ("", None, [])}])


@app.command("logs")
def logs(
    number: Number,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the job ends.")] = False,
    store: StoreOption = None,
) -> None:
    """Print what a job printed."""
    root = _root(store)
    job = _found(root, number)
    size = job.log.stat().st_size if job.log.exists() else 0  # before it is printed: that may take long
    print(jobs.Log(job.log).whole().decode(errors="replace"), end="", flush=True)
    for more in _growing(root, job, size) if follow else ():
        print(more, end="", flush=True)


@app.command("cancel")
def cancel(
    number: Annotated[
        int | None, typer.Argument(metavar="JOB", help="Its number, as the list shows it.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="All jobs of this group instead.")] = None,
    store: StoreOption = None,
) -> None:
    """Stop a job or a whole group; what it has finished is kept."""
    root = _root(store)
    if (number is None) == (group is None):
        raise ValueError("cancel: name either a job's number or --group NAME")
    stopped = (
        jobs.cancel_batch(root, group)
        if group is not None
        else [jobs.cancel(root, _found(root, number or 0).id)]
    )
    for job in stopped:
        console.say(f"job {job.id} is {'being stopped' if job.is_live else job.state}")


@app.command("retry")
def retry(number: Number, store: StoreOption = None) -> None:
    """Do an ended job's work once more; it continues after the last finished step."""
    root = _root(store)
    if (old := _found(root, number)).is_live:
        now = (
            "is still being stopped: try again when it has ended"
            if old.cancel_requested
            else f"is {old.state}"
        )
        raise ValueError(f"job {number} {now}")
    job = jobs.again(root, number)
    console.say(f"job {job.id} waits for its turn: {job.title}")


@app.command("repair")
def repair(store: StoreOption = None) -> None:
    """Put a damaged job table aside and save the jobs that can be read."""
    done = jobs.repair(_root(store))
    console.say(done.text if done else "the job table is sound; nothing was changed")


@app.command("supervise")
def supervise(
    cpu: Annotated[int, typer.Option(help="Processor threads for all jobs together; 0: all there are.")] = 0,
    gpu: Annotated[
        int | None, typer.Option(help="Graphics cards for jobs; by default all there are.")
    ] = None,
    running_per_owner: Annotated[
        int | None, typer.Option(help="Running jobs of one owner; 0: any number.")
    ] = None,
    executor: Annotated[
        list[str] | None, typer.Option(help="Where jobs run: local, ray; may be repeated.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Supervise a store's jobs until this is ended, for a service manager; the pages do so by themselves."""
    offer = offered()
    told = {
        "store": _root(store),
        "cpu": cpu or offer.cpu,
        "gpu": offer.gpu if gpu is None else gpu,
        "running-per-owner": Rules().running_per_owner if running_per_owner is None else running_per_owner,
        "idle-exit": 1e12,
    }
    options = [f"--{name}={value}" for name, value in told.items()]
    supervisor.main([*options, *(f"--executor={name}" for name in executor or [])])
    raise ValueError(f"{told['store']} is supervised already: end that supervisor first, or use it")


def _root(store: Path | None) -> Path:
    return (store or paths.store_root()).expanduser().absolute()


def _found(root: Path, number: int) -> Job:
    found = jobs.table(root).numbered(number)
    if not found:
        raise ValueError(f"there is no job {number} in {root}: see `python -m core jobs list`")
    return found[0]


def _line(job: Job, why: dict[int, str]) -> dict[str, Any]:
    """One job of the list."""
    steps = f"{job.stages_done}/{job.stages_total}" if job.stages_total else ""
    return {
        "job": job.id,
        "state": "stopping" if job.is_live and job.cancel_requested else job.state,
        "owner": job.owner,
        "title": job.title,
        "steps": steps,
        "doing": job.stage if job.state == "running" else why.get(job.id, ""),
        "seconds": None if job.elapsed is None else round(job.elapsed, 1),
        "needs": job.needs.words,
        "group": job.batch,
        "error": job.error or "",
    }


def _in_words(row: dict[str, Any]) -> str:
    """The same for people: number, state, title, and what is worth knowing in that state."""
    took = "" if row["seconds"] is None else f"{row['seconds']:.0f} s"
    more = (
        row["steps"],
        row["doing"],
        took,
        row["owner"],
        row["group"],
        row["error"].partition("\n")[0][:80],
    )
    return f"{row['job']:5}  {row['state']:9}  {row['title'][:60]:60}  {' · '.join(part for part in more if part)}".rstrip()


def _growing(root: Path, job: Job, offset: int) -> Iterator[str]:
    """What is printed from byte `offset` on, until the job has ended."""
    log = jobs.Log(job.log)
    live = True
    while live:
        live = _is_live(root, job.id)
        size = job.log.stat().st_size if job.log.exists() else 0
        offset = min(offset, size)  # it was cut
        yield log.since(offset, size - offset)
        offset = size
        time.sleep(FOLLOW_SECONDS * live)


def _is_live(root: Path, number: int) -> bool:
    try:
        return _found(root, number).is_live
    except JobsUnavailable:
        return True  # for a moment
