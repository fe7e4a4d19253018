"""A stage that is killed goes on from where it stopped, and ends with the very numbers of an undisturbed one."""

import os
import random
import signal
from hashlib import sha256
from pathlib import Path

import pytest
from reliability import parting


@pytest.fixture(scope="module")
def nurse():
    with parting.nursery() as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("partitions") / "whole"


@pytest.fixture
def stopped(nurse, whole, tmp_path):
    """A fit that was killed: the undisturbed result, the store, and what was kept of it."""
    wanted, torn = parting.without(nurse, "fit_factors", whole, tmp_path / "torn"), tmp_path / "torn"
    kept = torn / "partial" / wanted.key
    child = nurse.start(stage="fit_factors", store=torn, log=tmp_path / "log", every=0)
    parting.strike(child, kept, 0, kill=True)
    assert nurse.wait() == -signal.SIGKILL and list(kept.glob("*.safetensors"))
    return wanted, torn, kept


def go_on(nurse, stopped, log: Path, **options) -> str:
    wanted, torn, _ = stopped
    nurse.start(stage="fit_factors", store=torn, log=log, every=1e9, **options)
    assert nurse.wait() == 0, log.read_text()
    assert parting.same(wanted, torn)
    return log.read_text()


@pytest.mark.parametrize("stage", [stage for stage in parting.STAGES if stage != "unlearn exact"])
def test_a_stage_that_was_killed_ends_as_if_nobody_had_disturbed_it(nurse, whole, stage, tmp_path):
    stores = whole, tmp_path / "torn"
    outcome = parting.parted(nurse, stage, stores, kills=1, draw=random.Random(stage))
    assert outcome.kills == 1 and outcome.continued >= 1, outcome.told
    assert outcome.same, outcome.told


@pytest.mark.parametrize("place", [0.05, 0.5, 0.999])
def test_what_was_kept_and_then_altered_is_named_and_not_used(nurse, stopped, place, tmp_path):
    for file in stopped[2].glob("*.safetensors"):
        data = bytearray(file.read_bytes())
        data[int(place * len(data))] ^= 1
        file.write_bytes(data)
    told = go_on(nurse, stopped, tmp_path / "log2")
    assert "was altered since it was kept; it is not used" in told and "continued" not in told


def test_what_was_kept_for_another_result_is_named_and_not_used(nurse, stopped, tmp_path):
    wanted, _, kept = stopped
    other = parting.artifact("fit_factors", tmp_path)
    mine, theirs = wanted.key.encode(), other.key[::-1].encode()
    for file in kept.glob("*.safetensors"):
        data = file.read_bytes().replace(mine, theirs)
        name, number, _, end = file.name.split(".")
        file.unlink()
        file.with_name(f"{name}.{number}.{sha256(data).hexdigest()[:32]}.{end}").write_bytes(data)
    told = go_on(nurse, stopped, tmp_path / "log2")
    assert f"is of key='{theirs.decode()}', this is '{wanted.key}'; it is not used" in told


def test_two_processes_go_on_with_what_one_began_and_one_of_them_may_die(nurse, stopped, tmp_path):
    wanted, torn, _ = stopped
    child = nurse.start(stage="fit_factors", store=torn, log=tmp_path / "log2", every=0, processes=2)
    workers = parting.until(lambda: parting.members(child))
    os.kill(workers[0], signal.SIGKILL)
    assert nurse.wait() == 0, (tmp_path / "log2").read_text()
    told = (tmp_path / "log2").read_text()
    assert "continued at" in told and "ended with status -9, start 1 of 3" in told
    assert parting.same(wanted, torn)


def test_processes_end_when_the_one_that_started_them_is_killed(nurse, stopped, tmp_path):
    child = nurse.start(stage="fit_factors", store=stopped[1], log=tmp_path / "log2", every=0, processes=2)
    workers = parting.until(lambda: parting.members(child))
    os.kill(child, signal.SIGKILL)
    assert nurse.wait() == -signal.SIGKILL and workers
    assert parting.until(lambda: not any(parting.runs(pid) for pid in workers))
    left = [path.name for path in stopped[2].glob("scratch/*")]
    assert all(
        name.startswith("fitted-") for name in left
    )  # of the one that was killed; whoever goes on clears it
    go_on(nurse, stopped, tmp_path / "log3")
    assert not list(stopped[2].glob("scratch/*"))


def test_two_processes_score_as_one(nurse, whole, tmp_path):
    torn = tmp_path / "torn"
    wanted = parting.without(nurse, "score_pairs", whole, torn)
    child = nurse.start(stage="score_pairs", store=torn, log=tmp_path / "log", every=1e9, processes=2)
    assert parting.until(lambda: len(parting.members(child)) == 2)
    assert nurse.wait() == 0, (tmp_path / "log").read_text()
    assert parting.same(wanted, torn)
