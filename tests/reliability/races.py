"""Lets several processes act on one store at once, and counts what went wrong.

    python tests/reliability/races.py [--times 6] [--processes 4]

Bad endings: a result computed twice or not at all, anything unreadable or torn, a note or a verdict lost, something in
use deleted, two jobs for one case, or a lock that is missing without a word.
"""

import argparse
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import racing
from damaging import data_files
from full_disks import amiss, files_of, told, work
from isolation import ending, refuse, together
from killing import investigated
from record import keep, row

X = investigated()


@dataclass(frozen=True)
class Races:
    """Races of `n` processes, each in a store of its own."""

    base: Path
    finished: Path
    sound: dict[str, dict[str, str]]
    n: int

    def fresh(self, *, copy: bool = False) -> Path:
        """A new store; a copy of the finished one where asked for."""
        root = Path(tempfile.mkdtemp(dir=self.base)) / "store"
        return shutil.copytree(self.finished, root) if copy else root

    def computed_once(self) -> list[str]:
        """All of them start the same investigation."""
        root = self.fresh()
        made = together([lambda: racing.compute(X, root)] * self.n)
        much = sum(map(len, made)) - len(self.sound)
        return ([f"{much} results computed twice"] if much else []) + amiss(X, root, self.sound, whole=True)

    def damaged_once(self) -> list[str]:
        """All of them meet the same damaged result."""
        root = self.fresh(copy=True)
        data_files(next((root / "score_pairs").iterdir()))[0].write_bytes(b"damaged")
        together([lambda: racing.mend(X, root)] * self.n)
        aside = [path for path in root.glob("*/*.damaged-*")]
        if len(aside) != 1:
            return [f"set aside {len(aside)} times"]
        shutil.rmtree(aside[0])
        return amiss(X, root, self.sound, whole=True)

    def beside(self, act: Callable[[Path], racing.Task], *, removed: bool = False) -> list[str]:
        """Somebody acts on the store while the investigation is made, or made again after it was removed."""
        root = self.fresh(copy=removed)
        if removed:
            racing.removed(root)
        run = lambda: racing.announced(root, lambda: racing.compute(X, root))  # noqa: E731
        other = together([run, act(root)])[1]
        return (other if isinstance(other, list) else []) + amiss(X, root, self.sound, whole=True)

    def one_job(self) -> list[str]:
        """All of them start the same case."""
        root = self.fresh()
        made = set(together([racing.submits(X, root)] * self.n))
        return [f"{len(made)} jobs"] if len(made) != 1 else []

    def one_note(self) -> list[str]:
        """All of them note the same run."""
        root = self.fresh()
        named = set(together([racing.notes(X, root)] * self.n))
        there = {path.stem for path in (root / "runs").iterdir()}
        return [f"notes: {there}"] if there != named else []

    def torn(self) -> list[str]:
        """All of them write the same file."""
        file = self.fresh() / "file"
        found = sum(together([racing.writes(file, letter * 50_000) for letter in "abcdefgh"[: self.n]]))
        return [f"{found} torn"] if found or len(list(file.parent.iterdir())) != 1 else []

    def verdicts(self) -> list[str]:
        """All of them judge images."""
        root = self.fresh()
        wanted = sum(together([racing.judges(root, f"reviewer {i}") for i in range(self.n)]))
        return [] if racing.verdicts(root) == wanted else ["verdicts were lost"]

    def without_locks(self) -> list[str]:
        """The file system has no locks."""
        return told(ending(lambda: (refuse("flock", errno.ENOLCK), work(X, self.fresh())())), "has no locks")


def counted(what: str, trial: Callable[[], list[str]], tried: int) -> tuple[dict[str, Any], list[str]]:
    """A row of the record, and the bad endings in words."""
    found = [trial() for _ in range(tried)]
    return row(what, tried, sum(map(bool, found))), [problem for problems in found for problem in problems]


def rows(of: Races, times: int) -> Iterable[tuple[dict[str, Any], list[str]]]:
    """Every race and how it ended."""
    n = of.n
    yield counted(f"{n} processes start the same investigation", of.computed_once, times)
    yield counted(f"{n} processes meet the same damaged result", of.damaged_once, times)
    reads, changes = (lambda r: racing.reads(X, r, of.sound)), (lambda r: racing.removes_and_restores(X, r))
    yield counted("a reader opens what looks finished while it is made", lambda: of.beside(reads), times)
    yield counted("the case is removed and restored while it is made", lambda: of.beside(changes), times)
    clears = lambda: of.beside(racing.clears, removed=True)  # noqa: E731
    yield counted("housekeeping clears a removed case while it is started again", clears, times)
    yield counted(f"{n} users start the same case", of.one_job, 5 * times)
    yield counted(f"{n} processes note the same run", of.one_note, 5 * times)
    yield counted(f"{n} processes write the same file", of.torn, 5 * times)
    yield counted(f"{n} reviewers write verdicts", of.verdicts, 5 * times)
    yield counted("a file system without locks", of.without_locks, 1)


def main() -> None:
    """Race and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=6)
    parser.add_argument("--processes", type=int, default=4)
    chosen = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="races-"))
    finished = base / "finished"
    work(X, finished)()
    races = Races(base, finished, files_of(X, finished), chosen.processes)
    found = list(rows(races, chosen.times))
    problems = [problem for _, bad in found for problem in bad]
    keep("races", "Several processes, one store", [r for r, _ in found], problems=problems[:20])


if __name__ == "__main__":
    main()
