"""Does the page stay whole, and its address true, under hands that press anything at any speed? A short walk.

`python tests/reliability/walk.py` walks further.
"""

import random

import pytest
from e2e.walking import Walk

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_at_any_speed_leaves_every_page_whole(open_page, chromium, server, listed, seed):
    page = open_page(f"/investigate?v=1&case={listed.id}&rule=delta")
    walk = Walk(chromium, page, server.url, listed.id, random.Random(seed))
    for _ in range(6):
        walk.bout()
    assert walk.wrong == []
    assert walk.gestures > 10 and walk.rests == 6
