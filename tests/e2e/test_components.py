"""Do the two components keep their promises in a real browser?

A small page with a threshold line and a gallery runs in its own server; the tests drag, type and pick in
Chromium, and count what crosses the websocket.
"""

import re

import numpy as np
import pytest
from e2e.driving import dashboard, expect, press_at_once

pytestmark = pytest.mark.browser

N_IMAGES = 20_000
HOSTILE = "<img src=x onerror=document.title='owned'>"
PAGE = """
from dataclasses import replace
import numpy as np
import streamlit as st
from app.components.gallery import Selection, gallery, workbench
from app.components.threshold import threshold

statistics = np.sort(np.random.default_rng(0).standard_t(1.2, {n}).astype(np.float32))
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.session_state.setdefault("th", -0.02)
if st.button("Reset"):
    st.session_state.th = -0.02
th = st.session_state.th
threshold(
    statistics, th, flagged_total={n}, key="line", plateau=(-1.5, -1.0),
    on_move=lambda value: st.session_state.update(th=value),
)
pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
titles = ["image 0", {hostile!r}, "image 2", "image 3", "image 4", "image 5"]
items = [
    {{"id": i, "src": pixel, "title": title, "flagged": i % 2 == 0, "strip": [-1, 0.5]}}
    for i, title in enumerate(titles)
]
picked = gallery(items, key="grid", label="Images")
several = gallery(items, key="several", label="Several", multi=True)
bench = st.session_state.setdefault("bench_selection", Selection(most=4))
did = st.session_state.setdefault("did", [])

def take(selection):
    st.session_state.bench_selection = replace(selection, actions=())
    did.extend(f"{{action.name}} {{action.id}}" for action in selection.actions)

workbench(
    items, key="bench", label="Bench", selection=bench, keys={{"p": "poison", "z": "undo"}}, on_gesture=take
)
st.text(f"bench {{bench.primary}}; set {{list(bench.chosen)}}; pin {{bench.pinned}}; did {{', '.join(did)}}")
st.text(f"python counts {{int((statistics < th).sum())}}; picked {{picked}}; several {{several}}")
st.text(f"run {{st.session_state.runs}}")
"""


@pytest.fixture(scope="module")
def statistics():
    return np.sort(np.random.default_rng(0).standard_t(1.2, N_IMAGES).astype(np.float32))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("components")
    page = PAGE.format(n=N_IMAGES, hostile=HOSTILE)
    (folder / "page.py").write_text(page, encoding="utf-8")
    with dashboard(folder / "store", folder, "page.py") as running:
        yield running


@pytest.fixture
def page(chromium, server):
    page = chromium.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    page.sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: page.sent.append(len(data))))
    page.goto(server.url)
    expect(page.get_by_text("run 1", exact=True)).to_be_visible(timeout=30_000)
    expect(counted(page)).to_be_visible()
    yield page
    page.close()


def counted(page):
    return page.get_by_text(re.compile(r"of 20\s000 flagged"))


def shown_count(page):
    return int(re.sub(r"\D", "", counted(page).inner_text().split("of")[0]))


def line(page):
    return page.get_by_role("slider", name="Threshold")


def line_value(page):
    return np.float32(line(page).get_attribute("aria-valuenow"))


def start_drag(page):
    box = line(page).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y


def test_count_is_exact_at_every_step_of_a_drag_and_nothing_is_sent_until_release(page, statistics):
    x, y = start_drag(page)
    page.sent.clear()
    seen = set()
    for step in range(1, 31):
        page.mouse.move(x - 6 * step, y)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert shown_count(page) == int((statistics < line_value(page)).sum())
        seen.add(shown_count(page))
    assert len(seen) > 10
    assert page.sent == []
    page.mouse.up()
    expect(page.get_by_text(f"python counts {shown_count(page)};")).to_be_visible()
    assert len(page.sent) == 1


