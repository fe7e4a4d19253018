import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from core import jobs
from core.jobs.launch import is_supervised, jobs_dir, supervisor_lock
from core.jobs.process import Identity, identify, is_alive


def counting(job) -> bool:
    return job.state == "running" and job.phase == "epochs" and job.done >= 3


def test_progress_is_seen_from_another_process_and_the_job_gets_done(office):
    job = office.submit("count", steps=40, pause=0.03)
    office.supervise()
    seen = office.wait_for(job, lambda now: counting(now) and now.rate)
    assert (seen.stage, seen.total, seen.attempt) == ("train", 40, 1)
    assert 0 < seen.rate < 40
    low, high = jobs.remaining(seen)
    assert 0 < low < high < 60
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.done, ended.error) == ("done", 40, None)


def test_a_running_job_stops_at_its_next_step_when_cancelled(office):
    job = office.submit("count", steps=10_000, pause=0.02)
    office.supervise("--grace=30")
    office.wait_for(job, counting)
    asked = time.monotonic()
    office.table.request_cancel(job.id)
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.error) == ("cancelled", None)
    assert time.monotonic() - asked < 3


def test_a_running_job_can_be_cancelled_while_no_supervisor_lives(office):
    job = office.submit("count", steps=10_000, pause=0.02)
    supervisor = office.supervise()
    office.wait_for(job, counting)
    supervisor.kill()
    office.table.request_cancel(job.id)
    assert office.wait_for(job, lambda now: not now.is_live).state == "cancelled"


def test_a_worker_that_does_not_stop_is_ended_by_force_with_its_children(office, until: Callable):
    job = office.submit("stubborn")
    office.supervise()
    child = identify(int(until(lambda: office.kept.exists() and office.kept.read_text())))
    office.table.request_cancel(job.id)
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.error) == ("cancelled", "stopped by force after 0.3 s")
    until(lambda: not is_alive(child))
    assert not is_alive(ended.worker)


def test_a_killed_worker_is_reported_and_the_work_continues_when_submitted_again(office):
    first = office.submit("count", steps=40, pause=0.03)
    office.supervise("--idle-exit=5")
    running = office.wait_for(first, counting)
    os.kill(running.pid, signal.SIGKILL)
    failed = office.wait_for(first, lambda now: not now.is_live)
    assert failed.state == "failed" and "worker process died (signal 9" in failed.error
    again = office.submit("count", steps=40, pause=0.03)
    assert again.id != first.id
    ended = office.wait_for(again, lambda now: not now.is_live)
    assert ended.state == "done" and ended.phase_first >= 3


def test_a_killed_supervisor_is_replaced_and_the_running_job_finishes_once(office):
    job = office.submit("count", steps=60, pause=0.03)
    first = office.supervise()
    running = office.wait_for(job, counting)
    first.kill()
    first.wait()
    assert is_alive(running.worker)
    office.supervise()
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.pid, ended.attempt) == ("done", running.pid, 1)


def test_an_adopted_worker_that_dies_is_reported_and_its_children_end(office, until: Callable):
    job = office.submit("stubborn")
    first = office.supervise()
    child = identify(int(until(lambda: office.kept.exists() and office.kept.read_text())))
    running = office.table.get(job.id)
    first.kill()
    first.wait()
    os.kill(running.pid, signal.SIGKILL)
    office.supervise()
    failed = office.wait_for(job, lambda now: not now.is_live)
    assert failed.state == "failed" and failed.error.startswith("worker process died;")
    until(lambda: not is_alive(child))


def test_a_job_claimed_by_a_supervisor_that_was_killed_at_once_is_done_by_the_next(office):
    job = office.submit("count", steps=1, pause=0)
    office.table.claim()
    office.supervise()
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.attempt) == ("done", 1)


def test_a_job_that_ran_before_the_machine_restarted_is_done_again(office):
    job = office.submit("count", steps=1, pause=0)
    office.table.claim()
    office.table.register(job.id, Identity(os.getpid(), 1, "the boot before"))
    with closing(sqlite3.connect(office.table.path)) as connection, connection:
        connection.execute("UPDATE jobs SET beat = beat - 31")
    office.supervise()
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.attempt, ended.error) == ("done", 2, None)


def test_a_worker_told_to_end_from_outside_says_so(office):
    job = office.submit("count", steps=10_000, pause=0.02)
    office.supervise()
    os.kill(office.wait_for(job, counting).pid, signal.SIGTERM)
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert ended.state == "cancelled" and "SIGTERM from outside" in ended.error


