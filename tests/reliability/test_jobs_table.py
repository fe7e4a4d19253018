"""What happens to the job table under the jobs: full disk, deleted, replaced, damaged, cut, read-only."""

import os
import resource
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from reliability.office import Office, wait_until

from core import jobs
from core.jobs import orders
from core.jobs.process import identify
from core.jobs.record import Job, JobsDamaged, JobsUnavailable
from core.jobs.resources import Resources


def counting(job: Job) -> bool:
    return job.state == "running" and job.done >= 3


def ended(job: Job) -> bool:
    return not job.is_live


def test_a_disk_that_is_full_for_a_while_loses_neither_work_nor_its_end(office: Office):
    job = office.submit("once", steps=40, pause=0.05)
    supervisor = office.supervise()
    running = office.wait_for(job, counting)
    for pid in (supervisor.pid, running.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (2048, resource.RLIM_INFINITY))
    wait_until(lambda: len(office.kept.read_text().split()) == 40)
    time.sleep(0.5)
    assert office.table.get(job.id).is_live  # nobody could write that it has ended
    for pid in (supervisor.pid, running.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    done = office.wait_for(job, ended)
    assert (done.state, done.done, done.attempt) == ("done", 40, 1)
    assert "the work goes on" in done.log_tail(100_000)


def test_a_deleted_table_is_made_anew_with_the_jobs_at_work(office: Office):
    job = office.ask("once", Resources(), owner="ann", steps=60, pause=0.05)
    waiting = office.ask("once", Resources(9), owner="bob", steps=1, pause=0)
    office.supervise("--cpu=9")
    office.wait_for(job, counting)
    for companion in ("", "-wal", "-shm"):
        Path(f"{office.table.path}{companion}").unlink(missing_ok=True)
    wait_until(office.table.path.exists)
    done = wait_until(lambda: next((j for j in office.table.list() if j.id == job.id and ended(j)), None))
    assert (done.state, done.owner, done.attempt) == ("done", "ann", 1)
    assert office.wait_for(waiting, ended).state == "done"


def test_a_table_replaced_under_a_worker_gets_none_of_its_reports(office: Office):
    job = office.submit("once", steps=30, pause=0.05)
    office.supervise()
    office.wait_for(job, counting)
    office.kill_supervisor()
    office.table.path.unlink()
    fresh = jobs.table(office.store)
    other = fresh.submit("count", "{}", "another job of the same number")
    fresh.claim()
    fresh.register(other.id, identify(os.getpid()))
    wait_until(lambda: len(office.kept.read_text().split()) == 30)
    time.sleep(0.5)
    assert other.id == job.id and (fresh.get(job.id).done, fresh.get(job.id).state) == (0, "running")


def test_a_table_damaged_under_a_supervisor_is_put_aside_and_the_job_ends_in_a_new_one(office: Office):
    job = office.submit("once", steps=80, pause=0.05)
    office.supervise()
    office.wait_for(job, counting)
    with office.table.path.open("rb+") as file:
        file.write(b"\0" * 100)  # no SQLite file any more
    Path(f"{office.table.path}-wal").unlink(missing_ok=True)
    done = wait_until(lambda: finished(office, job.id), 20)
    assert (done.state, done.attempt) == ("done", 1)
    [aside] = office.table.path.parent.glob("jobs.sqlite3.damaged-*[0-9]")
    assert aside.read_bytes()[:100] == b"\0" * 100 and aside.name in jobs.notice(office.store)


def finished(office: Office, job_id: int) -> Job | None:
    try:
        found = office.table.get(job_id)
    except (JobsUnavailable, LookupError):
        return None
    return found if ended(found) else None


def test_a_truncated_table_is_refused_until_it_is_repaired_and_readable_jobs_are_kept(office: Office):
    for seed in range(60):
        office.submit("once", seed=seed, more="x" * 400)
    with closing(sqlite3.connect(office.table.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = office.table.path.stat().st_size
    os.truncate(office.table.path, whole - 3 * 4096)
    with pytest.raises(JobsDamaged, match=r"is damaged: .*core jobs repair"):
        jobs.table(office.store).check()
    repaired = orders.repair_file(office.table.path)
    assert repaired and 0 < repaired.saved < 60 and repaired.aside.stat().st_size == whole - 3 * 4096
    kept = jobs.table(office.store).list()
    assert len(kept) == repaired.saved and all('"more"' in job.spec for job in kept)
    assert orders.repair_file(office.table.path) is None


@pytest.mark.parametrize("name", [b"started_boot", b"title", b"seal", b"id", b"TABLE jobs"])
def test_a_bit_that_flipped_in_the_layout_is_damage_and_repair_keeps_every_job(office: Office, name):
    asked = [office.submit("once", steps=1, seed=seed) for seed in range(30)]
    with closing(sqlite3.connect(office.table.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = office.table.path.read_bytes()
    place = whole.index(name + b" ")
    office.table.path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
    with pytest.raises(JobsDamaged, match=r"is damaged: .*core jobs repair"):
        jobs.table(office.store).list()
    repaired = orders.repair_file(office.table.path)
    assert repaired and repaired.saved == 30
    assert {job.id: job.spec for job in jobs.table(office.store).list()} == {
        job.id: job.spec for job in asked
    }


def test_a_table_that_may_only_be_read_is_told_and_its_jobs_are_still_shown(office: Office):
    job = office.submit("once", steps=1, pause=0)
    folder = office.table.path.parent
    program = (
        "import sys; from core import jobs\n"
        "try: jobs.table(sys.argv[1]).request_cancel(1)\n"
        "except jobs.JobsUnavailable as error: print(error)\n"
        "print([found.id for found in jobs.table(sys.argv[1]).list()])"
    )
    told = run_where_nothing_can_be_written(folder, [sys.executable, "-c", program, str(office.store)])
    assert "cannot use the job table" in told and "choose another store or make room" in told
    assert told.splitlines()[-1] == f"[{job.id}]"


def run_where_nothing_can_be_written(folder: Path, command: list[str]) -> str:
    """What a command prints that sees the folder read-only: by its permissions, for the superuser by a mount."""
    if os.geteuid() == 0:
        mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", mount, str(folder), *command]
    folder.chmod(0o555)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        folder.chmod(0o755)
