from pathlib import Path

import pytest

from core.jobs import Job, remaining
from core.jobs.pace import Pace
from core.jobs.record import Progress
from core.jobs.table import JobTable


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Running since 100 s: 100 of 300 steps, and slower of late."""
    jobs = JobTable(tmp_path / "jobs.sqlite3")
    started = jobs.submit("run", "{}", "")
    jobs.claim()
    reached = Progress(phase="batches", phase_started=7.0, phase_seconds=100, done=100, total=300, rate=0.5)
    jobs.progress(started.id, reached)
    return jobs.get(started.id)


def test_the_range_holds_both_the_mean_and_the_recent_rate(job: Job):
    low, high = remaining(job)
    assert low < 200 and high > 400
    assert (low, high) == pytest.approx((200 / 1.1, 400 * 1.1), rel=0.05)


def test_nothing_is_promised_without_a_total_or_after_the_end(job: Job):
    values = vars(job)
    for change in ({"total": None}, {"done": 0}, {"state": "done"}, {"phase_started": None}):
        assert remaining(Job(**{**values, **change})) is None


def test_steps_kept_from_an_earlier_attempt_do_not_count_as_speed(job: Job):
    fresh = remaining(Job(**{**vars(job), "phase_first": 90, "rate": None}))
    assert fresh[0] > remaining(job)[0]


def test_the_recent_rate_forgets_old_steps_and_other_phases():
    pace = Pace()
    done = 0
    for second in range(60):
        done += 10 if second < 30 else 1
        rate = pace.rate(Progress(phase="a", phase_started=0.0, done=done), float(second))
    assert rate == pytest.approx(1.0)
    assert pace.rate(Progress(phase="b", phase_started=60.0, done=5), 60.0) is None
