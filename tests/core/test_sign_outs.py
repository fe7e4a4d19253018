"""Sign-ins that ended stay ended: for other processes, beside damaged lines, and no longer than they could be used."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core import sign_outs

ROOT = Path(__file__).parents[2]
MARKS = [f"{number:064x}" for number in range(24)]


def add(root: Path, mark: str, seconds: float = 60.0) -> None:
    sign_outs.add(root, mark, time.time() + seconds)


def test_what_another_process_wrote_down_counts_here(tmp_path):
    assert not sign_outs.holds(tmp_path, MARKS[1])
    told = f"Path({str(tmp_path)!r}), {MARKS[1]!r}, 9e9"
    program = f"from core import sign_outs; from pathlib import Path; sign_outs.add({told})"
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert sign_outs.holds(tmp_path, MARKS[1]) and not sign_outs.holds(tmp_path, MARKS[2])


def test_many_at_once_are_all_written_down(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda mark: add(tmp_path, mark), MARKS))
    assert len(sign_outs.file_of(tmp_path).read_text().splitlines()) == len(MARKS)
    assert all(sign_outs.holds(tmp_path, mark) for mark in MARKS)


def test_those_that_could_not_be_used_any_more_go_with_the_next(tmp_path):
    add(tmp_path, MARKS[1], -60)
    add(tmp_path, MARKS[2])
    assert [line[:64] for line in sign_outs.file_of(tmp_path).read_text().splitlines()] == [MARKS[2]]


def test_there_are_never_more_than_the_newest(tmp_path, monkeypatch):
    monkeypatch.setattr(sign_outs, "MOST", 2)
    for seconds, mark in enumerate(MARKS[:4]):
        add(tmp_path, mark, 60 + seconds)
    assert [sign_outs.holds(tmp_path, mark) for mark in MARKS[:4]] == [False, False, True, True]


def test_a_damaged_line_takes_no_other_with_it(tmp_path):
    for mark in MARKS[:3]:
        add(tmp_path, mark)
    file = sign_outs.file_of(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b"\xff\x00" + lines[1][2:] + lines[2])
    assert [sign_outs.holds(tmp_path, mark) for mark in MARKS[:3]] == [True, False, True]
