"""Whose turn it is, and that real jobs keep to it."""

import os
from pathlib import Path

import pytest

from core import jobs
from core.jobs import Job, JobTable, NotYours, Refused, Request, Resources
from core.jobs.launch import jobs_dir, supervisor_lock
from core.jobs.resources import devices, expected
from core.jobs.turns import PATIENCE, Place, queue

TWO = (Place("local", Resources(cpu=2)),)
CARDS = (Place("local", Resources(cpu=8, gpu=2), ("0", "1")),)


@pytest.fixture
def table(tmp_path: Path) -> JobTable:
    return JobTable(tmp_path / "jobs.sqlite3")


def ask(table: JobTable, owner: str = "", **needs: int) -> Job:
    number = len(table.list(1000))
    spec = f'{{"n": {number}}}'
    return table.add(Request(kind="run", spec=spec, title="", owner=owner, needs=Resources(**needs)))


def started(table: JobTable, places: tuple[Place, ...], limit: int = 0) -> list[int]:
    found = []
    while job := table.claim(places, limit=limit):
        found.append(job.id)
    return found


def why(table: JobTable, places: tuple[Place, ...], limit: int = 0) -> dict[int, str]:
    turns = queue(table.active(), places, served=table.served(), limit=limit)
    return {turn.job.id: turn.why for turn in turns}


def test_one_job_of_somebody_else_does_not_wait_for_fifty(table: JobTable):
    for _ in range(50):
        ask(table, "ann", cpu=2)
    last = ask(table, "bob", cpu=2)
    first = table.claim(TWO)
    table.finish(first.id, "done")
    assert table.claim(TWO) == table.get(last.id)


def test_jobs_that_would_overload_the_machine_do_not_run_together(table: JobTable):
    small, large, other = ask(table, cpu=1), ask(table, cpu=2), ask(table, cpu=1)
    assert started(table, TWO) == [small.id]
    assert why(table, TWO) == {
        large.id: "waits for 2 free processor threads",
        other.id: f"job {large.id} goes first",
    }


def test_a_large_job_is_not_overtaken_for_ever_by_small_ones_of_others(table: JobTable):
    ask(table, "ann", cpu=1)
    large = ask(table, "ann", cpu=2)
    table.claim(TWO)
    for _ in range(3 * PATIENCE):
        ask(table, "bob", cpu=1)
    overtaken = 0
    while (job := table.claim(TWO)) and job.id != large.id:
        overtaken += 1
        table.finish(job.id, "done")
    assert job is None and 0 < overtaken <= PATIENCE
    table.finish(1, "done")
    assert table.claim(TWO).id == large.id


def test_each_graphics_job_gets_a_card_of_its_own_and_work_without_goes_on_beside(table: JobTable):
    first, second, third = (ask(table, gpu=1) for _ in range(3))
    plain = ask(table, cpu=2)
    assert started(table, CARDS) == [first.id, second.id, plain.id]
    given = {job.id: job.devices for job in table.active()}
    assert given == {first.id: "0", second.id: "1", third.id: "", plain.id: ""}
    assert why(table, CARDS)[third.id] == "waits for a free GPU"
    table.finish(first.id, "done")
    assert table.claim(CARDS).devices == "0"


def test_no_owner_has_more_jobs_at_work_than_allowed(table: JobTable):
    mine = [ask(table, "ann") for _ in range(3)]
    other = ask(table, "bob")
    places = (Place("local", Resources(cpu=8)),)
    assert started(table, places, limit=2) == [mine[0].id, other.id, mine[1].id]
    assert why(table, places, 2) == {mine[2].id: "2 of 2 running jobs of its owner"}


def test_no_owner_can_wait_with_more_jobs_than_allowed(table: JobTable):
    ask(table, "ann")
    with pytest.raises(Refused, match="you have 1 waiting or running jobs of at most 1: wait"):
        table.add(Request(kind="run", spec='{"more": 1}', title="", owner="ann"), limit=1)
    table.add(Request(kind="run", spec='{"more": 1}', title="", owner="bob"), limit=1)


def test_what_no_place_could_hold_is_refused_with_need_and_remedy(tmp_path: Path):
    asked = Request(kind="run", spec="{}", title="", needs=Resources(cpu=9999, gpu=1))
    with pytest.raises(Refused, match=r"needs 9999 threads, 1 GPU, and there is .*: ask for less, or start"):
        jobs.ask(tmp_path, asked)
    assert jobs.table(tmp_path).list() == ()


