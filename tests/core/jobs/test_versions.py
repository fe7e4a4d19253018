"""A job table of version 1 as its program wrote it, opened by this one."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.jobs import JobsDamaged, JobsUnavailable, JobTable
from core.jobs.process import boot_id, identify
from core.jobs.schema import FIRST, SECOND, digest_of


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file with one job of each state."""
    file = tmp_path / "jobs.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {FIRST} PRAGMA user_version = 1; COMMIT;")
        for number, state in enumerate(("done", "failed", "cancelled", "lost", "running", "queued")):
            spec = f'{{"seed": {number}}}'
            connection.execute(
                """INSERT INTO jobs (kind, spec, digest, title, owner, state, created, started, ended, pid, pid_started,
                   boot_id, heartbeat) VALUES ('run', ?, ?, 'title', 'ann', ?, 10, 20, 50, 999999, 1, ?, 45)""",
                [spec, digest_of("run", spec), state, boot_id()],
            )
    return file


def test_every_job_of_version_1_is_kept_and_new_ones_follow(old: Path):
    table = JobTable(old)
    states = [job.state for job in reversed(table.list())]
    assert states == ["done", "failed", "cancelled", "lost", "running", "queued"]
    first, running = table.get(1), table.get(5)
    assert (first.owner, first.needs.words, first.elapsed, first.batch) == ("ann", "1 thread", 30.0, "")
    assert (running.executor, running.handle) == ("local", f"5/999999/1/{boot_id()}")
    assert table.submit("run", '{"seed": 99}', "", "ann").id == 7
    assert table.claim().id == 6


def test_a_file_is_changed_once_though_eight_open_it_together(old: Path):
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: len(JobTable(old).list()), range(8)))
    assert opened == [6] * 8


def test_a_file_in_use_by_version_1_is_not_changed_under_it(old: Path):
    me = identify(os.getpid())
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE jobs SET pid = ?, pid_started = ? WHERE id = 5", [me.pid, me.started])
    with pytest.raises(
        JobsUnavailable, match="in use by the program's version before: job 5 still runs there; wait"
    ):
        JobTable(old)
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_version_1_reads_in_the_file_that_it_is_too_old(old: Path):
    JobTable(old)
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (
            3,
        )  # what version 1 refuses by its own words


def test_a_job_of_version_2_is_sealed_as_it_is(old: Path):
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.executescript(f"BEGIN; {SECOND} PRAGMA user_version = 2; COMMIT;")
    assert [job.title for job in JobTable(old).list()] == ["title"] * 6
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE jobs SET title = 'tItle' WHERE id = 3")
    with pytest.raises(JobsDamaged, match="job 3 holds what nobody wrote"):
        JobTable(old).get(3)
