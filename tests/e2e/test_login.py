"""Signing in with a real Chromium, a real identity provider on this computer, and somebody else's case."""

import shutil
from types import SimpleNamespace

import pytest
from e2e.driving import expect, settled
from reliability.intruding import identity, logins, servers

from core import owners, runs
from core.store import Store

pytestmark = pytest.mark.browser
TITLE = "Nobody but Bob knows this case"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def place(tiny, tiny_root, tmp_path_factory):
    root = tmp_path_factory.mktemp("signing in") / "store"
    shutil.copytree(tiny_root, root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    run = runs.record(tiny.experiment.model_copy(update={"title": TITLE}), Store(root))
    owners.claim(root, run.id, "bob@lab.example")
    port = identity.free_port()
    redirect = f"http://127.0.0.1:{port}/oauth2callback"
    with identity.running(redirect) as provider:
        file = root.parent / "secrets.toml"
        file.write_text(identity.secrets_file(provider, redirect, logins.PEOPLE))
        with servers.served(root, port, "--secrets.files", str(file)):
            yield SimpleNamespace(url=f"http://127.0.0.1:{port}", id=run.id, title=TITLE)


@pytest.fixture
def heard(chromium):
    """Opens windows and keeps everything that the server sends to them."""
    contexts, bodies = [], []

    def opened(**options):
        contexts.append(chromium.new_context(reduced_motion="reduce", **options))
        page = contexts[-1].new_page()
        page.on("websocket", lambda line: line.on("framereceived", lambda frame: bodies.append(str(frame))))
        page.on("response", lambda answer: bodies.append(answer.url))
        return page

    opened.bodies = bodies
    yield opened
    for context in contexts:
        context.close()


def sign_in(page, place, email: str, path: str = "/") -> None:
    page.goto(place.url + path)
    page.get_by_role("link", name="Sign in").click()
    page.locator("input[name=email]").fill(email)
    page.get_by_role("button", name="Go on").click()


def test_a_stranger_sees_a_page_to_sign_in_and_hears_of_no_case(heard, place):
    page = heard(viewport=PHONE)
    page.goto(f"{place.url}/investigate?case={place.id}")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.request.get(f"{place.url}/picture/{place.id}/train/0.png").status == 401
    assert not [body for body in heard.bodies if TITLE in body]


def test_its_owner_comes_back_to_the_page_that_was_asked_for_and_signs_out_for_good(heard, place):
    page = heard()
    sign_in(page, place, "bob@lab.example", f"/investigate?case={place.id}&v=1")
    settled(page)
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    other_tab = page.context.new_page()
    other_tab.goto(page.url)
    settled(other_tab)
    page.get_by_role("button", name="Bob").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    other_tab.get_by_role("link", name="Review").click()  # its websocket is still open
    expect(other_tab.get_by_text("Sign in first.")).to_be_visible()


def test_a_colleague_finds_no_trace_of_the_case(heard, place):
    page = heard()
    sign_in(page, place, "carol@lab.example", f"/investigate?case={place.id}&v=1")
    settled(page)
    told = page.get_by_text("There is no investigation")
    expect(told).to_be_visible()
    found = told.inner_text().replace(place.id, "ID")
    for path in ("/", "/jobs", "/challenge", "/investigate?case=0123456789ab&v=1"):
        page.goto(place.url + path)
        settled(page)
        assert TITLE not in page.content()
    assert page.get_by_text("There is no investigation").inner_text().replace("0123456789ab", "ID") == found
    assert not [body for body in heard.bodies if TITLE in body]


def test_who_is_not_invited_reads_why(heard, place):
    page = heard(viewport=PHONE, color_scheme="dark")
    sign_in(page, place, "eve@else.example")
    expect(page.get_by_text("You are on no list here.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign out")).to_be_visible()
    assert not [body for body in heard.bodies if TITLE in body]
