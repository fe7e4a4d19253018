"""Strangers, other sites and colleagues against real servers, with and without a login."""

import shutil
import tomllib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from reliability.intruding import crooked, elsewhere, identity, logins, raw, servers

from core import owners, runs, sign_outs
from core.store import Store

TITLE = "A case that nobody else may know of"


def assert_nothing_got_through(tries: raw.Tries) -> None:
    assert [what for what, got_through in tries if got_through] == []
    assert len(tries) > 4


@pytest.fixture(scope="module")
def place(tiny, tiny_root, tmp_path_factory) -> SimpleNamespace:
    """A store with a case that one analyst owns."""
    root = tmp_path_factory.mktemp("access") / "store"
    shutil.copytree(tiny_root, root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    run = runs.record(tiny.experiment.model_copy(update={"title": TITLE}), Store(root))
    owners.claim(root, run.id, "bob@lab.example")
    return SimpleNamespace(root=root, id=run.id)


@pytest.fixture(scope="module")
def alone(place) -> Iterator[int]:
    port = identity.free_port()
    with servers.served(place.root, port):
        assert raw.ask(port, f"/picture/{place.id}/train/0.png").ok
        assert raw.knock(port, f"http://127.0.0.1:{port}")
        yield port


@pytest.fixture(scope="module")
def login(place, tmp_path_factory) -> Iterator[SimpleNamespace]:
    port, file = identity.free_port(), tmp_path_factory.mktemp("login") / "secrets.toml"
    redirect = f"http://127.0.0.1:{port}/oauth2callback"
    with identity.running(redirect) as provider:
        file.write_text(identity.secrets_file(provider, redirect, logins.PEOPLE))
        secret = tomllib.loads(file.read_text())["auth"]["cookie_secret"]
        with servers.served(place.root, port, "--secrets.files", str(file)):
            yield SimpleNamespace(port=port, secret=secret)


def test_no_foreign_name_is_answered_to(alone, place):
    assert_nothing_got_through(elsewhere.foreign_hosts(alone, logins.paths_of(place.id)))


def test_no_other_page_opens_the_websocket_or_shows_or_reads_anything(alone, place):
    assert_nothing_got_through(elsewhere.strange_origins(alone))
    assert_nothing_got_through(elsewhere.other_sites(alone, logins.paths_of(place.id)))


def test_nothing_is_uploaded_without_the_token_of_the_page(alone):
    assert_nothing_got_through(elsewhere.uploads(alone))


def test_crooked_addresses_and_methods_find_nothing_and_break_nothing(alone, place):
    assert_nothing_got_through(crooked.crooked_paths(alone, place.id))
    assert_nothing_got_through(crooked.crooked_methods(alone, logins.paths_of(place.id)[2:4]))


def test_every_answer_keeps_other_sites_out(alone, place):
    assert_nothing_got_through(crooked.bare_answers(alone, logins.paths_of(place.id)))


@pytest.mark.parametrize("address", ["0.0.0.0"])
def test_it_does_not_start_open_to_the_network_without_a_login(place, address):
    code, said = servers.started(place.root, identity.free_port(), STREAMLIT_SERVER_ADDRESS=address)
    assert code, said
    assert "does not start" in said and "--allow-open" in said


def test_told_to_it_starts_open_and_still_knows_no_foreign_name(place):
    port = identity.free_port()
    with servers.served(place.root, port, "--server.address", "0.0.0.0", "--", "--allow-open"):
        assert raw.ask(port, "/", {"Host": f"192.168.1.5:{port}"}).ok  # by its address on the network
        assert raw.ask(port, "/", {"Host": elsewhere.EVIL}).status == 400
        assert_nothing_got_through(elsewhere.strange_origins(port))


def test_strangers_get_a_page_to_sign_in_and_nothing_else(login, place):
    assert_nothing_got_through(logins.as_stranger(login.port, place.id, TITLE))
    assert b"Sign in" in raw.ask(login.port, "/").body


def test_no_forged_cookie_opens_anything(login, place):
    tries = logins.forgeries(login.port, place.id, login.secret, "ada@lab.example")
    assert_nothing_got_through(tries)


def test_no_token_with_a_flaw_and_no_stolen_answer_signs_anybody_in(login, place):
    assert_nothing_got_through(logins.bad_tokens(login.port, place.id, "ada@lab.example", identity.FLAWS))
    assert_nothing_got_through(logins.stolen_callbacks(login.port, "ada@lab.example"))


@pytest.mark.parametrize(
    "told", [{"email": "eve@else.example"}, {"email": "ada@lab.example", "unverified": "yes"}]
)
def test_who_is_on_no_list_is_told_so_and_gets_nothing(login, place, told):
    person = raw.Person(login.port)
    answer = person.sign_in(**told)
    assert answer.status == 403 and b"may not come in" in answer.body
    assert_nothing_got_through(logins.as_stranger(login.port, place.id, TITLE, person.cookie))


def test_cases_of_others_answer_like_cases_that_are_not_there(login, place):
    owner, other = raw.Person(login.port), raw.Person(login.port)
    owner.sign_in("bob@lab.example")
    other.sign_in("carol@lab.example")
    assert_nothing_got_through(logins.others_cases(login.port, place.id, owner, other))
    owners.share(place.root, place.id, True)
    assert raw.ask(login.port, f"/picture/{place.id}/train/0.png", {"Cookie": other.cookie}).ok
    owners.share(place.root, place.id, False)
    assert raw.ask(login.port, f"/picture/{place.id}/train/0.png", {"Cookie": other.cookie}).status == 404


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(login, place):
    assert_nothing_got_through(logins.after_signing_out(login.port, place.id, "bob@lab.example"))


def test_a_viewer_uploads_nothing(login):
    viewer = raw.Person(login.port)
    viewer.sign_in("vera@guest.example")
    assert_nothing_got_through(elsewhere.uploads(login.port, viewer.cookie))
    sent = {"Cookie": viewer.cookie}
    refused = raw.ask(login.port, "/_stcore/upload_file/x/1", sent, method="PUT", body=b"x")
    assert (refused.status, b"viewer" in refused.body) == (403, True)


def test_a_copied_cookie_of_somebody_who_signed_out_stays_shut_after_a_restart(place, tmp_path):
    port, file, kept = identity.free_port(), tmp_path / "secrets.toml", sign_outs.file_of(place.root)
    before = set(kept.read_text().splitlines()) if kept.exists() else set()
    redirect, picture = f"http://127.0.0.1:{port}/oauth2callback", f"/picture/{place.id}/test/0.png"
    with identity.running(redirect) as provider:
        file.write_text(identity.secrets_file(provider, redirect, logins.PEOPLE))
        with servers.served(place.root, port, "--secrets.files", str(file)):
            leaving, staying = raw.Person(port), raw.Person(port)
            for person in (leaving, staying):
                person.sign_in("bob@lab.example")
            copied = leaving.cookie
            leaving.get("/auth/logout")
            raw.ask(port, "/auth/logout", {"Cookie": "_streamlit_user=made-up"})
        assert len({*kept.read_text().splitlines()} - before) == 1
        with servers.served(place.root, port, "--secrets.files", str(file)):
            assert raw.ask(port, picture, {"Cookie": staying.cookie}).ok
            assert raw.ask(port, picture, {"Cookie": copied}).status == 401