def test_one_gesture_is_one_rerun(page):
    x, y = start_drag(page)
    page.mouse.move(x - 80, y, steps=20)
    page.mouse.up()
    expect(page.get_by_text("run 2", exact=True)).to_be_visible()
    line(page).focus()
    press_at_once(page, *["ArrowRight"] * 5)
    expect(page.get_by_text("run 3", exact=True)).to_be_visible()  # by then the last key's frame is drawn
    expect(page.get_by_text(f"python counts {shown_count(page)};")).to_be_visible()
    start_drag(page)
    page.mouse.up()  # a press that moves nothing is no gesture
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text("run 4", exact=True)).to_be_visible()


def test_arrows_flag_one_image_more_or_less(page, statistics):
    before = int((statistics < np.float32(-0.02)).sum())
    line(page).press("ArrowRight")
    expect(page.get_by_text(f"python counts {before + 1};")).to_be_visible()
    line(page).press("ArrowLeft")
    line(page).press("ArrowLeft")
    expect(page.get_by_text(f"python counts {before - 1};")).to_be_visible()
    assert shown_count(page) == before - 1


def test_keys_reach_both_ends_and_the_plateau(page, statistics):
    line(page).press("End")
    expect(page.get_by_text(f"python counts {N_IMAGES};")).to_be_visible()
    line(page).press("Home")
    expect(page.get_by_text("python counts 0;")).to_be_visible()
    line(page).press("g")
    expect(line(page)).to_have_attribute("aria-valuenow", re.compile(r"^-1\.[0-5]"))
    inside = int((statistics < line_value(page)).sum())
    expect(page.get_by_text(f"python counts {inside};")).to_be_visible()


def test_typed_threshold_is_taken_exactly_and_nonsense_is_refused(page, statistics):
    field = page.get_by_label("Threshold", exact=True).and_(page.get_by_role("textbox"))
    field.fill("abc")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("-0.35")
    field.press("Enter")
    expected = int((statistics < np.float32(-0.35)).sum())
    expect(page.get_by_text(f"python counts {expected};")).to_be_visible()
    assert line_value(page) == np.float32(-0.35)


def test_line_follows_the_page_when_the_page_sets_another_threshold(page, statistics):
    line(page).press("Home")
    expect(page.get_by_text("python counts 0;")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expected = int((statistics < np.float32(-0.02)).sum())
    expect(page.get_by_text(f"python counts {expected};")).to_be_visible()
    expect(page.get_by_text("flagged at −0.020 (exact)")).to_be_visible()
    assert line_value(page) == np.float32(-0.02)


def test_statistics_are_not_sent_again_after_a_gesture(page):
    received = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda event: received.append(event["response"]))
    line(page).press("ArrowRight")
    expect(page.get_by_text("run 2", exact=True)).to_be_visible()
    expect(page.locator("[data-testid=stApp]")).not_to_have_attribute("data-test-script-state", "running")
    assert received
    assert sum(len(frame["payloadData"]) for frame in received) < N_IMAGES * 4


def test_gallery_is_walked_and_picked_by_keyboard(page):
    grid = page.get_by_role("listbox", name="Images")
    cards = grid.get_by_role("option")
    cards.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(cards.nth(2)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_text("picked 2;")).to_be_visible()
    expect(cards.nth(2)).to_have_attribute("aria-selected", "true")
    expect(cards.nth(2)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_text("picked 5;")).to_be_visible()
    expect(cards.nth(2)).to_have_attribute("aria-selected", "false")
    expect(page.get_by_text("run 3", exact=True)).to_be_visible()