def test_a_waiting_job_that_a_smaller_supervisor_cannot_hold_ends_with_the_reason(office):
    large = office.ask("count", Resources(cpu=3), steps=1, pause=0)
    office.supervise("--cpu=2")
    failed = office.wait_for(large, lambda now: not now.is_live)
    assert failed.state == "failed" and "needs 3 threads, and there is 2 threads" in failed.error


def test_real_workers_see_only_their_own_card_and_threads(office, until, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-5")
    for n in range(2):
        office.ask("cards", Resources(cpu=2, gpu=1), n=n)
    office.ask("cards", Resources(cpu=3), n=2)
    devices.cache_clear()
    office.supervise("--cpu=8", "--memory=0")
    said = [office.kept.with_name(f"{office.kept.name}{n}") for n in range(3)]
    until(lambda: all(file.exists() and file.read_text() for file in said))
    office.kept.write_text("end")
    devices.cache_clear()
    assert [file.read_text() for file in said] == ["4;2", "GPU-5;2", ";3"]


def test_only_the_owner_or_an_admin_cancels_and_tries_again(tmp_path: Path):
    jobs_dir(tmp_path).mkdir()
    with supervisor_lock(jobs_dir(tmp_path)):
        job = jobs.submit(tmp_path, "run", "{}", "", "ann")
        for action in (jobs.cancel, jobs.again):
            with pytest.raises(NotYours, match="somebody else's: only its owner or an admin may"):
                action(tmp_path, job.id, by="bob", admin=False)
        assert jobs.cancel(tmp_path, job.id, by="ann", admin=False).state == "cancelled"
        again = jobs.again(tmp_path, job.id, by="root", admin=True)
        assert (again.owner, again.spec, again.needs) == ("ann", job.spec, job.needs) and again.id != job.id


def test_a_live_job_is_left_to_somebody_else_and_stays_sound(tmp_path: Path):
    jobs_dir(tmp_path).mkdir()
    with supervisor_lock(jobs_dir(tmp_path)):
        asked = Request(kind="run", spec="{}", title="", owner="ann", batch="sweep")
        job = jobs.ask(tmp_path, asked)
        with pytest.raises(NotYours):
            jobs.hand_over(tmp_path, job.id, "bob", by="bob", admin=False)
        left = jobs.hand_over(tmp_path, job.id, "bob", by="ann", admin=False)
        assert (left.owner, left.batch, left.state) == ("bob", "", "queued") and left.seal != job.seal
        assert jobs.repair(tmp_path) is None  # nothing is taken for damage
        assert jobs.ask(tmp_path, asked).id == job.id
        jobs.cancel(tmp_path, job.id, by="bob", admin=False)
        assert jobs.hand_over(tmp_path, job.id, "ann", by="bob", admin=False).owner == "bob"


def test_a_batch_is_cancelled_as_a_whole_and_nothing_else(tmp_path: Path):
    jobs_dir(tmp_path).mkdir()
    with supervisor_lock(jobs_dir(tmp_path)):
        for n, batch in enumerate(["sweep", "sweep", "", "other"]):
            spec = f'{{"n": {n}}}'
            jobs.ask(tmp_path, Request(kind="run", spec=spec, title="", owner="ann", batch=batch))
        with pytest.raises(NotYours):
            jobs.cancel_batch(tmp_path, "sweep", by="bob", admin=False)
        assert len(jobs.cancel_batch(tmp_path, "sweep", by="ann", admin=False)) == 2
        assert [job.state for job in jobs.table(tmp_path).list()] == [
            "queued",
            "queued",
            "cancelled",
            "cancelled",
        ]


def test_what_a_job_needs_follows_from_its_options(monkeypatch: pytest.MonkeyPatch):
    usable = len(os.sched_getaffinity(0))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    devices.cache_clear()
    assert expected({}) == Resources(cpu=min(usable, 8))
    assert expected({"threads": 1, "device": "cuda"}) == Resources(cpu=1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    devices.cache_clear()
    assert expected({"threads": 1}) == Resources(cpu=1, gpu=1)
    assert expected({"threads": 1, "device": "cpu"}) == Resources(cpu=1)
    devices.cache_clear()
