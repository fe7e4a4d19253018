"""Tries every hostile input and makes up more, and counts what gets in.

    python tests/reliability/hostile.py [--examples 2000]

The corpus is written by tests/hostile/corpus, each input tried in a process with limits of its own; Hypothesis changes
sound files and draws words for every parser. assets/guide/security.md says what enters where.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from record import keep, row

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "images": "images: bombs, other formats, turned, cut, bits flipped",
    "archives": "archives: names that lead out, links, bombs, entries that lie",
    "weights": "weights: pickles, headers that lie, NaN, other shapes",
    "tables": "lists of images and pickled batches",
    "parquet": "parquet: nested, paths, bombs, bits flipped",
    "folders": "folders: links, devices, names",
    "experiments": "experiments, settings and the paths in them",
    "notes": "verdicts, casebooks, run notes, sets, commitments, engine frames",
    "names": "names and words: markup, bidi, marks, formulas",
    "addresses": "forged links and gestures",
}


def lines(module: str, *arguments: str) -> list[dict[str, Any]]:
    """What a module of tests/hostile prints."""
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    command = [sys.executable, "-m", f"hostile.{module}", *arguments]
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Try everything and keep the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=2000, help="inputs that are made up for each parser")
    examples = parser.parse_args().examples
    rows, refused = [], 0
    for kind, what in KINDS.items():
        found = lines("warden", kind)
        let_in = [f"{v['name']}: {v['told']}" for v in found if v["state"] == "let through"]
        mine = sum(v["state"] == "refused" for v in found)
        refused += mine
        told = f"{mine} refused, {len(found) - mine - len(let_in)} let in a harmless form"
        rows.append(row(what, len(found), len(let_in), "; ".join([told, *let_in[:3]])))
    made_up = lines("properties", "--examples", str(examples))
    wrong = [f"{v['door']}: {v['wrong']}" for v in made_up if v["wrong"]]
    told = "; ".join([f"{len(made_up)} parsers", *wrong[:3]])
    rows.append(
        row("made up: sound files changed, words drawn", sum(v["tried"] for v in made_up), len(wrong), told)
    )
    tried, written = sum(r["tried"] for r in rows), sum(r["tried"] for r in rows[:-1])
    keep(
        "hostile",
        "Hostile input",
        rows,
        tried=tried,
        written=written,
        refused=refused,
        let_through=sum(r["wrong"] for r in rows),
    )


if __name__ == "__main__":
    main()
