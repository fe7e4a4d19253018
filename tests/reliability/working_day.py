"""What people do in a day with the dashboard: come by a link, tune, look around, upload, queue a job, close the tab."""

import asyncio
import io
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

OFTEN = {"move": 40, "inspect": 20, "tolerate": 10, "look": 10, "wander": 15, "relist": 5}
"""What a hundred gestures are."""
RARE = {"upload": 0.3, "queue": 0.1, "reconnect": 0.3}
"""Chance that a visit has one of these."""
TORN = 0.3
"""Share of tabs that vanish without a word: a closed lid, a lost network."""
SEEN_WITHIN = 240.0
"""Seconds until the influence of an uploaded image has to be on the page."""

RIGHT_WITHIN = 10.0
"""Seconds after which a figure that is not the right one counts as wrong, and a part that is not there as missing."""


@dataclass(frozen=True)
class Day:
    """A day of a team; squeezed into as many actions without the pauses."""

    people: int = 8
    hours: float = 8.0
    every: float = 30.0
    """Seconds between two gestures of a person."""
    stay: float = 1800.0
    """Seconds until a person closes the tab and comes again."""
    rare: dict[str, float] = field(default_factory=lambda: dict(RARE))
    longest: float = 1500.0
    """Seconds after which nobody opens another tab, however much of the day is left."""

    @property
    def visits(self) -> int:
        """Tabs that a person opens."""
        return max(1, round(3600 * self.hours / self.stay))

    @property
    def gestures(self) -> int:
        """In one visit."""
        return max(1, round(self.stay / self.every))


@dataclass
class Counts:
    """What was done so far, and what went wrong."""

    actions: int = 0
    visits: int = 0
    uploads: int = 0
    jobs: int = 0
    torn: int = 0
    checked: int = 0
    received: int = 0

    def __post_init__(self) -> None:
        self.errors: list[str] = []
        self.wrong: list[str] = []


