"""What one person who tunes a threshold does, and what the page has to show them: computed here, not asked."""

import asyncio
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import collapse
from core.cases import Case

PAGE = 30
"""Cards on a page of training images."""


class Expected:
    """The paper's rule on one case, worked out from its scores."""

    def __init__(self, case: Case) -> None:
        self.id, self.n = case.id, len(case.plan.dataset.value.train)
        self.ordered = collapse.sorted_changes(case.plan.scores.value.delta(0))
        self.statistics: dict[int, np.ndarray] = {}
        poisons = case.plan.poisoning.value.indices
        self.poison = np.isin(np.arange(self.n), poisons)

    def statistic(self, tolerance: int) -> np.ndarray:
        """What is compared with the threshold."""
        if tolerance not in self.statistics:
            self.statistics[tolerance] = collapse.order_statistic(self.ordered, tolerance)
        return self.statistics[tolerance]

    def some_threshold(self, chance: random.Random) -> float:
        """One that flags between one image and a tenth of them at tolerance 0, as a person looks for."""
        place = chance.randrange(1, self.n // 10)
        return float(np.float32(np.partition(self.statistic(0), place)[place]))

    def figures(self, threshold: float, tolerance: int) -> dict[str, Any]:
        """Everything on the page that follows from the setting."""
        statistic = self.statistic(tolerance)
        flagged = statistic < np.float32(threshold)
        rows = np.flatnonzero(flagged)
        cards = rows[np.argsort(statistic[rows], kind="stable")][:PAGE]
        found, right = int(flagged.sum()), int((flagged & self.poison).sum())
        return {
            "Flagged": f"{found:,}",
            "Precision": "–" if not found else f"{right / found:.1%}",
            "True positive rate": f"{right / int(self.poison.sum()):.1%}",
            "status": f"**{found:,}** of",
            "link": f"Unlearn these {found:,} images",
            "cards": [int(i) for i in cards],
        }


def seen(screen: Any, case_id: str) -> dict[str, Any]:
    """The same as the page shows it."""
    links = [link.label for _, link in screen.of_kind("PageLink")]
    status = re.search(r"\*\*[\d,]+\*\* of", screen.text())
    return {label: screen.metric(label)[1] for label in ("Flagged", "Precision", "True positive rate")} | {
        "status": status.group() if status else "",
        "link": next((label for label in links if label.startswith("Unlearn these")), ""),
        "cards": screen.cards(f"gallery-{case_id}"),
    }


@dataclass
class Tally:
    """What happened to everybody."""

    figures: list[float] = field(default_factory=list)
    """Seconds from a gesture to the number of flagged images, or to the picked one."""
    finished: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    received: int = 0

    def done(self, began: float, arrived: float, took: float) -> None:
        """One gesture."""
        self.figures.append(arrived - began)
        self.finished.append(took)


@dataclass(frozen=True)
class Plan:
    """How people behave."""

    seconds: float
    """From the first look at the page."""
    pause: tuple[float, float] = (2.0, 5.0)
    """Between gestures, in seconds, evenly drawn."""
    ramp: float = 10.0
    """Seconds within which they come."""


class Person:
    """Somebody who tunes one case in a tab of their own, with thresholds of their own."""

    def __init__(self, tab: Any, expected: Expected, number: int) -> None:
        self.tab, self.expected, self.chance = tab, expected, random.Random(number)
        self.threshold, self.tolerance = 0.0, 0

    async def come(self, tally: Tally) -> None:
        """Open the case by a link of their own."""
        self.threshold = self.expected.some_threshold(self.chance)
        tally.opened.append(
            await self.tab.open(
                f"/investigate?case={self.expected.id}&rule=delta&th={self.threshold:.9g}&v=1"
            )
        )
        self.check(tally)

    async def gesture(self, tally: Tally) -> None:
        """One of: let go of the threshold, move the tolerance, inspect an image."""
        draw, began = self.chance.random(), time.perf_counter()
        if draw < 0.25 and (cards := seen(self.tab.screen, self.expected.id)["cards"]):
            image = self.chance.choice(cards)
            value = {"primary": image, "chosen": [], "pinned": None, "actions": []}
            took = await self.tab.commit(f"gallery-{self.expected.id}", value)
            path, box = self.tab.screen.widget("view_image")
            if (box.value if box.set_value else box.default) != image:
                tally.wrong.append(f"picked {image}, inspected {box.default:g}")
        elif draw < 0.4:
            self.tolerance = self.chance.choice([k for k in range(4) if k != self.tolerance])
            took = await self.tab.slide("view_tolerance", self.tolerance)
            path, _ = self.tab.screen.metric("Flagged")
        else:
            self.threshold = self.expected.some_threshold(self.chance)
            took = await self.tab.commit(f"threshold-{self.expected.id}-0", self.threshold)
            path, _ = self.tab.screen.metric("Flagged")
        tally.done(began, self.tab.screen.came[path][1], took)
        self.check(tally)

    def check(self, tally: Tally) -> None:
        """Whether the page shows what follows from this person's own settings."""
        wanted, found = (
            self.expected.figures(self.threshold, self.tolerance),
            seen(self.tab.screen, self.expected.id),
        )
        for name, value in wanted.items():
            if found[name] != value:
                tally.wrong.append(f"{name}: {found[name]!r} in place of {value!r}")


async def tune(person: Person, plan: Plan, tally: Tally) -> None:
    """One person's visit, from the link to the closed tab; whatever goes wrong is told, not raised."""
    await asyncio.sleep(person.chance.uniform(0, plan.ramp))
    try:
        await person.come(tally)
        end = time.perf_counter() + plan.seconds
        while time.perf_counter() < end:
            await asyncio.sleep(person.chance.uniform(*plan.pause))
            await person.gesture(tally)
    except Exception as error:
        tally.errors.append(f"{type(error).__name__}: {error}")
    finally:
        tally.received += person.tab.received
        await person.tab.close()


async def crowd(make_tab: Callable[[], Any], expected: Expected, people: int, plan: Plan) -> Tally:
    """Everybody at once."""
    tally = Tally()
    await asyncio.gather(*(tune(Person(make_tab(), expected, i), plan, tally) for i in range(people)))
    return tally