def test_several_images_are_picked_and_cleared(page):
    cards = page.get_by_role("listbox", name="Several").get_by_role("option")
    cards.nth(0).click()
    cards.nth(3).click()
    expect(page.get_by_text("several [0, 3]")).to_be_visible()
    cards.nth(5).click(modifiers=["Shift"])
    expect(page.get_by_text("several [0, 3, 4, 5]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("several []")).to_be_visible()


def bench(page):
    return page.get_by_role("listbox", name="Bench").get_by_role("option")


def stands(page, words):
    """What Python holds: primary, set, pinned image, and what keys asked for."""
    expect(page.get_by_text(words)).to_be_visible()


def test_the_image_in_the_inspector_looks_different_from_the_set_and_from_the_pinned_one(page):
    bench(page).nth(1).click()
    bench(page).nth(3).click(modifiers=["Control"])
    stands(page, "bench 1; set [3]; pin None;")
    page.keyboard.press("n")
    stands(page, "bench 1; set [3]; pin 1;")
    bench(page).nth(2).click()
    stands(page, "bench 2; set [3]; pin 1;")
    seen = [
        [bench(page).nth(i).locator(f".{icon}").is_visible() for icon in ("eye", "check", "pin")]
        for i in (1, 2, 3)
    ]
    assert seen == [[False, False, True], [True, False, False], [False, True, False]]
    expect(bench(page).nth(2)).to_have_attribute("aria-current", "true")
    expect(bench(page).nth(3)).to_have_attribute("aria-selected", "true")
    expect(bench(page).nth(1).locator(".state")).to_have_text("pinned")


def test_a_set_is_extended_toggled_and_emptied_and_the_primary_stays(page):
    bench(page).nth(1).click()
    bench(page).nth(3).click(modifiers=["Shift"])
    stands(page, "bench 1; set [1, 2, 3]; pin None;")
    bench(page).nth(2).click(modifiers=["Control"])
    stands(page, "bench 1; set [1, 3]; pin None;")
    page.keyboard.press("Escape")
    stands(page, "bench 1; set []; pin None;")


def test_a_set_grows_and_shrinks_by_keyboard_and_is_told_once(page):
    bench(page).nth(0).click()
    stands(page, "bench 0; set []; pin None;")
    page.sent.clear()
    press_at_once(page, *["Shift+ArrowRight"] * 3, "Shift+ArrowLeft")
    stands(page, "bench 0; set [0, 1, 2]; pin None;")
    assert len(page.sent) == 1
    expect(bench(page).nth(2)).to_be_focused()


def test_a_set_has_a_largest_size_and_says_so(page):
    bench(page).nth(0).click()
    page.keyboard.press("Control+a")
    stands(page, "bench 0; set [0, 1, 2, 3]; pin None;")
    expect(page.get_by_text("At most 4 images can be selected.")).to_be_visible()


def test_walking_on_and_back_inspects_and_beyond_the_page_python_is_asked(page):
    bench(page).nth(4).click()
    page.keyboard.press("j")
    stands(page, "bench 5; set []; pin None;")
    page.keyboard.press("k")
    stands(page, "bench 4; set []; pin None;")
    page.keyboard.press("j")
    page.keyboard.press("j")
    stands(page, "did next 5")


def test_keys_act_on_the_card_in_focus_each_once_however_fast_they_come(page):
    bench(page).nth(0).click()
    for _ in range(5):
        page.keyboard.press("p")
        page.keyboard.press("ArrowRight")
    page.keyboard.press("z")
    stands(page, "did poison 0, poison 1, poison 2, poison 3, poison 4, undo 5")
    page.get_by_role("button", name="Reset").click()
    bench(page).nth(0).click()
    page.keyboard.press("p")
    stands(page, "poison 4, undo 5, poison 0")


def test_looking_at_cards_sends_nothing(page):
    bench(page).nth(0).click()
    stands(page, "bench 0; set []; pin None;")
    page.wait_for_timeout(300)
    page.sent.clear()
    for i in range(6):
        bench(page).nth(i).hover()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert page.sent == []


def test_hostile_title_is_shown_as_text(page):
    card = page.get_by_role("listbox", name="Images").get_by_role("option").nth(1)
    expect(card).to_contain_text(HOSTILE)
    expect(card.locator("img")).to_have_count(1)
    assert page.title() != "owned"


def test_gallery_refuses_images_from_other_servers():
    from app.components.gallery import gallery

    for src in ("https://evil.example/a", "//evil.example/a", "/\\evil.example/a", "javascript:1"):
        with pytest.raises(ValueError, match="expected a path"):
            gallery([{"id": 1, "src": src, "title": "x"}], key="k", label="l")


def test_threshold_refuses_statistics_it_cannot_count_exactly():
    from app.components.threshold import threshold

    for values, complaint in (([2, 1], "not ascending"), ([1, np.nan], "not finite"), ([[1.0]], "shape")):
        with pytest.raises(ValueError, match=complaint):
            threshold(np.array(values, np.float32), 0.0, flagged_total=2, key="k", on_move=print)
