"""Who may do what: roles from the lists, and every door that a viewer finds closed."""

import json
import time
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.testing.v1 import AppTest

from app import access, serving
from app.access import Refused, Visitor
from core import jobs, owners, runs
from core.blind import challenges
from core.review.verdicts import Verdicts

ROOT = Path(__file__).parents[2]
LISTS = {"admins": ["ada@lab.example"], "analysts": ["@lab.example"], "viewers": ["vera@guest.example"]}
SECRETS = f"""
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "{"c" * 64}"
client_id = "x"
client_secret = "x"
server_metadata_url = "http://localhost:1/.well-known/openid-configuration"
[access]
""" + "\n".join(f"{role} = {json.dumps(names)}" for role, names in LISTS.items())


def claims(email: str = "bob@lab.example", **more) -> dict:
    return {"is_logged_in": True, "email": email, "sub": "1", "iat": int(time.time())} | more


@pytest.fixture
def login(tmp_path, monkeypatch):
    """A server where people sign in."""

    def configured(text: str = SECRETS) -> None:
        (tmp_path / "secrets.toml").write_text(text)
        secrets_singleton._reset()

    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    configured()
    monkeypatch.setattr(access, "_pinned", False)
    yield configured
    config.set_option("secrets.files", before)
    secrets_singleton._reset()


@pytest.fixture
def visit_as():
    def opened(email: str, page: str, **address: str) -> AppTest:
        at = AppTest.from_file(ROOT / "app" / "dashboard.py", default_timeout=60)
        at.user, at.query_params = claims(email), address
        return (at if page == "cases" else at.switch_page(f"views/{page}.py")).run()

    return opened


def test_without_a_login_everybody_is_a_local_analyst_with_every_right(visit, case_id):
    at = visit("cases")
    assert not at.exception
    assert not [b for b in at.button if b.disabled and "may" in (b.help or "")]


def _doors(case_id: str) -> None:
    """Every function behind a button, called as the page calls it; those that do not refuse are shown."""
    import streamlit as st

    from app import answers, results, shell
    from app.access import NotAllowed
    from app.panels import forecast, import_case
    from app.panels.challenge import blind_teacher
    from app.panels.reporting import report_bundle
    from app.panels.review import verdicts
    from app.panels.unlearning import outcome_queue
    from core.blind import challenges
    from core.bundles import bundle
    from core.engine import questions
    from core.unlearned.outcomes import Asked  # noqa: F401

    case = results.case(case_id)
    assert case is not None
    challenge = challenges.every(results.store().root)[0]
    doors = {
        "start": lambda: shell.start(case.run.experiment),
        "unlearn": lambda: outcome_queue.begin(case, [], 1),
        "ask the engine": lambda: answers.to(questions.about_scores(case.plan)),
        "forecast": lambda: forecast.asked(case.run.experiment.to_toml()),
        "import": lambda: import_case._take_in(None, "x.zip"),
        "bundle": lambda: report_bundle._make(
            bundle.contents(case, notes=False), results.store().root / "x.zip"
        ),
        "challenge": lambda: blind_teacher._made(case, blind_teacher.View(case=case.id), "Title", []),
        "copy": lambda: blind_teacher._again(challenge),
        "remove": lambda: blind_teacher._remove(challenge),
    }
    for name, door in doors.items():
        try:
            door()
        except NotAllowed:
            continue
        st.text(f"open: {name}")
    verdicts.say(case, [0], "poison")  # says so itself
    st.text("done")


def test_a_viewer_finds_every_door_closed_and_leaves_no_trace(login, case, store_root):
    owners.share(store_root, case.id, True)
    made = challenges.make(store_root, case, challenges.Wanted("Exercise"))
    at = AppTest.from_function(_doors, default_timeout=60, kwargs={"case_id": case.id})
    at.user = claims("vera@guest.example")
    at.run()
    assert not at.exception
    assert [text.value for text in at.text] == ["done"]
    assert not jobs.table(store_root).list(10)
    assert [c.id for c in challenges.every(store_root)] == [made.id]
    assert not Verdicts(store_root, case.id, len(case.plan.dataset.value.train)).read().rows


def test_an_analyst_does_not_touch_the_challenge_of_another(login, case, store_root):
    owners.share(store_root, case.id, True)
    made = challenges.make(store_root, case, challenges.Wanted("Exercise"))
    owners.claim(store_root, made.id, "carol@lab.example")
    at = AppTest.from_function(_removing, default_timeout=60)
    at.user = claims("bob@lab.example")
    assert "only where it is your own" in at.run().text[0].value
    assert [c.id for c in challenges.every(store_root)] == [made.id]
    at.user = claims("carol@lab.example")
    assert not at.run().text
    assert challenges.every(store_root) == []


