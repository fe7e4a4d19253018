"""Ends a whole investigation by SIGKILL at random moments, lets it go on, and compares what comes out.

    python tests/reliability/kills.py [--times 100] [--seed 0] [--folder DIR] [--minutes M]

Half of the kills come at a uniformly random moment of the whole duration, half while a result is being written; one
in ten rounds runs `python -m core run`, imports and all, the others the work of a background job in a forked process.
All the while another process opens whatever looks finished. The record says how many kills landed, how many results
were looked at, and what differed from a run that nobody disturbed: each one is a bad ending.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

from killing import Tally, a_round, command_round, undisturbed
from record import keep, row

COMMAND_SECONDS = 8.0


def main() -> None:
    """Run the rounds and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no round after so many")
    chosen = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="kills-", dir=chosen.folder))
    reference, seconds = undisturbed(base / "undisturbed")
    jobs, commands, draw, number = Tally(), Tally(), random.Random(chosen.seed), 0
    began = time.monotonic()
    while jobs.kills + commands.kills < chosen.times and time.monotonic() - began < 60 * chosen.minutes:
        by_command, number = number % 10 == 9, number + 1
        tally = commands if by_command else jobs
        a_kind = command_round if by_command else a_round
        a_kind(base / f"{number}", reference, tally, COMMAND_SECONDS if by_command else seconds, draw)
        if number % 10 == 0:
            print(f"{jobs.kills + commands.kills} kills, {jobs} {commands}", file=sys.stderr)
    told = f"{number} runs; {jobs.in_a_write} of the kills while a result was being written"
    rows = [
        row("the work of a job killed, then started again", jobs.kills, len(jobs.problems), told),
        row("`core run` killed, then started again", commands.kills, len(commands.problems)),
    ]
    problems = [*jobs.problems, *commands.problems]
    read = [p for p in problems if p.startswith("reader")]
    told = (
        f"opened and compared by another process while these runs were killed: {len(reference)} results a run"
    )
    rows.append(row("results read meanwhile", jobs.looked + commands.looked, len(read), told))
    figures = {"undisturbed_seconds": round(seconds, 2), "minutes": round((time.monotonic() - began) / 60, 1)}
    keep("kills", "SIGKILL of a whole investigation", rows, problems=problems[:20], **figures)


if __name__ == "__main__":
    main()
