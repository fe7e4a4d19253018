"""Many sessions at once on the real server: their figures, and what the server keeps of them.

The full sizes are `python tests/reliability/load.py` and `soak.py`; one kept figure a gesture breaks the bound here.
"""

import asyncio

from reliability.screen import Screen
from reliability.tuning import Person, Plan, Tally, crowd
from reliability.visitor import Visitor
from reliability.working_day import Counts, Day, team

KEPT_MB = 12.0
"""What 160 gestures may leave behind; a figure that is kept for each leaves more than twice as much."""


def test_people_who_tune_at_once_see_figures_of_their_own_and_nothing_fails(served, expected):
    plan = Plan(seconds=5, pause=(0.1, 0.5), ramp=1.0)
    tally = asyncio.run(crowd(lambda: Visitor(served.address, Screen()), expected, 6, plan))
    assert not tally.errors and not tally.wrong
    assert len(tally.opened) == 6 <= len(tally.finished) and max(tally.figures) < 20


def test_tabs_that_come_go_and_vanish_on_every_page_meet_no_error(served, expected):
    counts, day = Counts(), Day(people=3, hours=1.0, every=300.0, rare={"reconnect": 1.0})
    asyncio.run(team(lambda: Visitor(served.address, Screen()), expected, day, counts))
    assert not counts.errors and not counts.wrong
    assert counts.visits == 6 and counts.actions == 36 and counts.checked > 12


def test_hundreds_of_gestures_leave_the_servers_memory_as_it_was(served, expected):
    async def gestures(person: Person, number: int) -> None:
        for _ in range(number):
            await person.gesture(tally)

    async def grown() -> float:
        people = [Person(Visitor(served.address, Screen()), expected, i) for i in range(4)]
        await asyncio.gather(*(person.come(tally) for person in people))
        await asyncio.gather(*(gestures(person, 15) for person in people))
        before = served.process.memory_mb("Pss_Anon")
        await asyncio.gather(*(gestures(person, 40) for person in people))
        after = served.process.memory_mb("Pss_Anon")
        await asyncio.gather(*(person.tab.close() for person in people))
        return after - before

    tally = Tally()
    assert asyncio.run(grown()) < KEPT_MB
    assert len(tally.finished) == 220 and not tally.wrong
