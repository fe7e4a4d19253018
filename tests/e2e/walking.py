"""Somebody who presses whatever there is, at any speed: for faults that no test has thought of.

A walk goes by bouts. In each, gestures follow one another at one pace, which may be much faster than the page; then the
walker rests, and the page must be whole: drawn to its end, without an exception, and showing the very figures that its
address shows in a browser that has never been here.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from e2e.driving import PAGES, WIDE, expect, settled, sync_api

PACES = (0, 30, 150, 500, 1500)
"""Milliseconds between gestures of a bout."""
REST = 1200
LEAVES = re.compile(
    "start|remove|unlearn|compute|download|export|repair|upload|browse|import|cancel|deploy|print|record|save|delete|make|"
    "create|measure|run|try again|begin|main menu",
    re.IGNORECASE,
)
"""What begins long work, asks for a file or leaves the page: other tests press these."""
ONLY_HERE = ("Repeat with other seeds",)
"""Sliders of forms, which no address restores."""
CONTROLS = (
    "button, a[href], [role=tab], [role=radio], [role=slider], input[type=range], input[type=checkbox], [role=option], "
    "summary, label[data-baseweb=radio], label[data-baseweb=checkbox]"
)
ALL = """const all = [], look = (root) => {
    for (const one of root.querySelectorAll('*')) { all.push(one); if (one.shadowRoot) look(one.shadowRoot) }
}"""
FIND = f"""(controls) => {{
    {ALL}
    look(document)
    const usable = (one) => {{
        const box = one.getBoundingClientRect()
        const off = one.disabled || one.getAttribute('aria-disabled') === 'true'
        return one.matches(controls) && !off && box.width > 3 && box.height > 3
    }}
    window.walked = all.filter(usable)
    const name = (one) => (one.getAttribute('aria-label') || one.title || one.textContent).trim().slice(0, 60)
    const kind = (one) => one.matches('[role=slider], [type=range]') ? 'slider' : one.tagName
    return window.walked.map((one, place) => ({{ place, kind: kind(one), name: name(one), leads: one.href || '' }}))
}}"""
REACH = """(place) => {
    const one = window.walked[place]
    if (!one.isConnected) return null
    one.scrollIntoView({ block: 'center' })
    const box = one.getBoundingClientRect()
    return [box.x + box.width / 2, box.y + box.height / 2]
}"""
SHOWN = f"""(only_here) => {{
    {ALL}
    look(document.querySelector('[data-testid=stMain]'))
    const name = (one) => one.getAttribute('aria-label') || ''
    const sliders = all.filter((one) => one.matches('[role=slider], [type=range]') && !only_here.includes(name(one)))
    const metrics = all.filter((one) => one.dataset.testid === 'stMetric')
    return {{
        title: document.querySelector('h1')?.textContent,
        figures: metrics.map((one) => one.innerText.replace(/\\s+/g, ' ')),
        sliders: sliders.map((one) => [name(one), one.value ?? one.getAttribute('aria-valuenow')]),
    }}
}}"""


@dataclass
class Walk:
    """One walk in one tab over the pages of a case. What it finds wrong is in `wrong`, each with how it came about."""

    browser: sync_api.Browser
    page: sync_api.Page
    home: str
    case_id: str
    chance: random.Random
    gestures: int = 0
    rests: int = 0
    wrong: list[str] = field(default_factory=list)

    def bout(self) -> None:
        """Some gestures at one pace, a rest, and a look at what has become of the page."""
        pace, trail = self.chance.choice(PACES), []
        if self.chance.random() < 0.35:
            trail.append(self.open())
        for _ in range(self.chance.randrange(3, 12)):
            trail.append(self.unless_left(self.gesture))
            self.page.wait_for_timeout(pace)
        try:
            self.rest()
        except (AssertionError, sync_api.Error) as error:
            self.wrong.append(f"{self.page.url} after {trail} every {pace} ms: {str(error)[:400]}")
            self.page.goto(self.home)
            settled(self.page)

    def open(self) -> str:
        """Another page by its address."""
        page = self.chance.choice(PAGES)
        self.page.goto(f"{self.home}/{page}?v=1&case={self.case_id}")
        self.page.wait_for_timeout(self.chance.choice((200, 1000, 4000)))
        return f"opened {page or 'the cases'}"

    def gesture(self) -> str:
        """Back, or a press on something that is there; on a slider a few keys, too."""
        found = [one for one in self.page.evaluate(FIND, CONTROLS) if self.may_press(one)]
        inside = [one for one in found if not one["leads"]]
        if not found:
            return "nothing there"
        if self.chance.random() < 0.04:
            return self.back()
        one = self.chance.choice(inside if inside and self.chance.random() < 0.85 else found)
        place = self.page.evaluate(REACH, one["place"])
        if place is None:
            return "gone"
        self.page.mouse.click(*place)
        keys = [self.chance.choice(("ArrowLeft", "ArrowRight", "Home", "End")) for _ in range(3)]
        for key in keys if one["kind"] == "slider" else ():
            self.page.keyboard.press(key)
        self.gestures += 1
        return one["name"]

    def back(self) -> str:
        """The browser's Back, but not to before the walk."""
        self.page.go_back(wait_until="commit")
        if not self.page.url.startswith(self.home):
            self.page.go_forward(wait_until="commit")
        return "back"

    def may_press(self, one: dict[str, Any]) -> bool:
        """Whether the walk stays on this server's pages with it."""
        return not LEAVES.search(one["name"]) and (not one["leads"] or one["leads"].startswith(self.home))

    def unless_left(self, gesture: Callable[[], str]) -> str:
        """A gesture; where the page is being left in that moment it comes to nothing, as under anybody's hand."""
        try:
            return gesture()
        except sync_api.Error as error:
            if "context was destroyed" in str(error) or "navigat" in str(error):
                return "too late"
            raise

    def rest(self) -> None:
        """Look at the page, and at its address in another browser. AssertionError where they differ."""
        self.rests += 1
        self.page.keyboard.press("Escape")
        self.page.mouse.move(5, 5)
        self.page.wait_for_timeout(REST)
        settled(self.page)
        stranger = self.browser.new_context(viewport=WIDE, reduced_motion="reduce")
        try:
            fresh = stranger.new_page()
            fresh.goto(self.page.url)
            settled(fresh)
            expect(fresh.locator("h1").first).to_be_visible()
            for _ in range(20):
                mine, theirs = (page.evaluate(SHOWN, list(ONLY_HERE)) for page in (self.page, fresh))
                if mine == theirs:
                    break
                fresh.wait_for_timeout(500)
            assert mine == theirs, f"shows {mine}, its address shows {theirs}"
        finally:
            stranger.close()
