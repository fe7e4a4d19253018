import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.jobs import JobsDamaged, JobsUnavailable, JobTable, Progress
from core.jobs.process import Identity, boot_id
from core.jobs.repair import repair

HERE = Identity(os.getpid(), 1, boot_id())
ELSEWHERE = Identity(os.getpid(), 1, "a boot of last week")


@pytest.fixture
def jobs(tmp_path: Path) -> JobTable:
    return JobTable(tmp_path / "jobs" / "jobs.sqlite3")


def test_the_same_work_submitted_twice_is_one_job(jobs: JobTable):
    first = jobs.submit("run", '{"seed": 1, "rate": 0.1}', "a", "me")
    assert jobs.submit("run", '{"rate": 0.1, "seed": 1}', "b", "you") == first
    assert jobs.submit("run", '{"seed": 2}', "c") != first


def test_many_pages_submitting_at_once_make_one_job(jobs: JobTable):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: jobs.submit("run", "{}", "same").id, range(24)))
    assert set(made) == {1}


def test_ended_work_can_be_submitted_again(jobs: JobTable):
    first = jobs.submit("run", "{}", "")
    jobs.finish(first.id, "failed", "no luck")
    again = jobs.submit("run", "{}", "")
    assert again.id != first.id and again.state == "queued"
    assert [job.id for job in jobs.list()] == [again.id, first.id]
    assert jobs.active() == (again,)