class Guest:
    """One visit in one tab."""

    def __init__(self, tab: Any, expected: Any, chance: random.Random, counts: Counts) -> None:
        self.tab, self.expected, self.chance, self.counts = tab, expected, chance, counts
        self.threshold, self.tolerance = expected.some_threshold(chance), 0

    @property
    def query(self) -> str:
        """The address of what this guest looks at."""
        return f"case={self.expected.id}&rule=delta&th={self.threshold:.9g}&tol={self.tolerance}&v=1"

    async def stay(self, gestures: int, rare: dict[str, float]) -> None:
        """Come, act so many times, and what is rare once at some time."""
        await self.tab.open(f"/investigate?{self.query}")
        at = {self.chance.randrange(gestures): what for what, p in rare.items() if self.chance.random() < p}
        for number in range(gestures):
            name = at.get(number) or self.chance.choices(list(OFTEN), list(OFTEN.values()))[0]
            await getattr(self, name)()
            self.counts.actions += 1

    async def move(self) -> None:
        """Let go of the threshold somewhere else, and read the number."""
        self.threshold = self.expected.some_threshold(self.chance)
        await self.tab.commit(f"threshold-{self.expected.id}-0", self.threshold)
        await self.read()

    async def tolerate(self) -> None:
        """Another tolerance."""
        self.tolerance = self.chance.choice([k for k in range(4) if k != self.tolerance])
        await self.tab.slide("view_tolerance", self.tolerance)
        await self.read()

    async def inspect(self) -> None:
        """Look at another training image of the gallery."""
        screen = self.tab.screen
        _, tabs = await self.there(lambda: screen.widget("view_tab"))
        if "Training images" not in screen.states[tabs.id].string_array_value.data:
            await self.tab.choose("view_tab", "Training images")
        if cards := await self.there(lambda: screen.cards(f"gallery-{self.expected.id}")):
            value = {"primary": self.chance.choice(cards), "chosen": [], "pinned": None, "actions": []}
            await self.tab.commit(f"gallery-{self.expected.id}", value)

    async def look(self) -> None:
        """Another view of the evidence."""
        await self.tab.choose("view_tab", self.chance.choice(self.tab.screen.offered("view_tab")))

    async def relist(self) -> None:
        """Other training images than the flagged ones, where they are listed."""
        try:
            await self.tab.choose("view_show", self.chance.choice(self.tab.screen.offered("view_show")))
        except LookupError:  # another view of the evidence is open
            await self.look()

    async def wander(self) -> None:
        """Read another page, and come back."""
        page = self.chance.choice(sorted(self.tab.screen.pages.keys() - {"investigate"}))
        await self.tab.follow(page, self.query)
        await self.tab.follow("investigate", self.query)
        await self.read()

    async def queue(self) -> None:
        """Start an investigation, think better of it, and come back.

        Who starts the same as somebody else shares one job: when the other cancels it first, one has to start again.
        """
        end = time.perf_counter() + SEEN_WITHIN
        while not (cancel := await self.started()):
            if time.perf_counter() > end:
                raise TimeoutError(f"no job to cancel within {SEEN_WITHIN:.0f} s")
        await self.tab.press(cancel)
        await self.tab.follow("investigate", self.query)
        self.counts.jobs += 1

    async def started(self) -> str:
        """Start an investigation; the button that cancels it, or empty where none has come."""
        await self.tab.follow("set_up", "")
        await self.tab.press(self.tab.screen.button("Start"))
        end = time.perf_counter() + RIGHT_WITHIN
        while not (cancel := self.tab.screen.button("Cancel")) and time.perf_counter() < end:
            await asyncio.sleep(0.5)
        return cancel

    async def reconnect(self) -> None:
        """Lose the connection for a moment."""
        await self.tab.reconnect()
        await self.read()

    async def read(self) -> None:
        """Whether the page shows the number that this guest's setting gives.

        A run that was under way when the gesture came ends with the number before it, or on the page that was left;
        the next one follows at once.
        """
        wanted = self.expected.figures(self.threshold, self.tolerance)["Flagged"]
        self.counts.checked += 1
        end = time.perf_counter() + RIGHT_WITHIN
        while (found := self.figure("Flagged")) != wanted and time.perf_counter() < end:
            await asyncio.sleep(0.1)
        if found != wanted:
            told = f"asked for {list(self.tab.asked)}, came {list(self.tab.screen.last)}"
            self.counts.wrong.append(f"{found} flagged in place of {wanted}: {told}")

    async def upload(self) -> None:
        """Ask about an image of one's own, wait for its influence, and go back."""
        key = f"another-{self.expected.id}"
        await self.tab.unfold(key)
        await self.tab.choose(f"{key}-source", "Your own image")
        await self.tab.upload(f"{key}-upload-0", "own.png", drawn(self.chance))
        end = time.perf_counter() + SEEN_WITHIN
        while not self.figure("Flagged"):
            if time.perf_counter() > end:
                raise TimeoutError(f"no influence of an uploaded image within {SEEN_WITHIN:.0f} s")
            await asyncio.sleep(0.5)
        await self.tab.press("own-images")
        self.counts.uploads += 1

    async def there(self, find: Callable[[], Any]) -> Any:
        """What is looked for on the page, once it is drawn. Raises LookupError."""
        end = time.perf_counter() + RIGHT_WITHIN
        while True:
            try:
                return find()
            except LookupError:
                if time.perf_counter() > end:
                    raise
            await asyncio.sleep(0.1)

    def figure(self, name: str) -> str:
        """A figure of the page; empty where it shows none of that name."""
        return next((e.body for _, e in self.tab.screen.of_kind("Metric") if e.label == name), "")


def drawn(chance: random.Random) -> bytes:
    """A picture that nobody has uploaded before, as PNG."""
    pixels = np.frombuffer(chance.randbytes(24 * 24 * 3), np.uint8).reshape(24, 24, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


async def person(
    make_tab: Callable[[], Any], expected: Any, number: int, *, day: Day, counts: Counts
) -> None:
    """One person's day, tab after tab; whatever goes wrong is counted, and the next tab opened."""
    chance, began = random.Random(number), time.perf_counter()
    for _ in range(day.visits):
        if time.perf_counter() - began > day.longest:
            break
        tab = make_tab()
        try:
            await Guest(tab, expected, chance, counts).stay(day.gestures, day.rare)
        except Exception as error:
            counts.errors.append(_told(error, number, began))
        torn = chance.random() < TORN
        await tab.close(torn=torn)
        counts.visits += 1
        counts.torn += torn
        counts.received += tab.received


def _told(error: Exception, person: int, began: float) -> str:
    """When, doing what, and why."""
    doing = " > ".join(frame.name for frame in traceback.extract_tb(error.__traceback__)[1:6])
    after = time.perf_counter() - began
    return f"person {person} after {after:.0f} s, {doing}: {type(error).__name__}: {error}"


async def team(make_tab: Callable[[], Any], expected: Any, day: Day, counts: Counts) -> None:
    """Everybody's day."""
    people = (person(make_tab, expected, i, day=day, counts=counts) for i in range(day.people))
    await asyncio.gather(*people)
