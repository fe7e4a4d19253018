"""Jobs that somebody else started, that many others follow, or that the table has lost, on the pages that wait for them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import access, shell
from app.access import Visitor
from core import jobs
from core.jobs import JobTable
from core.jobs.launch import jobs_dir, supervisor_lock


@pytest.fixture
def nobody(store_root: Path) -> Iterator[JobTable]:
    jobs_dir(store_root).mkdir(parents=True, exist_ok=True)
    with supervisor_lock(jobs_dir(store_root)):
        yield jobs.table(store_root)


@pytest.fixture
def signed_in(monkeypatch):
    def let_in(name, role="analyst"):
        monkeypatch.setattr(access, "visitor", lambda: Visitor(name, name, role, signed_in=True))

    return let_in


def press(at, label):
    return next(b for b in at.button if b.label == label).click().run()


def test_unlearning_at_work_stays_on_its_page_however_many_jobs_follow(visit, case, nobody, words):
    press(visit("unlearn", case=case.id, th="-0.02", tol="2"), "Unlearn")
    assert any("queued" in m.value for m in visit("unlearn", case=case.id).markdown)
    for n in range(60):
        nobody.submit("run", json.dumps({"n": n}), f"of others {n}", "bob")
    assert any("queued" in m.value for m in visit("unlearn", case=case.id).markdown)


def test_trying_unlearning_again_at_the_limit_says_so_in_words(visit, case, nobody, words, monkeypatch):
    press(visit("unlearn", case=case.id, th="-0.02", tol="2"), "Unlearn")
    at = visit("unlearn", case=case.id)
    at = press(at, "Cancel")
    monkeypatch.setenv("INFLUENCE_JOBS_LIVE_PER_OWNER", "1")
    monkeypatch.setattr(access, "_browser", lambda: nobody.list()[0].owner)
    at = press(visit("unlearn", case=case.id), "Try again")
    assert not at.exception


def test_whoever_starts_what_somebody_else_has_started_sees_it_and_keeps_it(
    visit, make_experiment, nobody, words, signed_in
):
    x = make_experiment(title="both want it")
    signed_in("ann@x.org")
    a = shell.start(x)
    signed_in("bob@x.org")
    b = shell.start(x)
    assert a.id == b.id
    at = visit("jobs")
    assert "both want it" in words(at)


def test_a_page_that_waits_for_a_job_that_the_table_lost_says_so(visit, case, nobody):
    from app.panels.own import own_progress

    at = visit("set_up", way="own")
    at.session_state[own_progress.JOB] = 77
    at = at.run()
    assert not at.exception
