"""Does a run that was killed at any moment go on and end as if nobody had disturbed it?"""

import random
import time

import pytest
from reliability import killing

from core import durable, keeping
from core.store import Store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return killing.undisturbed(tmp_path_factory.mktemp("undisturbed"))


def test_runs_killed_at_random_moments_go_on_to_the_same_results(undisturbed, tmp_path):
    (reference, seconds), tally, draw, number = undisturbed, killing.Tally(), random.Random(0), 0
    while tally.kills < 4 and number < 12:
        number += 1
        killing.a_round(tmp_path / f"{number}", reference, tally, seconds, draw)
    assert tally.kills == 4 and tally.problems == []
    assert tally.looked > 20


def test_a_run_killed_while_it_writes_leaves_a_part_that_the_next_one_clears(undisturbed, tmp_path):
    reference, tally, root = undisturbed[0], killing.Tally(), tmp_path / "store"
    (tmp_path / "scratch").mkdir()
    task = killing.work(root, tmp_path / "scratch")
    assert killing.killed_in_a_write(killing.forked(task), root, number=3, delay=0.0)
    assert killing.finished(killing.forked(task))
    killing.check_end(root, reference, tally)
    assert tally.problems == []


def test_two_writers_of_one_result_never_share_a_folder(tmp_path):
    final = tmp_path / "train" / ("0" * 32)
    names = {durable.beside(final).name for _ in range(100)}
    assert len(names) == 100
    for name in names:
        (final.parent / name).mkdir(parents=True)
    assert {part.name for part in keeping.parts_of(final)} == names
    assert not (final.parent / "meta.json").exists() and Store(tmp_path).root == tmp_path


def test_the_killed_process_is_really_gone_before_the_next_one_starts():
    began = time.monotonic()
    assert killing.killed_after(killing.forked(lambda: time.sleep(60)), 0.05)
    assert time.monotonic() - began < 20
