"""Ends a whole investigation by SIGKILL at random moments, lets it go on, and compares what comes out.

    python tests/reliability/kills.py [--times 100] [--seed 0] [--minutes M]
    python tests/reliability/kills.py --preset digits-badnet [--times 20]

Two investigations: a small one, killed once a round, and a preset at its full size, killed again and again until
somebody was quick enough to finish it. Half of the kills of the small one come at a uniformly random moment of its
whole duration, half while a result is being written; one in ten rounds runs `python -m core run`, imports and all, the
others the work of a background job in a forked process. All the while another process opens whatever looks finished.
The record says how many kills landed, how many results were looked at, and what differed from a run that nobody
disturbed: each one is a bad ending.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import killing
from killing import Tally, a_round, command_round, undisturbed
from record import keep, row

COMMAND_SECONDS = 8.0
SOONEST = 60.0
"""Seconds within which a worker on the preset is killed."""


def small(base: Path, times: int, seed: int, until: float) -> tuple[list[dict[str, Any]], list[str], float]:
    """Rounds with the small investigation: lines of the record, what went wrong, seconds of an undisturbed run."""
    reference, seconds = undisturbed(base / "undisturbed")
    jobs, commands, draw, number = Tally(), Tally(), random.Random(seed), 0
    while jobs.kills + commands.kills < times and time.monotonic() < until:
        by_command, number = number % 10 == 9, number + 1
        tally = commands if by_command else jobs
        a_kind = command_round if by_command else a_round
        a_kind(base / f"{number}", reference, tally, COMMAND_SECONDS if by_command else seconds, draw)
        if number % 10 == 0:
            print(f"{jobs.kills + commands.kills} kills, {jobs} {commands}", file=sys.stderr)
    told = f"{number} runs; {jobs.in_a_write} of the kills while a result was being written;"
    rows = [
        row(
            "the work of a job killed, then started again",
            jobs.kills,
            len(jobs.problems),
            told + opened(jobs),
        ),
        row(
            "`core run` killed, then started again",
            commands.kills,
            len(commands.problems),
            opened(commands).strip(),
        ),
    ]
    return rows, [*jobs.problems, *commands.problems], seconds


def a_chain(
    base: Path, reference: killing.Content, tally: Tally, seconds: float, draw: random.Random
) -> None:
    """Kill whoever works on one investigation, again and again, until somebody was quick enough to finish it."""
    root, scratch = base / "store", base / "scratch"
    scratch.mkdir(parents=True)
    with killing.reading(root, reference, tally):
        while killing.killed_after(killing.forked(killing.work(root, scratch)), draw.uniform(0, seconds)):
            tally.kills += 1
    killing.check_end(root, reference, tally)
    shutil.rmtree(base)


def chained(base: Path, times: int, seed: int, until: float) -> tuple[list[dict[str, Any]], list[str], float]:
    """The same with the preset, killed until it is finished."""
    reference, seconds = undisturbed(base / "undisturbed")
    tally, draw, number = Tally(), random.Random(seed), 0
    while tally.kills < times and time.monotonic() < until:
        a_chain(base / f"{number}", reference, tally, SOONEST, draw)
        number += 1
        print(f"{tally.kills} kills of {number} runs, {tally.problems}", file=sys.stderr)
    told = f"{number} runs of {seconds:.0f} s each, killed again and again within {SOONEST:.0f} s until finished;"
    rows = [row(f"{killing.PRESET} killed", tally.kills, len(tally.problems), told + opened(tally))]
    return rows, tally.problems, seconds


def opened(tally: Tally) -> str:
    """How many results another process opened and compared while these runs were killed."""
    wrong = sum(problem.startswith("reader") for problem in tally.problems)
    return f" {tally.looked:,} results opened and compared meanwhile, {wrong} of them wrong"


def main() -> None:
    """Run the rounds and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--preset", default="", help="kill this preset in place of the small investigation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no round after so many")
    chosen = parser.parse_args()
    killing.PRESET = chosen.preset
    base, began = Path(tempfile.mkdtemp(prefix="kills-")), time.monotonic()
    of_a_kind, most, topic = (chained, 20, "kills_preset") if chosen.preset else (small, 100, "kills")
    until = began + 60 * chosen.minutes
    rows, problems, seconds = of_a_kind(base, chosen.times or most, chosen.seed, until)
    figures = {"undisturbed_seconds": round(seconds, 2), "minutes": round((time.monotonic() - began) / 60, 1)}
    title = f"SIGKILL of {chosen.preset or 'a whole investigation'}"
    keep(topic, title, rows, problems=problems[:20], **figures)
    shutil.rmtree(base)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
