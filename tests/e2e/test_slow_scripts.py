"""Does a component stay when its data change before its script has been loaded, and go when its place goes?

Streamlit calls it once for each change then, and hands back the clean-up of the first call after the second. The scripts
are held up as by a slow machine, in a real browser, on a page with all components.
"""

import pytest
from e2e.driving import dashboard, expect, settled

pytestmark = pytest.mark.browser

PAGE = """
import numpy as np
import streamlit as st
from app.components.gallery import gallery
from app.components.points import points
from app.components.surface import surface
from app.components.threshold import threshold
from app.components.triage import triage

if st.button("Again"):
    st.session_state.turn = st.session_state.get("turn", 0) + 1
turn = st.session_state.get("turn", 0)
st.text(f"turn {turn}")
if st.checkbox("Hide"):
    st.stop()
pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
threshold(np.arange(4 + turn, dtype=np.float32), 1.0, flagged_total=4 + turn, key="line", on_move=print)
gallery([{"id": i, "src": pixel, "title": f"image {i}"} for i in range(4 + turn)], key="grid", label="Images")
surface(
    np.arange(4)[None] + turn, np.arange(4, dtype=np.float32), (1.0, 0), total=9, key="map", on_pick=lambda point: None
)
picture = {
    "points": [[0, 0.1, 0.2, 0, 0.5, 0]], "test": [0.0, 0.1 * turn], "read": "A", "copies": [], "classes": ["A", "B"],
    "field": 1.0, "placed": 10, "most": 5, "regions": "0000",
}
points(picture, key="points", label="Points", on_gesture=print)
items = [
    {"id": i, "src": pixel, "label": 0, "title": "A", "flagged": False, "lines": [f"shown {turn} times"], "strip": [0.5]}
    for i in range(3)
]
told = {"verdicts": {}, "reasons": {}, "done": [], "undone": [], "others": {}, "each": None, "presets": ["blurred"]}
triage("judge", {"name": f"queue {turn}", "items": items, "compare": {"0": [pixel]}}, told, book="book", at=0, on_look=print)
"""
HOLD_UP = """
const make = URL.createObjectURL
URL.createObjectURL = (blob) => {
  if (blob.type !== "text/javascript") return make.call(URL, blob)
  const slow = ["await new Promise((done) => setTimeout(done, 2500));", blob]
  return make.call(URL, new Blob(slow, { type: blob.type }))
}
"""
WATCHED = """
const { observe, disconnect } = ResizeObserver.prototype
window.watching = new Set()
ResizeObserver.prototype.observe = function (element, ...rest) {
  if (element.matches(".plot, .points")) window.watching.add(this)
  return observe.call(this, element, ...rest)
}
ResizeObserver.prototype.disconnect = function () {
  window.watching.delete(this)
  return disconnect.call(this)
}
"""
SHOWN = {
    "the line": ".handle",
    "the gallery": ".gallery .card",
    "the map": ".plot g rect",
    "the plot": ".points .plot",
    "the judge": ".film .slot",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow")
    (folder / "page.py").write_text(PAGE, encoding="utf-8")
    with dashboard(folder / "store", folder, "page.py") as running:
        yield running


@pytest.fixture
def page(chromium, server):
    page = chromium.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    page.goto(server.url)
    yield page
    page.close()


def counts(page):
    return {name: page.locator(css).count() for name, css in SHOWN.items()}


def show(page, expected):
    for name, css in SHOWN.items():
        expect(page.locator(css)).to_have_count(expected[name])


@pytest.fixture
def expected(page):
    """What is shown after one turn when nothing is held up."""
    page.get_by_role("button", name="Again").click()
    expect(page.get_by_text("turn 1", exact=True)).to_be_visible()
    settled(page)
    page.wait_for_timeout(500)
    found = counts(page)
    assert all(found.values())
    return found


def test_all_components_stand_although_their_data_changed_before_their_scripts_were_there(
    page, expected, server
):
    page.add_init_script(HOLD_UP)
    page.goto(server.url)
    page.get_by_role("button", name="Again").click()
    expect(page.get_by_text("turn 1", exact=True)).to_be_visible()
    assert not any(counts(page).values()), "the scripts were not held up"
    page.wait_for_timeout(4000)  # what is taken away again is gone by then
    show(page, expected)
    page.get_by_role("button", name="Again").click()
    expect(page.locator(".gallery .card")).to_have_count(6)


def test_components_that_left_the_page_let_go_of_it_and_come_back_whole(page, expected, server):
    page.add_init_script(WATCHED)
    page.goto(server.url)
    page.get_by_role("button", name="Again").click()
    expect(page.locator(SHOWN["the gallery"])).to_have_count(expected["the gallery"])
    page.wait_for_function("window.watching.size === 3")
    for _ in range(2):
        page.get_by_text("Hide").click()
        page.wait_for_function("window.watching.size === 0")
        page.get_by_text("Hide").click()
        page.wait_for_function("window.watching.size === 3")
    show(page, expected)
