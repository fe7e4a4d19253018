"""Does every gesture count when hands are faster than the page, and does no widget jump back to where it was before?"""

import re

import pytest
from e2e.driving import expect, settled

pytestmark = pytest.mark.browser
GAPS = (30, 150, 300)
"""Milliseconds between gestures: some come before, some during and some after the answer to the one before."""


def at_rest(page):
    page.wait_for_timeout(1200)
    settled(page)


@pytest.mark.parametrize("gap", GAPS)
def test_a_slider_stands_where_it_was_moved_and_the_page_with_it(open_page, listed, gap):
    page = open_page(f"/investigate?v=1&case={listed.id}&rule=delta")
    slider = page.get_by_role("slider", name="Tolerance")
    slider.focus()
    for steps in (4, 6):
        page.keyboard.press("Home")
        at_rest(page)
        for _ in range(steps):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(gap)
        at_rest(page)
        assert int(slider.input_value()) == steps
        assert f"tol={steps}" in page.url


@pytest.mark.parametrize("gap", GAPS)
def test_different_widgets_one_after_the_other_all_count(open_page, listed, gap):
    page = open_page(f"/investigate?v=1&case={listed.id}&rule=delta")
    chips = page.get_by_role("toolbar", name="Transformations that count").get_by_role("button")
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("slider", name="Tolerance").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(gap)
    for chip in (0, 1):
        chips.nth(chip).click()
        page.wait_for_timeout(gap)
    page.get_by_role("radio", name="Just missed", exact=True).click()
    page.wait_for_timeout(gap)
    page.get_by_role("radio", name="Classes", exact=True).click()
    at_rest(page)
    for part in ("tol=1", "show=missed", "tab=classes"):
        assert re.search(f"[?&]{part}(&|$)", page.url), page.url
    assert page.get_by_role("slider", name="Tolerance").input_value() == "1"
    assert [chips.nth(k).get_attribute("aria-pressed") for k in (0, 1, 2)] == ["false", "false", "true"]


def test_the_page_moves_a_widget_that_the_user_has_moved_before(open_page, listed):
    page = open_page(f"/investigate?v=1&case={listed.id}&rule=delta&tol=2")
    slider = page.get_by_role("slider", name="Tolerance")
    expect(slider).to_have_value("2")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("tol=3"))
    page.go_back()
    at_rest(page)
    expect(slider).to_have_value("2")
    assert "tol=2" in page.url
