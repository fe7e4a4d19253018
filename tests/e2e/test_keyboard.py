"""Can the whole investigation be done without a mouse? Every step here is a key."""

import re

import pytest
from e2e.driving import expect, settled

pytestmark = pytest.mark.browser

FOCUS = """
() => {
  let e = document.activeElement
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement
  const label = e?.closest("label")?.innerText ?? ""
  return e ? [e.getAttribute("role") ?? e.tagName.toLowerCase(), e.getAttribute("aria-label") ?? "",
              (e.innerText ?? "").trim(), label.trim()].join("|") : ""
}
"""
MOST = 160
"""So many times Tab may be pressed before something counts as out of reach."""


def tab_to(page, pattern: str, *, back: bool = False) -> None:
    """Press Tab until what has the focus matches: role, label and text, parted by |."""
    seen = []
    for _ in range(MOST):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        seen.append(page.evaluate(FOCUS))
        if re.search(pattern, seen[-1], re.DOTALL):
            return
    raise AssertionError(f"Tab never reached {pattern!r}: {list(dict.fromkeys(seen))}")


def test_from_the_first_page_to_an_unlearned_set_by_keyboard_alone(open_page, listed):
    page = open_page("/")
    tab_to(page, r"button\|.*Investigate\|$")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/investigate\?"))
    expect(page.get_by_text("Who is behind it?")).to_be_visible()
    settled(page)

    tab_to(page, r"slider\|Above the cut-off")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"[?&]m=\d"))
    settled(page)

    tab_to(page, r"option\|.*number")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"[?&]i=\d"))
    page.keyboard.press("p")
    expect(page.get_by_text("1 confirmed")).to_be_visible()
    settled(page)
    page.keyboard.press("z")
    expect(page.get_by_text("1 confirmed")).to_have_count(0)
    settled(page)

    tab_to(page, r"^a\|.*Unlearn these")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Outcomes")).to_be_visible()
    settled(page)

    page.keyboard.press("h")
    expect(page.get_by_role("dialog")).to_contain_text("flag one image more or less")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_review_by_keyboard_alone_ends_in_the_set_to_unlearn(open_page, listed):
    page = open_page(f"/review?case={listed.id}")
    tab_to(page, "Poison")
    for key in ("p", "e", "u"):
        page.keyboard.press(key)
    expect(page.get_by_text("3 of", exact=False).first).to_be_visible()
    expect(page.get_by_text("all saved")).to_be_visible()
    settled(page)
    tab_to(page, r"button\|.*Unlearn this set")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/unlearn\?.*flags=set-[0-9a-f]{32}"))
    expect(page.get_by_role("heading", name="Outcomes")).to_be_visible()
