"""Can a reviewer judge images by keyboard alone, as fast as the keys go, without losing one verdict?"""

import re

import pytest
from e2e.driving import PHONE, expect, press_at_once, settled, sync_api

from core.review.verdicts import Verdicts

pytestmark = pytest.mark.browser

SIZE = 300


@pytest.fixture
def book(listed) -> Verdicts:
    """The verdicts of the case, forgotten before each test."""
    from core import casebook

    with casebook.writing(listed.root) as rows:
        rows.execute("DELETE FROM verdicts")
    return Verdicts(listed.root, listed.id, SIZE)


def stage(page: sync_api.Page) -> sync_api.Locator:
    return page.get_by_role("group", name=re.compile(r"^training image \d+, labelled"))


def shown(page: sync_api.Page) -> int:
    """Number of the image that is looked at."""
    return int(re.search(r"training image (\d+)", stage(page).get_attribute("aria-label"))[1])


def saved(page: sync_api.Page, judged: int) -> None:
    expect(page.get_by_text(re.compile(rf"^{judged} of \d+ judged"))).to_be_visible()
    expect(page.get_by_text("all saved")).to_be_visible()
    settled(page)


def standing(book: Verdicts) -> dict[int, str]:
    return book.read().standing("reviewer 1")


def test_ten_images_are_judged_by_keys_alone_with_undo_and_a_reason(open_page, listed, book):
    page = open_page(f"/review?case={listed.id}&rule=delta&tol=1")
    stage(page).focus()
    expected = {}
    for key in "peupeupeup":
        expected[shown(page)] = {"p": "poison", "e": "keep", "u": "unsure"}[key]
        page.keyboard.press(key)
    saved(page, 10)
    assert standing(book) == expected
    last = list(expected)[-1]
    page.keyboard.press("z")
    assert shown(page) == last
    saved(page, 9)
    assert standing(book) == {i: verdict for i, verdict in expected.items() if i != last}
    page.keyboard.press("Shift+Z")
    saved(page, 10)
    page.keyboard.press("z")
    page.keyboard.press("n")
    page.keyboard.type("pezu in the corner")  # letters in a text are no verdicts
    page.keyboard.press("Enter")
    page.keyboard.press("e")
    saved(page, 10)
    assert standing(book) == expected | {last: "keep"}
    assert book.read().reasons("reviewer 1") == {last: "pezu in the corner"}
    page.keyboard.press("ArrowLeft")
    before = shown(page)
    page.keyboard.press("ArrowRight")
    assert shown(page) != before
    assert len(standing(book)) == 10


def test_ten_keys_at_once_lose_none_and_keep_their_order(open_page, listed, book):
    page = open_page(f"/review?case={listed.id}&rule=delta&tol=1")
    stage(page).focus()
    press_at_once(page, *"ppezpeuppe")
    saved(page, 8)
    rows = book.read().rows
    assert [r.verdict for r in rows if r.undoes is None] == [
        *("poison", "poison", "keep"),
        *("poison", "keep", "unsure", "poison", "poison", "keep"),
    ]
    assert [r.verdict for r in rows if r.undoes is not None] == ["auto"]
    assert list(standing(book).values()).count("poison") == 5


def test_a_verdict_survives_a_reload_and_is_seen_again_by_its_address(open_page, listed, book):
    page = open_page(f"/review?case={listed.id}&rule=delta&tol=1")
    stage(page).focus()
    first = shown(page)
    page.keyboard.press("p")
    saved(page, 1)
    expect(page).to_have_url(re.compile(rf"[?&]i={shown(page)}(&|$)"))
    here = shown(page)
    page.reload()
    settled(page)
    expect(stage(page)).to_be_visible()
    assert shown(page) == here
    saved(page, 1)
    stage(page).focus()
    page.keyboard.press("z")  # what was done before the reload can still be taken back
    saved(page, 0)
    assert shown(page) == first
    assert standing(book) == {}


def test_leaving_the_page_in_the_middle_of_typing_loses_nothing(open_page, listed, book):
    page = open_page(f"/review?case={listed.id}&rule=delta&tol=1")
    stage(page).focus()
    for key in "pepepe":
        page.keyboard.press(key)
    page.get_by_role("link", name="Unlearn", exact=True).click()
    expect(page).to_have_url(re.compile("/unlearn"))
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Review").click()
    saved(page, 6)
    assert list(standing(book).values()) == ["poison", "keep"] * 3
    assert len(book.read().rows) == 6


def test_buttons_do_what_keys_do_on_a_phone_too(open_page, listed, book):
    page = open_page(f"/review?case={listed.id}&rule=delta&tol=1", viewport=PHONE)
    first = shown(page)
    page.get_by_role("button", name="visible trigger").click()
    page.get_by_role("button", name=re.compile("^Poison")).first.click()
    saved(page, 1)
    assert book.read().reasons("reviewer 1") == {first: "visible trigger"}
    page.get_by_role("button", name=re.compile("^Undo")).first.click()
    saved(page, 0)
    assert standing(book) == {}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    boxes = [node.bounding_box() for node in page.locator(".triage button:visible").all()]
    assert min(min(box["width"], box["height"]) for box in boxes) >= 24


def test_a_second_reviewer_in_another_browser_is_kept_apart_and_compared(open_page, listed, book):
    one, two = (open_page(f"/review?case={listed.id}&rule=delta&tol=1") for _ in range(2))
    name = two.get_by_role("combobox", name="You are")
    name.click()
    name.fill("Bo")
    name.press("Enter")
    settled(two)
    for page, keys in ((one, "ppe"), (two, "pee")):
        stage(page).focus()
        for key in keys:
            page.keyboard.press(key)
        saved(page, 3)
    found = book.read()
    assert list(found.standing("reviewer 1").values()) == ["poison", "poison", "keep"]
    assert list(found.standing("Bo").values()) == ["poison", "keep", "keep"]
    assert "Bo" not in two.url
    two.get_by_text("Two reviewers", exact=True).click()
    settled(two)
    expect(two.get_by_text("Cohen's kappa").first).to_be_visible()
    two.get_by_role("button", name="Look at them again").click()
    expect(two).to_have_url(re.compile("queue=disputed"))
    settled(two)
    expect(two.get_by_text("Said by others – reviewer 1: poison")).to_be_visible()
