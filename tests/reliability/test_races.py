"""May several processes use one store at once without computing twice, losing or tearing anything?"""

import errno
import os
import shutil
import time

import pytest
from reliability import full_disks, isolation, racing

from core import housekeeping, keeping, locks, runs
from core.store import Store


@pytest.fixture
def sound(tiny, tiny_root):
    return full_disks.files_of(tiny.experiment, tiny_root)


@pytest.fixture
def nearly(tiny, tiny_root, tmp_path):
    """The store of an investigation that lacks its scores and the two verdicts about them."""
    root = shutil.copytree(tiny_root, tmp_path / "store")
    shutil.rmtree(root / "score_pairs")
    shutil.rmtree(root / "detect")
    return root


def test_three_processes_that_start_the_same_case_compute_each_result_once(tiny, nearly, sound):
    made = isolation.together([lambda: racing.compute(tiny.experiment, nearly)] * 3)
    assert sorted(stage for stages in made for stage in stages) == ["detect", "detect", "score_pairs"]
    assert full_disks.amiss(tiny.experiment, nearly, sound, whole=True) == []


def test_whoever_reads_removes_or_clears_meanwhile_harms_nothing(tiny, nearly, sound):
    x = tiny.experiment
    acts = [racing.reads(x, nearly, sound), racing.removes_and_restores(x, nearly), racing.clears(nearly)]
    run = lambda: racing.announced(nearly, lambda: racing.compute(x, nearly))  # noqa: E731
    _, misread, removals, _ = isolation.together([run, *acts])
    assert misread == [] and removals > 0
    assert full_disks.amiss(x, nearly, sound, whole=True) == []


def test_housekeeping_deletes_nothing_while_results_are_computed(tiny, nearly):
    note = runs.record(tiny.experiment, Store(nearly))
    runs.remove(note, Store(nearly))
    computing = locks.holding(locks.in_use_file(nearly), lambda: None, shared=True)
    with computing, pytest.raises(housekeeping.StoreInUse, match="wait until the jobs have ended"):
        housekeeping.clear(Store(nearly), "removed")
    assert housekeeping.clear(Store(nearly), "removed") > 0


def test_users_who_start_the_same_case_at_once_start_one_job(tiny, tmp_path):
    assert len(set(isolation.together([racing.submits(tiny.experiment, tmp_path)] * 4))) == 1


def test_a_file_that_many_write_is_always_one_of_what_they_wrote(tmp_path):
    tasks = [racing.writes(tmp_path / "file", letter * 50_000) for letter in "abc"]
    assert isolation.together(tasks) == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_verdict_of_several_reviewers_at_once_is_lost(tmp_path):
    assert isolation.together([racing.judges(tmp_path, f"reviewer {i}") for i in range(3)]) == [25] * 3
    assert racing.verdicts(tmp_path) == 75


def test_a_file_system_without_locks_is_named(tiny, nearly):
    hinder = lambda: isolation.refuse("flock", errno.ENOLCK)  # noqa: E731
    ended = isolation.ending(lambda: (hinder(), full_disks.work(tiny.experiment, nearly)()))
    assert full_disks.told(ended, "has no locks", "--store") == []


def test_what_a_killed_writer_left_goes_at_once_and_what_a_living_one_writes_stays(nearly):
    key = "0" * 32
    part = nearly / "train" / f"{key}.123-abc.part"
    part.mkdir(parents=True)
    with locks.holding(locks.lock_file(nearly, key), lambda: None):
        housekeeping.clear(Store(nearly), "leftovers")
        assert part.exists()
    housekeeping.clear(Store(nearly), "leftovers")
    assert not part.exists() and keeping.parts_of(nearly / "train" / key) == []


def test_times_in_the_future_neither_hide_nor_keep_anything(tiny, tiny_root, tmp_path):
    root, ahead = shutil.copytree(tiny_root, tmp_path / "store"), time.time() + 1e8
    aside = root / "train" / ("0" * 32 + ".damaged-1")
    aside.mkdir()
    for path in root.rglob("*"):
        os.utime(path, (ahead, ahead))
    assert racing.compute(tiny.experiment, root) == []
    housekeeping.clear(Store(root), "leftovers")
    assert not aside.exists()
