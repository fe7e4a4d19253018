"""Does a write last, or leave what was there, and say in words what stood in its way?"""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from core import durable, locks, paper, weights
from core.bundles import bundle


def test_a_file_is_written_in_place_of_the_old_one_and_nothing_else_is_left(tmp_path):
    durable.write(tmp_path / "new" / "note", "one")
    durable.write(tmp_path / "new" / "note", b"two")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["note"]
    assert (tmp_path / "new" / "note").read_bytes() == b"two"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "make room"),
        (errno.EROFS, "may only read"),
        (errno.EACCES, "may only read"),
        (errno.ENOLCK, "no locks"),
        (errno.ENOENT, "start again"),
        (errno.ENAMETOOLONG, "shorter path"),
        (errno.EIO, "disk is sound"),
    ],
)
def test_every_obstacle_is_named_with_its_place_and_a_remedy(tmp_path, number, words):
    with pytest.raises(durable.CannotWrite, match=words) as told, durable.explained(tmp_path / "place", 5):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "place") in str(told.value)


@pytest.mark.parametrize(
    "text",
    ["100 requested and 12 written", "problem writing element 5 to file", "No space left (os error 28)"],
)
def test_libraries_that_hide_the_number_of_an_error_are_understood(tmp_path, text):
    with pytest.raises(durable.CannotWrite, match="make room"), durable.explained(tmp_path):
        raise OSError(text)


def test_an_error_that_is_not_about_the_disk_passes_as_it_is(tmp_path):
    with pytest.raises(ZeroDivisionError), durable.explained(tmp_path):
        raise ZeroDivisionError


def test_a_lock_whose_file_was_deleted_is_taken_at_the_file_that_is_there_now(tmp_path):
    file = tmp_path / "lock"
    with locks.holding(file, lambda: None):
        file.unlink()
        with locks.holding(file, lambda: None), locks.if_free(file) as free:
            assert not free


def test_who_waits_for_a_lock_may_be_stopped(tmp_path):
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    began = time.monotonic()
    with (
        locks.holding(tmp_path / "lock", lambda: None),
        pytest.raises(Stopped),
        locks.holding(tmp_path / "lock", stop),
    ):
        pass
    assert time.monotonic() - began < 5


@pytest.fixture
def synced(monkeypatch):
    """What the disk was told to write out: the file's or folder's number, and the names of its folder then."""
    seen: list[tuple[int, list[str]]] = []
    really = os.fsync

    def noted(descriptor: int) -> None:
        place = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        folder = place if place.is_dir() else place.parent
        seen.append((os.fstat(descriptor).st_ino, os.listdir(folder)))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return seen


def _record(folder: Path) -> Path:
    paper.write(folder / "a.json", {"row": "x", "seed": 0})
    return folder / "a.json"


def _weights(folder: Path) -> Path:
    return weights.file_of(weights.keep_weights(save({"a": np.ones(3, np.float32)})))


def _brought(folder: Path) -> Path:
    folder.mkdir()
    (folder / "came.json").write_text("{}")
    bundle._copied(folder / "came.json", folder / "sets" / "kept.json")
    return folder / "sets" / "kept.json"


@pytest.mark.parametrize("write", [_record, _weights, _brought])
def test_a_files_content_is_on_the_disk_before_its_name_and_its_name_before_anybody_is_told(
    write, synced, tmp_path, store_root
):
    final = write(tmp_path / "folder")
    number, folder = final.stat().st_ino, final.parent.stat().st_ino
    assert any(told == number and final.name not in names for told, names in synced)
    assert any(told == folder and final.name in names for told, names in synced)