def test_four_claimers_claim_each_of_100_jobs_once(jobs: JobTable):
    expected = [jobs.submit("run", f'{{"seed": {seed}}}', "").id for seed in range(100)]
    claimer = (
        "import sys; from core.jobs import JobTable; jobs = JobTable(sys.argv[1])\n"
        "while job := jobs.claim(): print(job.id)"
    )
    command = [sys.executable, "-c", claimer, str(jobs.path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    claimed = [int(line) for process in running for line in process.communicate()[0].split()]
    assert sorted(claimed) == expected
    assert {job.attempt for job in jobs.list()} == {1}


def test_a_queued_job_is_cancelled_at_once(jobs: JobTable):
    job = jobs.request_cancel(jobs.submit("run", "{}", "").id)
    assert job.state == "cancelled" and job.ended is not None
    assert jobs.claim() is None


def test_work_being_cancelled_can_be_submitted_again_and_waits_for_its_end(jobs: JobTable):
    first = jobs.submit("run", "{}", "")
    jobs.claim()
    assert jobs.request_cancel(first.id).state == "running"
    again = jobs.submit("run", "{}", "")
    assert again.id != first.id and jobs.claim() is None
    jobs.finish(first.id, "cancelled")
    assert jobs.claim().id == again.id


def test_only_one_worker_can_take_a_claimed_job(jobs: JobTable):
    job = jobs.submit("run", "{}", "")
    assert jobs.register(job.id, HERE) is None
    jobs.claim()
    assert jobs.register(job.id, HERE).worker == HERE
    assert jobs.register(job.id, ELSEWHERE) is None


def test_a_claim_nobody_acted_on_is_put_back(jobs: JobTable):
    job = jobs.submit("run", "{}", "")
    jobs.claim()
    jobs.put_back(job.id)
    again = jobs.get(job.id)
    assert (again.state, again.attempt) == ("queued", 0)
    assert jobs.claim().id == job.id


def test_the_first_end_of_a_job_stays(jobs: JobTable):
    job = jobs.submit("run", "{}", "")
    jobs.finish(job.id, "done")
    assert jobs.finish(job.id, "failed", "late").state == "done"
    with pytest.raises(ValueError, match="state='queued': a job ends in one of"):
        jobs.finish(job.id, "queued")


def test_progress_is_kept_and_tells_the_worker_to_stop(jobs: JobTable):
    job = jobs.submit("run", "{}", "")
    jobs.claim()
    progress = Progress(stage="train", phase="epochs", done=3, total=10, message="well")
    assert not jobs.progress(job.id, progress)
    seen = jobs.get(job.id)
    assert (seen.stage, seen.phase, seen.done, seen.total, seen.message) == ("train", "epochs", 3, 10, "well")
    jobs.request_cancel(job.id)
    assert jobs.progress(job.id, progress)


def test_a_job_lost_to_a_restart_is_retried_twice_then_lost(jobs: JobTable):
    job = jobs.submit("run", "{}", "")
    for expected in ("queued", "queued", "lost"):
        jobs.claim()
        jobs.register(job.id, ELSEWHERE)
        assert [lost.state for lost in jobs.requeue_lost(boot_id(), silent_for=0)] == [expected]
    assert "attempt 3" in jobs.get(job.id).error


def test_a_worker_of_another_container_that_still_reports_is_left_alone(jobs: JobTable):
    job = jobs.submit("run", "{}", "")
    jobs.claim()
    jobs.register(job.id, ELSEWHERE)
    assert jobs.requeue_lost(boot_id()) == ()


def test_a_spec_that_is_no_json_object_is_refused(jobs: JobTable):
    with pytest.raises(ValueError, match="expected a JSON object, got list"):
        jobs.submit("run", "[1]", "")
    with pytest.raises(ValueError, match="expected JSON"):
        jobs.submit("run", "seed=1", "")


def test_an_unknown_number_is_named(jobs: JobTable):
    with pytest.raises(LookupError, match="unknown job 7"):
        jobs.get(7)


def test_a_table_of_a_newer_program_is_refused_and_unharmed(jobs: JobTable):
    jobs.submit("run", "{}", "")
    connection = sqlite3.connect(jobs.path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(JobsUnavailable, match="has version 9, this program reads up to 3; update"):
        JobTable(jobs.path)


def test_a_readonly_store_is_reported_with_its_remedy(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    user = os.geteuid()
    if user == 0:  # the superuser may write anywhere
        os.seteuid(65534)
    try:
        with pytest.raises(JobsUnavailable, match=r"closed.*Permission denied.*choose another store"):
            JobTable(closed / "jobs" / "jobs.sqlite3")
    finally:
        os.seteuid(user)


def test_a_full_disk_is_reported_and_loses_nothing(jobs: JobTable):
    kept = jobs.submit("run", "{}", "kept")
    program = (
        "import resource, sys; from core.jobs import JobTable, JobsUnavailable\n"
        "jobs = JobTable(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try: jobs.submit('run', '{\"x\": \"' + 'x' * 200_000 + '\"}', 'large')\n"
        "except JobsUnavailable as error: print(error)"
    )
    command = [sys.executable, "-c", program, str(jobs.path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot use the job table" in said and "make room" in said
    assert jobs.list() == (kept,)


def test_a_file_that_is_no_table_is_reported(tmp_path: Path):
    (tmp_path / "jobs.sqlite3").write_text("not a database, not at all" * 100)
    with pytest.raises(JobsUnavailable, match="file is not a database"):
        JobTable(tmp_path / "jobs.sqlite3")


@pytest.mark.parametrize(
    "change", ["title = 'Train'", "owner = 'eve'", "created = created + 1", "batch = 'x'", "memory = 1"]
)
def test_a_job_whose_title_owner_or_time_was_altered_is_noticed_and_the_others_are_saved(jobs, change):
    altered = jobs.submit("run", "{}", "train", "ann")
    kept = jobs.submit("run", '{"seed": 1}', "other", "bob")
    with closing(sqlite3.connect(jobs.path)) as connection, connection:
        connection.execute(f"UPDATE jobs SET {change} WHERE id = ?", [altered.id])
    with pytest.raises(JobsDamaged, match=f"job {altered.id} holds what nobody wrote; .*repair"):
        jobs.list()
    assert repair(jobs.path).saved == 1
    assert jobs.list() == (kept,)
