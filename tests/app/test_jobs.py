"""The page of jobs: what it says of each state, who may do what, and what its address restores."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import access, ownership
from app.access import Visitor
from app.panels.jobs import job_detail
from core import jobs
from core.jobs import JobTable, Progress, Request, Resources
from core.jobs.launch import jobs_dir, supervisor_lock
from core.jobs.offer import Offer
from core.jobs.resources import usable_threads
from core.jobs.turns import Place


@pytest.fixture
def table(store_root: Path) -> Iterator[JobTable]:
    """A table whose jobs nobody starts: the place of the supervisor is taken by this test."""
    jobs_dir(store_root).mkdir(parents=True)
    with supervisor_lock(jobs_dir(store_root)):
        yield jobs.table(store_root)


def ask(table: JobTable, title: str, owner: str = "", batch: str = "", cpu: int = 1):
    spec = json.dumps({"title": title})
    return table.add(
        Request(kind="run", spec=spec, title=title, owner=owner, batch=batch, needs=Resources(cpu=cpu))
    )


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch):
    """Lets somebody look who has signed in."""

    def let_in(name: str, role: access.Role) -> None:
        monkeypatch.setattr(access, "visitor", lambda: Visitor(name, name, role, signed_in=True))

    return let_in


def test_a_running_job_tells_step_rate_time_to_go_and_its_log(table, visit, words):
    job = ask(table, "a title with *stars* and <b>tags</b>")
    table.claim()
    table.progress(
        job.id,
        Progress(
            stage="train", stages_done=2, stages_total=9, phase="epochs", phase_started=1.0, phase_seconds=50.0,
            done=10, total=40, rate=0.2, history='[["load_dataset", 1, 3.0], ["score_pairs", 4, 100.0]]',
        ),
    )  # fmt: skip
    job.log.write_text("first\nthe line that was printed last\n")
    at = visit("jobs", job=str(job.id))
    assert not at.exception
    said = words(at)
    for part in ("step 3 of 9", "epochs 10 of 40", "2 a second", "this phase ends in 2 min to 3 min"):
        assert part in said, part
    assert "reading the images · 3 s" in said and "scoring influence, 4 times · 2 min" in said
    assert "6 steps to come" in said and "the line that was printed last" in said
    assert at.button(key=f"cancel-{job.id}").label == "Cancel" and "safe to close this tab" in said


def test_a_waiting_job_tells_its_place_and_what_it_waits_for(table, visit, words):
    ask(table, "first", cpu=1)
    usable = usable_threads()
    table.claim((Place("local", Resources(cpu=usable)),))
    second, third = ask(table, "second", cpu=usable), ask(table, "third", cpu=usable)
    said = words(visit("jobs"))
    assert "place 1 of 2 in the queue" in said and "place 2 of 2 in the queue" in said
    assert "free processor thread" in said and f"job {second.id} goes first" in said
    assert third.id == second.id + 1


def test_cancelling_and_trying_again_do_what_they_say(table, visit):
    job = ask(table, "mine")
    at = visit("jobs")
    at.button(key=f"cancel-{job.id}").click().run()
    assert table.get(job.id).state == "cancelled"
    at.button(key=f"again-{job.id}").click().run()
    [again] = table.active()
    assert again.spec == job.spec and again.id != job.id


def test_an_opened_job_is_in_the_address_and_opens_from_it(table, visit):
    job, other = ask(table, "one"), ask(table, "two")
    at = visit("jobs")
    assert not [button for button in at.button if button.label == "Less"]
    at.button(key=f"open-job-{job.id}").click().run()
    assert at.query_params["job"] in (str(job.id), [str(job.id)])
    at = visit("jobs", job=str(job.id))
    assert at.button(key=f"open-job-{job.id}").label == "Less"
    assert at.button(key=f"open-job-{other.id}").label == "Details"


@pytest.mark.parametrize("number", ["999", "-1", "x", "<b>", "9" * 40, "٣"])
def test_a_link_to_no_job_is_explained_or_ignored(number, table, visit):
    ask(table, "one")
    at = visit("jobs", job=number)
    assert not at.exception
    assert bool(at.warning) == (number in ("999", "٣"))


def test_the_filter_is_in_the_address_and_keeps_what_it_says(table, visit, words):
    ended, live = ask(table, "ended job"), ask(table, "live job")
    table.finish(ended.id, "done")
    assert "live job" not in words(visit("jobs", state="ended")).partition("jobs-state")[2]
    at = visit("jobs", state="live")
    assert f"open-job-{live.id}" in {button.key for button in at.button}
    assert f"open-job-{ended.id}" not in {button.key for button in at.button}


def test_a_group_shows_its_progress_and_is_cancelled_as_a_whole(table, visit, words):
    found = [ask(table, f"cell {n}", batch="my sweep") for n in range(4)]
    table.finish(found[0].id, "done")
    at = visit("jobs")
    assert "4 jobs: 3 queued, 1 done" in words(at)
    at.button(key=f"cancel-batch-{found[1].id}").click().run()
    assert [job.state for job in table.list()] == ["cancelled"] * 3 + ["done"]


def test_analysts_see_and_stop_only_their_own_jobs(table, visit, words, signed_in):
    mine, other = ask(table, "my job", "ann"), ask(table, "secret title", "bob")
    signed_in("ann", "analyst")
    at = visit("jobs", job=str(other.id))
    said = words(at)
    assert "secret title" not in said and "1 job of other people also wait" in said
    assert f"cancel-{mine.id}" in {button.key for button in at.button}


def test_a_job_that_two_people_asked_for_is_left_to_the_other_and_only_then_stopped(
    table, store_root, visit, signed_in
):
    job = ask(table, "wanted twice", "ann", batch="ann's sweep")
    for name in ("bob", "cleo"):
        signed_in(name, "analyst")
        ownership.asked(store_root, ask(table, "wanted twice", name))
    signed_in("ann", "analyst")
    at = visit("jobs")
    at.button(key=f"cancel-{job.id}").click().run()
    assert not at.exception and [toast.value for toast in at.toast] and "wanted twice" in at.toast[0].value
    assert f"cancel-{job.id}" not in {button.key for button in at.button}
    left = table.get(job.id)
    assert (left.state, left.owner, left.batch, left.cancel_requested) == ("queued", "bob", "", False)
    signed_in("bob", "analyst")
    visit("jobs").button(key=f"cancel-{job.id}").click().run()
    assert (table.get(job.id).state, table.get(job.id).owner) == ("queued", "cleo")
    signed_in("cleo", "analyst")
    visit("jobs").button(key=f"cancel-{job.id}").click().run()
    assert table.get(job.id).state == "cancelled"


def test_a_cancelled_group_leaves_what_others_asked_for_too(table, store_root, visit, signed_in):
    found = [ask(table, f"cell {n}", "ann", batch="my sweep") for n in range(3)]
    signed_in("bob", "analyst")
    ownership.asked(store_root, ask(table, "cell 1", "bob"))
    signed_in("ann", "analyst")
    visit("jobs").button(key=f"cancel-batch-{found[0].id}").click().run()
    assert [table.get(job.id).state for job in found] == ["cancelled", "queued", "cancelled"]
    assert table.get(found[1].id).owner == "bob"


def test_an_admin_stops_a_job_for_everybody_who_asked_for_it(table, store_root, visit, signed_in):
    job = ask(table, "wanted twice", "ann")
    signed_in("bob", "analyst")
    ownership.asked(store_root, ask(table, "wanted twice", "bob"))
    signed_in("root", "admin")
    visit("jobs").button(key=f"cancel-{job.id}").click().run()
    assert table.get(job.id).state == "cancelled"


def test_an_admin_stops_somebody_elses_job_only_after_a_question(table, visit, words, signed_in):
    job = ask(table, "of bob", "bob")
    signed_in("root", "admin")
    at = visit("jobs")
    assert "This is a job of **bob**" in words(at)
    assert at.button(key=f"cancel-{job.id}").label == f"Cancel job {job.id}"
    at.button(key=f"cancel-{job.id}").click().run()
    assert table.get(job.id).state == "cancelled"


def test_viewers_can_press_nothing(table, visit, signed_in):
    job = ask(table, "of ann", "ann")
    ended = ask(table, "ended", "ann")
    table.finish(ended.id, "failed", "no luck")
    signed_in("ann", "viewer")
    at = visit("jobs")
    assert at.button(key=f"cancel-{job.id}").disabled and at.button(key=f"again-{ended.id}").disabled


def test_a_damaged_table_is_repaired_by_a_button_that_says_what_was_saved(table, visit, words):
    job = ask(table, "kept")
    table.tell("x", "y" * 30_000)
    with jobs.table(table.path.parents[1]).connection() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with table.path.open("rb+") as file:
        file.truncate(file.seek(0, 2) - 4096)
    at = visit("jobs")
    assert "is damaged" in words(at) and "Finished results" in words(at)
    at.button(key="repair-jobs").click().run()
    assert "1 job was saved" in words(at) and table.get(job.id).title == "kept"
    at.button(key="jobs-notice").click().run()
    assert "1 job was saved" not in words(at)


def test_a_cluster_that_cannot_be_reached_is_told_calmly_with_the_remedy(table, visit, words, signed_in):
    ask(table, "mine", "ann")
    why = "http://127.0.0.1:8265 does not answer: is the cluster running, and the tunnel up?"
    Offer((), missing={"ray": why}).write(table)
    at = visit("jobs")
    assert not at.exception and not at.error
    [told] = [warning.value for warning in at.warning]
    assert told.startswith("Jobs cannot use the Ray cluster now: ") and "is the cluster running" in told
    assert "waiting jobs start by themselves" in told
    assert "waits for the Ray cluster, which cannot be used now" in words(at)
    signed_in("ann", "analyst")
    assert "8265" not in words(visit("jobs")), "addresses are for whoever runs the dashboard"
    Offer((Place("ray", Resources(4)),)).write(table)
    assert not visit("jobs").warning


def test_a_job_that_found_everything_computed_says_so(table, visit, words):
    job = ask(table, "was there already")
    table.claim()
    table.finish(job.id, "done")
    said = words(visit("jobs", job=str(job.id)))
    assert "Everything had been computed already; no step had to run." in said


def test_a_job_without_a_step_is_called_the_same_on_its_row_and_in_the_sidebar(table, visit):
    ask(table, "just begun")
    table.claim()
    at = visit("jobs")
    texts = [bar.proto.text for bar in (*at.main.get("progress"), *at.sidebar.get("progress"))]
    assert texts == ["starting", "just begun · starting"]


def test_a_phase_that_ends_in_a_number_is_kept_apart_from_its_steps(table, visit, words):
    job = ask(table, "one")
    table.claim()
    table.progress(job.id, Progress(stage="unlearn", phase="setting 1 of 3", done=181, total=410))
    assert "setting 1 of 3, step 181 of 410" in words(visit("jobs"))


def test_without_a_login_nobody_is_another_browser(table, visit, words):
    job = ask(table, "asked for in another window", "5" * 32)
    at = visit("jobs", job=str(job.id))
    assert "Asked for by: you" in words(at) and "another browser" not in words(at)
    assert "jobs-whose" not in {one.key for one in at.get("button_group")}
    assert f"open-job-{job.id}" in {button.key for button in visit("jobs", whose="mine").button}


def test_whose_jobs_is_asked_where_an_admin_sees_those_of_others(table, visit, words, signed_in):
    ask(table, "of bob", "bob")
    signed_in("root", "admin")
    assert "Everybody" in words(visit("jobs"))


def test_the_box_of_a_log_is_as_high_as_its_text_and_never_higher_than_its_bound():
    assert job_detail.height("one line\n") == "content"
    assert job_detail.height(("w" * 80 + "\n") * 9) < job_detail.LOG_HEIGHT
    assert job_detail.height("a line of words\n" * 500) == job_detail.LOG_HEIGHT


def test_a_closed_sidebar_does_not_hide_that_a_job_is_at_work(table, visit):
    assert not links(visit("settings"))
    ask(table, "one")
    assert links(visit("settings")) == ["1 at work"]
    assert not links(visit("jobs")), "the page itself lists them"


def links(at) -> list[str]:
    """What the page itself, not its sidebar, calls the way to the jobs at work."""
    labels = [link.proto.label for link in at.main.get("page_link")]
    return [label for label in labels if "at work" in label]
