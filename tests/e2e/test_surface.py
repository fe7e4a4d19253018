"""Does the map of threshold and tolerance keep its promises in a real browser?

A small page with the map runs in its own server; the tests point, click and type in Chromium, and count what crosses
the websocket.
"""

import re

import pytest
from e2e.driving import dashboard, expect

pytestmark = pytest.mark.browser

PAGE = """
import numpy as np
import streamlit as st
from app.components.surface import surface

thresholds = np.array([-1000, -100, -10, -1, 0, 1, 10, 100], np.float32)
counts = np.array([[0, 2, 30, 30, 31, 60, 200, 300], [1, 4, 30, 31, 32, 70, 240, 300], [1, 9, 50, 80, 120, 180, 280, 300]])
inside = (counts >= 30) & (counts <= 32)
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.session_state.setdefault("at", (-10.0, 1))
share = np.where(counts == 0, np.nan, counts / 300)
layer = {"name": "F1", "values": share, "meaning": "The balance <b>of</b> both."}
surface(
    counts, thresholds, st.session_state.at, total=300, key="map", layers=[layer], plateau=inside,
    on_pick=lambda point: st.session_state.update(at=point),
)
if st.button("Elsewhere"):
    st.session_state.at = (0.5, 0)
    st.rerun()
st.text(f"python has {st.session_state.at}")
st.text(f"run {st.session_state.runs}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("surface")
    (folder / "page.py").write_text(PAGE, encoding="utf-8")
    with dashboard(folder / "store", folder, "page.py") as running:
        yield running


@pytest.fixture
def page(chromium, server):
    page = chromium.new_page(viewport={"width": 900, "height": 800}, reduced_motion="reduce")
    page.sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: page.sent.append(len(data))))
    page.goto(server.url)
    expect(page.get_by_text("run 1", exact=True)).to_be_visible(timeout=30_000)
    expect(readout(page)).to_contain_text("Threshold")
    yield page
    page.close()


def readout(page):
    return page.locator(".readout")


def chart(page):
    return page.get_by_role("slider", name="Threshold and tolerance")


def cell(page, row: int, column: int) -> dict:
    """The middle of a cell, inside the map."""
    box = page.locator(".plot g rect").nth(row * 8 + column).bounding_box()
    here = chart(page).bounding_box()
    return {"x": box["x"] - here["x"] + box["width"] / 2, "y": box["y"] - here["y"] + box["height"] / 2}


def test_pointing_tells_the_cell_and_sends_nothing(page):
    page.sent.clear()
    chart(page).hover(position=cell(page, 2, 3))
    expect(readout(page)).to_have_text("Threshold −1.000 · tolerance 2 · 80 of 300 flagged · F1 26.7 %")
    chart(page).hover(position=cell(page, 0, 0))
    expect(readout(page)).to_have_text("Threshold −1000 · tolerance 0 · 0 of 300 flagged · F1 –")
    assert page.sent == []


def test_a_click_sets_threshold_and_tolerance_once(page):
    chart(page).click(position=cell(page, 0, 5))
    expect(page.get_by_text("python has (1.0, 0)")).to_be_visible()
    expect(page.get_by_text("run 2", exact=True)).to_be_visible()
    chart(page).click(position=cell(page, 0, 5))  # the cross is there already
    page.get_by_role("button", name="Elsewhere").click()
    expect(page.get_by_text("python has (0.5, 0)")).to_be_visible()
    expect(page.get_by_text("run 4", exact=True)).to_be_visible()


def test_arrows_move_in_silence_and_enter_chooses(page):
    chart(page).focus()
    page.sent.clear()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(chart(page)).to_have_attribute(
        "aria-valuetext", re.compile("^Threshold 0.000 · tolerance 0 · 31 of 300")
    )
    assert page.sent == []
    page.keyboard.press("Enter")
    expect(page.get_by_text("python has (0.0, 0)")).to_be_visible()
    expect(chart(page)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Escape")
    expect(readout(page)).to_contain_text("Threshold 0.000 · tolerance 0")


def test_the_plateau_is_outlined_and_its_centre_is_one_key_away(page):
    assert page.locator("path.outline").get_attribute("d")
    chart(page).press("g")
    expect(readout(page)).to_contain_text("on the plateau")
    page.keyboard.press("Home")
    expect(readout(page)).not_to_contain_text("on the plateau")
    page.get_by_role("button", name="Show plateau").click()
    expect(readout(page)).to_contain_text("on the plateau")


def test_another_layer_is_drawn_without_asking_python_and_says_what_it_means(page):
    colours = "nodes => nodes.map(node => node.getAttribute('fill')).join()"
    before = page.locator(".plot g rect").evaluate_all(colours)
    page.sent.clear()
    page.get_by_role("radio", name="F1").check()
    expect(page.get_by_text("The balance <b>of</b> both.")).to_be_visible()
    assert page.locator(".plot g rect").evaluate_all(colours) != before
    assert page.locator(".plot g rect.none").count() == 1
    assert page.sent == []


def test_the_cross_follows_the_page_and_everything_fits_a_phone(page):
    before = page.locator("path.cross").get_attribute("d")
    page.get_by_role("button", name="Elsewhere").click()
    expect(page.get_by_text("python has (0.5, 0)")).to_be_visible()
    expect(page.locator("path.cross")).not_to_have_attribute("d", before)
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    assert chart(page).bounding_box()["width"] < 390


def test_counts_that_do_not_fit_the_thresholds_are_refused():
    import numpy as np

    from app.components.surface import surface

    with pytest.raises(ValueError, match="expected a column for each"):
        surface(np.zeros((2, 3)), np.array([1.0, 0.0, 2.0]), None, total=3, key="k", on_pick=print)