def _removing() -> None:
    import streamlit as st

    from app import results
    from app.access import NotAllowed
    from app.panels.challenge import blind_teacher
    from core.blind import challenges

    try:
        blind_teacher._remove(challenges.every(results.store().root)[0])
    except NotAllowed as refusal:
        st.text(str(refusal))


def test_somebody_elses_case_reads_like_one_that_is_not_there(login, case, store_root, visit_as, words):
    owners.claim(store_root, case.id, "bob@lab.example")
    told = {
        name: words(visit_as("carol@lab.example", "investigate", case=name)) for name in (case.id, "0" * 12)
    }
    assert told[case.id].replace(case.id, "") == told["0" * 12].replace("0" * 12, "")
    for page in ("cases", "jobs", "studies", "challenge", "guided"):
        at = visit_as("carol@lab.example", page)
        assert not at.exception
        assert case.run.title not in words(at), page
    assert case.run.title in words(visit_as("bob@lab.example", "cases"))
    assert case.run.title in words(visit_as("ada@lab.example", "cases"))


def test_its_owner_shares_a_case_with_one_switch(login, case, store_root, visit_as, words):
    owners.claim(store_root, case.id, "bob@lab.example")
    at = visit_as("bob@lab.example", "cases")
    at.toggle(key=f"share-{case.id}").set_value(True).run()
    assert case.run.title in words(visit_as("vera@guest.example", "cases"))
    assert visit_as("vera@guest.example", "cases").toggle(key=f"share-{case.id}").disabled


def test_what_somebody_starts_is_theirs_and_theirs_alone(login, make_experiment, visit_as, words, store_root):
    at = AppTest.from_function(_starting, default_timeout=60, kwargs={"toml": make_experiment().to_toml()})
    at.user = claims("bob@lab.example")
    assert not at.run().exception
    (job,) = jobs.table(store_root).list(10)
    jobs.cancel(store_root, job.id)
    assert job.owner == "bob@lab.example"
    assert owners.of(store_root, runs.identifier(runs.resolved(make_experiment()))).owners == (
        "bob@lab.example",
    )
    assert job.title in words(visit_as("bob@lab.example", "jobs"))
    assert job.title not in words(visit_as("carol@lab.example", "jobs"))


def _starting(toml: str) -> None:
    import tomllib

    from app import shell
    from core.experiment import Experiment

    shell.start(Experiment.checked(tomllib.loads(toml)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[auth]", "[auth"), "cannot be read"),
        (("client_id", "client"), "no client_id"),
        (("c" * 64, "short"), "can be guessed"),
        (("ada@lab.example", ""), None),
        (("[access]", "[other]"), "lists nobody"),
    ],
)
def test_half_a_login_does_not_start_as_none(login, change, told):
    login(SECRETS.replace(*change))
    found = serving.unsound()
    assert (told in found[0]) if told else found == []


def test_a_login_does_not_vanish_with_its_file(login, tmp_path):
    access.pin_login()
    (tmp_path / "secrets.toml").unlink()
    secrets_singleton._reset()
    assert access.login_needed()
    assert not isinstance(access.judged(claims("ada@lab.example"), access.lists()), Visitor)
    assert access.judged(claims("ada@lab.example"), {}) == Refused(
        "ada@lab.example", "You are on no list here."
    )


@pytest.mark.parametrize("door", ["own model", "unlearning"])
def test_a_job_is_ended_by_its_owner_or_an_admin_alone_even_where_the_page_believes_another(
    door, login, store_root
):
    spec = json.dumps({"experiment": {}, "asked": {}})
    job = jobs.table(store_root).submit("unlearn", spec, "of bob", "bob@lab.example")

    def pressed(email: str) -> str:
        at = AppTest.from_function(_ending, default_timeout=60, kwargs={"door": door, "mine": email})
        at.user, at.session_state["job"] = claims(email), job.id
        button = at.run().button[0]
        if not button.disabled:
            button.click().run()
        return jobs.table(store_root).get(job.id).state

    assert pressed("vera@guest.example") == pressed("carol@lab.example") == "queued"
    assert pressed("bob@lab.example") == "cancelled"


def _ending(door: str, mine: str) -> None:
    """The buttons beside one's own model, and beside unlearning as drawn for a job that was somebody's then."""
    from dataclasses import replace

    import streamlit as st

    from app import results
    from app.panels.own import own_progress
    from app.panels.unlearning import outcome_queue
    from core import jobs

    job = jobs.table(results.store().root).get(st.session_state["job"])
    if not job.is_live:
        st.text("ended")
    elif door == "own model":
        own_progress._waiting(job.id)
    else:
        outcome_queue._action(replace(job, owner=mine))
