"""Is everything as it was when the server under an open page is started anew, and nothing done a second time?

With the next gesture the browser hands over what every part of the page said last, also what was taken back since.
"""

import re

import pytest
from e2e.driving import ROOT, WIDE, dashboard, expect, settled

from core.review.verdicts import Verdicts

pytestmark = pytest.mark.browser
N_TRAIN = 300


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport=WIDE, reduced_motion="reduce")
    yield page
    page.close()


@pytest.fixture
def anew(page, listed):
    """Opens a page, lets somebody act on it, and starts its server anew; what is done `meanwhile` meets no server."""

    def restarted(path, act, meanwhile=lambda: None):
        with dashboard(listed.root, ROOT, "app/main.py") as first:
            page.goto(first.url + path)
            settled(page)
            act()
            settled(page)
        app = page.locator("[data-testid=stApp]")
        expect(app).not_to_have_attribute("data-test-connection-state", "CONNECTED")
        meanwhile()
        servers.append(dashboard(listed.root, ROOT, "app/main.py", first.port))
        servers[-1].__enter__()
        expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=60_000)
        for _ in range(2):  # Streamlit knows what components said from the second run on
            page.get_by_role("button", name="Keys and words").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")
            page.wait_for_timeout(1500)  # what is done a second time has been done by then
            settled(page)

    servers = []
    yield restarted
    for server in servers:
        server.__exit__(None, None, None)


def line(page):
    return page.get_by_role("slider", name="Threshold")


def flagged(page):
    return page.get_by_test_id("stMetric").filter(has_text="Flagged").locator("[data-testid=stMetricValue]")


def test_a_threshold_that_was_taken_back_stays_back(page, anew, listed):
    def act():
        line(page).press("End")
        expect(page).to_have_url(re.compile("[?&]th="))
        page.get_by_role("button", name="Back to 0").click()
        expect(page).not_to_have_url(re.compile("[?&]th="))

    anew(f"/investigate?v=1&case={listed.id}&rule=delta", act)
    assert "th=" not in page.url
    assert float(line(page).get_attribute("aria-valuenow")) == 0


def test_a_threshold_that_was_moved_while_no_server_was_there_counts(page, anew, listed):
    seen = []

    def act():
        seen.append(flagged(page).inner_text())

    anew(f"/investigate?v=1&case={listed.id}&rule=delta", act, lambda: line(page).press("End"))
    expect(page).to_have_url(re.compile("[?&]th="))
    expect(flagged(page)).not_to_have_text(seen[0])


def test_a_verdict_that_was_taken_back_and_a_set_that_was_emptied_stay_so(page, anew, listed):
    card = page.get_by_role("listbox", name="training images").get_by_role("option").first

    def act():
        card.click(modifiers=["Control"])
        expect(page).to_have_url(re.compile("[?&]set="))
        page.keyboard.press("p")
        expect(page.get_by_text("1 confirmed")).to_be_visible()
        page.get_by_role("radio", name="Poison").or_(page.get_by_role("button", name="Poison")).first.click()
        expect(page.get_by_text("1 confirmed")).to_have_count(0)
        page.get_by_role("button", name="Clear", exact=True).click()
        expect(page).not_to_have_url(re.compile("[?&]set="))

    anew(f"/investigate?v=1&case={listed.id}&rule=delta", act)
    assert "set=" not in page.url
    expect(page.get_by_text("1 confirmed")).to_have_count(0)
    assert Verdicts(listed.root, listed.id, N_TRAIN).read().standing("reviewer 1") == {}


def test_points_that_were_taken_back_stay_back(page, anew):
    def act():
        page.get_by_role("application").press("p")
        expect(page).to_have_url(re.compile("pts=[^&]*_a[^&]*"))
        page.get_by_role("button", name="Undo").click()
        expect(page).not_to_have_url(re.compile("_a"))

    anew("/sandbox?pts=k2", act)
    assert "pts=k2" in page.url and "_a" not in page.url
