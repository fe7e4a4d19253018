"""Faults that jobs meet: everything that can be killed, filled, stopped, replaced or damaged under them."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from reliability.office import Office, wait_until

from core import jobs
from core.jobs import family
from core.jobs.launch import ensure_supervisor, is_supervised
from core.jobs.process import identify, is_alive
from core.jobs.record import Job


def counting(job: Job) -> bool:
    return job.state == "running" and job.done >= 3


def ended(job: Job) -> bool:
    return not job.is_live


def test_a_supervisor_killed_five_times_leaves_every_step_done_once(office: Office):
    job = office.submit("once", steps=60, pause=0.05)
    for reached in range(5, 30, 5):
        office.supervise("--idle-exit=9")
        office.wait_for(job, lambda now, least=reached: now.done >= least)
        office.kill_supervisor()
    office.supervise()
    done = office.wait_for(job, ended)
    assert (done.state, done.attempt) == ("done", 1)
    assert office.kept.read_text().split() == [str(step) for step in range(60)]


def test_everything_killed_at_once_is_told_and_goes_on_where_it_was(office: Office):
    job = office.submit("once", steps=40, pause=0.03)
    office.supervise("--idle-exit=9")
    running = office.wait_for(job, counting)
    office.supervisors[-1].kill()
    os.kill(running.pid, signal.SIGKILL)
    office.kill_supervisor()
    office.supervise("--idle-exit=9")
    failed = office.wait_for(job, ended)
    assert failed.state == "failed" and "try again to continue" in failed.error
    again = office.submit("once", steps=40, pause=0.03)
    assert office.wait_for(again, ended).phase_first >= 3
    assert office.kept.read_text().split() == [str(step) for step in range(40)]


def test_a_killed_server_takes_no_job_with_it(office: Office):
    job = office.submit("once", steps=60, pause=0.05)
    program = (
        "import sys, time; from core.jobs import ensure_supervisor\n"
        "ensure_supervisor(sys.argv[1], sys.argv[2:]); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(office.store), *office.options]
    with subprocess.Popen(command, start_new_session=True) as server:
        office.wait_for(job, counting)
        os.killpg(server.pid, signal.SIGKILL)
    assert office.wait_for(job, ended).state == "done"
    assert [found.id for found in jobs.table(office.store).list()] == [job.id]


def test_no_process_of_a_cancelled_job_is_left_wherever_it_hid(office: Office):
    tag = str(os.getpid())
    job = office.submit("forest", tag=tag)
    office.supervise("--idle-exit=9")
    wait_until(lambda: len(sleeping(tag)) >= 8)
    office.table.request_cancel(job.id)
    assert office.wait_for(job, ended).error == "stopped by force after 0.3 s"
    wait_until(lambda: not sleeping(tag) and not office.processes())


def test_what_a_killed_worker_left_behind_is_found_without_marks_too(office: Office):
    tag = str(os.getpid())
    job = office.submit("forest", tag=tag)
    office.supervise("--idle-exit=9")
    wait_until(lambda: len(sleeping(tag)) >= 8)
    os.kill(office.table.get(job.id).pid, signal.SIGKILL)
    assert office.wait_for(job, ended).state == "failed"
    wait_until(lambda: not sleeping(tag) and not office.processes())


def sleeping(tag: str) -> set[int]:
    """Processes whose command line sleeps for the seconds that name a forest."""
    sign = f"sleep(99.{tag})".encode()
    found = set()
    for pid in family.everything():
        try:
            if sign in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
        except OSError:
            continue
    return found


def test_a_stopped_supervisor_is_replaced_and_its_job_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    job = office.submit("once", steps=120, pause=0.05)
    first = office.supervise()
    office.wait_for(job, counting)
    os.kill(first.pid, signal.SIGSTOP)
    ensure_supervisor(office.store, office.options)
    assert is_alive(identify(first.pid))  # not at once: it may only be slow
    monkeypatch.setenv("INFLUENCE_JOBS_STALLED", "1")
    time.sleep(1.2)
    ensure_supervisor(office.store, office.options)
    assert first.wait(5) == -signal.SIGKILL
    done = office.wait_for(job, ended, 20)
    assert (done.state, done.attempt) == ("done", 1)
    assert office.kept.read_text().split() == [str(step) for step in range(120)]


def test_a_clock_that_jumps_a_day_changes_neither_fate_nor_forecast(office: Office, tmp_path: Path):
    shift = tmp_path / "shift"
    shift.write_text("0")
    (tmp_path / "modules" / "sitecustomize.py").write_text(
        "import pathlib, time\nreal = time.time\n"
        f"time.time = lambda: real() + float(pathlib.Path({str(shift)!r}).read_text() or 0)\n"
    )
    job = office.submit("once", steps=80, pause=0.05)
    office.supervise()
    for reached, seconds in ((5, "86400"), (20, "-86400"), (35, "0")):
        seen = office.wait_for(job, lambda now, least=reached: now.done >= least)
        low, high = jobs.remaining(seen)
        assert 0 < low <= high < 60 and 0 <= seen.elapsed < 60
        shift.write_text(seconds)
    done = office.wait_for(job, ended, 20)
    assert (done.state, done.attempt) == ("done", 1) and 0 < done.seconds < 60


def test_a_job_whose_description_was_damaged_is_not_done(office: Office):
    job = office.submit("once", steps=1, pause=0)
    with closing(sqlite3.connect(office.table.path)) as connection, connection:
        connection.execute("UPDATE jobs SET spec = replace(spec, '1', '2')")
    office.supervise()
    failed = office.wait_for(job, ended)
    assert failed.state == "failed" and "does not match its digest" in failed.error
    assert not office.kept.exists()


def test_an_endless_log_stays_bounded_and_keeps_its_first_and_last_lines(office: Office):
    job = office.submit("flood", megabytes=60)
    office.supervise()
    done = office.wait_for(job, ended, 30)
    log = jobs.Log(done.log)
    assert done.state == "done" and log.size() < 30 * 2**20
    text = log.whole().decode()
    assert "the first line" in text and "earlier lines were left out" in text
    assert "the last line" in done.log_tail().splitlines()[-2:]


@pytest.mark.parametrize("stuck", [False, True])
def test_100_mb_of_log_are_cut_also_where_their_worker_is_gone_or_stuck(office: Office, stuck: bool):
    job = office.submit("burst", megabytes=100, stuck=stuck)
    office.supervise()
    log = jobs.Log(job.log)
    wait_until(lambda: "the last line" in log.tail() and log.size() < 16 * 2**20)
    if not stuck:
        office.wait_for(job, ended)
    text = log.whole().decode()
    assert "the first line" in text and "earlier lines were left out: the log had grown over 8 MB" in text


def test_100_mb_of_log_written_at_once_end_as_a_few_with_its_last_lines(office: Office):
    job = office.submit("flood", megabytes=100)
    office.supervise()
    log, most = jobs.Log(job.log), 0
    while office.table.get(job.id).is_live:
        assert len(log.tail()) < 2**20
        most = max(most, log.size())
    wait_until(lambda: log.size() < 16 * 2**20)
    assert office.table.get(job.id).state == "done" and most > 2**20
    assert "the last line" in log.tail().splitlines()[-2:]


def test_twenty_processes_asking_for_the_same_work_make_one_job(office: Office):
    program = (
        "import sys; from core import jobs; print(jobs.table(sys.argv[1]).submit('run', '{}', 'same').id)"
    )
    command = [sys.executable, "-c", program, str(office.store)]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    assert {process.communicate()[0].strip() for process in asking} == {"1"}
    assert len(office.table.list()) == 1


def test_of_supervisors_started_together_one_supervises(office: Office):
    for _ in range(2):
        started = [office.supervise("--idle-exit=0.3") for _ in range(3)]
        wait_until(lambda: is_supervised(office.store))
        wait_until(lambda now=started: sum(process.poll() is None for process in now) == 1)
        wait_until(lambda: not is_supervised(office.store))
