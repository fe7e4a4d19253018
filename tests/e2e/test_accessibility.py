"""Can people who see little, or use no mouse, use every page? axe-core looks at each, in both themes and widths."""

import pytest
from e2e.axe import violations
from e2e.driving import PAGES, PHONE, WIDE, settled

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_on_any_page(open_page, listed, server, viewport, scheme):
    page, found = open_page("/", viewport, scheme), []
    for name in PAGES:
        page.goto(f"{server.url}/{name}?case={listed.id}")
        settled(page)
        found += [(name or "cases", *v.values()) for v in violations(page)]
    assert found == []