def test_a_failed_job_keeps_its_error_and_the_end_of_its_log(office):
    job = office.submit("fail")
    office.supervise()
    failed = office.wait_for(job, lambda now: not now.is_live)
    assert failed.error == "ValueError: poison_rate=1.2: expected a share in (0, 1)"
    assert "about to fail" in failed.log_tail() and "Traceback" in failed.log_tail()
    assert failed.log_tail(200).endswith(failed.error + "\n")


def test_jobs_without_a_function_and_workers_without_a_word_are_reported(office):
    unknown, gone = office.submit("dance"), office.submit("vanish")
    office.supervise("--cpu=2")
    assert "unknown kind of job 'dance'; choose from" in office.wait_for(unknown, lambda now: now.error).error
    assert "ended with status 7" in office.wait_for(gone, lambda now: now.error).error


def test_stages_log_lines_and_threads_reach_where_they_belong(office):
    job = office.submit("tell", options={"threads": 3})
    office.supervise()
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.stage, ended.message) == ("done", "score", "accuracy 0.91")
    assert (ended.stages_done, ended.stages_total) == (2, 2)
    assert office.kept.read_text() == "3"


def test_a_worker_leaves_a_job_alone_that_waits_for_none(office):
    job = office.submit("fail")
    command = [sys.executable, "-m", "core.jobs.worker", "--table", str(office.table.path), str(job.id)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2 and "waits for no worker" in ended.stderr
    assert office.table.get(job.id) == job


def test_supervisors_started_at_once_leave_one_that_ends_when_idle(office, until: Callable):
    job = office.submit("count", steps=3, pause=0.01)
    for _ in range(3):
        jobs.ensure_supervisor(office.store, office.options)
    ended = office.wait_for(job, lambda now: not now.is_live)
    assert (ended.state, ended.attempt) == ("done", 1)
    until(lambda: not is_supervised(office.store))
    jobs.ensure_supervisor(office.store, office.options)
    until(lambda: is_supervised(office.store))


def test_submitting_starts_no_second_supervisor_and_cancelling_ends_the_wait(tmp_path: Path):
    jobs_dir(tmp_path).mkdir()
    with supervisor_lock(jobs_dir(tmp_path)) as mine:
        assert mine
        job = jobs.submit(tmp_path, "run", "{}", "title", "me")
        assert jobs.submit(tmp_path, "run", "{}", "title", "me") == job
        assert jobs.cancel(tmp_path, job.id).state == "cancelled"
    assert not (jobs_dir(tmp_path) / "supervisor.log").exists()


def test_a_kind_nobody_knows_is_refused(tmp_path: Path):
    with pytest.raises(
        ValueError, match=r"unknown kind of job 'dance'; choose from \['chain', 'paper', 'run', 'unlearn'\]"
    ):
        jobs.submit(tmp_path, "dance", "{}", "")


def test_a_store_that_is_a_file_is_reported(tmp_path: Path):
    (tmp_path / "store").write_text("")
    with pytest.raises(jobs.JobsUnavailable, match="choose"):
        jobs.table(tmp_path / "store")
    with pytest.raises(jobs.JobsUnavailable, match="choose"):
        jobs.ensure_supervisor(tmp_path / "store")


def test_the_page_needs_neither_torch_nor_streamlit_for_jobs():
    program = (
        "import sys, core.jobs, core.jobs.supervisor, core.jobs.worker, core.jobs.desk\n"
        "assert not {'torch', 'streamlit', 'numpy', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_cluster_that_cannot_be_reached_is_told_everywhere_and_refuses_no_job(office, until, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x" * 64)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:9")
    office.supervise("--executor=ray", "--idle-exit=30")
    until(lambda: jobs.missing(office.store))
    asked = jobs.Request(kind="run", spec="{}", title="a run", needs=jobs.Resources(64))
    assert jobs.ask(office.store, asked).state == "queued"
    [turn] = jobs.turns(office.store)
    assert turn.why == "waits for the Ray cluster, which cannot be used now" and not turn.never
    command = [sys.executable, "-m", "core", "jobs", "list", f"--store={office.store}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "a run" in said.stdout
    assert "jobs cannot use the Ray cluster now: http://127.0.0.1:9 does not answer" in said.stderr
    assert "is the cluster running, and the tunnel up?" in said.stderr
