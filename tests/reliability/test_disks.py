"""Does a run without room say what to do, lose nothing, and go on once there is room?"""

import errno
import shutil
from pathlib import Path

import pytest
from reliability import full_disks, isolation, job_disks

from core import durable
from core.store import Store


@pytest.fixture
def trial(tiny, tiny_root):
    return full_disks.Trial(
        tiny.experiment, full_disks.files_of(tiny.experiment, tiny_root), isolation.ending
    )


@pytest.fixture
def nearly(tiny, tiny_root, tmp_path) -> Path:
    """The store of an investigation that lacks its scores and the two verdicts about them."""
    root = shutil.copytree(tiny_root, tmp_path / "nearly")
    shutil.rmtree(root / "score_pairs")
    shutil.rmtree(root / "detect")
    return root


def test_a_write_that_stops_in_the_middle_says_what_to_do_and_a_later_run_goes_on(trial, nearly):
    hinder = lambda: isolation.largest_file(10_000)  # noqa: E731
    assert trial.hindered(nearly, hinder, "are free", "make room", "--store") == []


def test_a_disk_that_cannot_write_out_is_named_and_keeps_no_half_result(trial, nearly):
    hinder = lambda: isolation.refuse("fsync", errno.EIO)  # noqa: E731
    assert trial.hindered(nearly, hinder, "disk is sound") == []


def test_a_job_that_cannot_write_on_says_what_to_do_and_tried_again_goes_on(trial, nearly):
    """The real supervisor and worker; a limit on the size of files, which anybody may set, stands for the full disk."""
    shutil.rmtree(nearly / "fit_factors")
    press = job_disks.short_files(nearly, 60_000)  # the job table's log of changes is smaller
    fault = job_disks.Fault(press, words=("are free", "make room", "--store"))
    assert job_disks.whole_job(trial, nearly, fault, reached=0) == []


def test_a_job_goes_on_when_the_disk_of_its_table_is_full_and_others_are_told(trial, nearly, monkeypatch):
    if refused := isolation.mounts_refused():
        pytest.skip(f"nothing can be mounted here: {refused}")
    monkeypatch.setenv("INFLUENCE_JOBS_PATIENCE", "2")

    def inside() -> list[str]:
        isolation.own_mounts()
        place = nearly / "jobs"
        place.mkdir(exist_ok=True)
        isolation.disk(place, 1 << 18)
        fill, empty = job_disks.fill(place), job_disks.empty(place)
        fault = job_disks.Fault(fill, empty, state="done", table_full=True)
        return job_disks.whole_job(trial, nearly, fault, reached=0)

    assert isolation.apart(inside) == []


def test_a_full_disk_is_refused_before_the_first_byte_and_says_how_much_is_missing(tmp_path):
    with pytest.raises(durable.CannotWrite, match=r"MB are to be written, .* MB are free; make room"):
        durable.check_room(tmp_path / "not" / "there", 10**16)


def test_a_store_that_nobody_may_write_opens_and_refuses_work(trial, nearly, tiny_root):
    if refused := isolation.mounts_refused():
        pytest.skip(f"nothing can be mounted here: {refused}")

    def inside() -> list[str]:
        isolation.own_mounts()
        isolation.read_only(nearly)
        return full_disks.told(isolation.ending(full_disks.work(trial.x, nearly)), "may only read", "--store")

    assert isolation.apart(inside) == []


@pytest.mark.parametrize("name", full_disks.ODD)
def test_a_store_may_have_any_name(trial, nearly, name):
    root = nearly.rename(nearly.parent / name)
    assert trial.going_on(root) == []


def test_a_path_that_is_too_long_is_named_and_not_a_traceback(trial, tmp_path):
    ended = isolation.ending(full_disks.work(trial.x, tmp_path / ("b" * 300)))
    assert full_disks.told(ended, "shorter path") == []


def test_temporary_files_may_lie_on_another_device(trial, nearly, tmp_path):
    scratch = Path("/dev/shm")
    if not scratch.is_dir() or scratch.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second device to write to")
    shutil.rmtree(nearly / "fit_factors")
    assert trial.going_on(nearly, scratch) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    file = tmp_path / "note.json"
    durable.write(file, "before")
    ended = isolation.ending(lambda: (isolation.largest_file(3), durable.write(file, "after this")))
    assert ended.startswith("CannotWrite") and file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
    assert not list(Store(tmp_path).root.glob("*.part"))
