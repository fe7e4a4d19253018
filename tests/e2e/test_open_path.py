"""Can someone open the project, follow an investigation to its end, and find it again by its link?

The dashboard is started by the README's command and used in a real Chromium, by mouse and keyboard.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from e2e.driving import PAGES, PHONE, ROOT, WIDE, dashboard, expect, get, listening, settled, sync_api
from PIL import Image

from core import jobs
from core.engine import place

pytestmark = pytest.mark.browser

TITLE = "The tiny case of the tests"
TABS = {
    "Transformed copies": "[role=listbox][aria-label='transformed copies'] img",
    "Changes": ".js-plotly-plot svg.main-svg",
    "Transformations": ".js-plotly-plot svg.main-svg",
    "Threshold × tolerance": ".js-plotly-plot svg.main-svg",
    "Classes": ".js-plotly-plot svg.main-svg",
    "The classifier": ".js-plotly-plot svg.main-svg",
    "Training images": "[role=listbox][aria-label='training images'] img",
}


def cards(page: sync_api.Page, name: str) -> sync_api.Locator:
    return page.get_by_role("listbox", name=name).get_by_role("option")


def flagged(page: sync_api.Page) -> sync_api.Locator:
    """The figure that the server counted."""
    return page.locator("[data-testid=stMetric]", has_text="Flagged").locator("[data-testid=stMetricValue]")


def counted(page: sync_api.Page) -> int:
    """The figure that the browser counted."""
    told = page.get_by_text(re.compile(r"^[\d\s]+ of 300 flagged$"))
    return int(re.sub(r"\s", "", told.inner_text().split("of")[0]))


def line(page: sync_api.Page) -> sync_api.Locator:
    return page.get_by_role("slider", name="Threshold")


def drag_line(page: sync_api.Page, by: int) -> None:
    line(page).scroll_into_view_if_needed()
    box = line(page).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=10)
    page.mouse.up()


def test_an_investigation_from_the_first_page_to_a_link_for_a_colleague(open_page, listed, tmp_path):
    page = open_page("/")
    expect(page.get_by_text(TITLE)).to_be_visible()
    page.locator(f".st-key-open-{listed.id}").get_by_role("button").click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    settled(page)

    cards(page, "misbehaving test images").nth(1).click()
    expect(page).to_have_url(re.compile(r"[?&]q=1"))
    settled(page)
    before = counted(page)
    expect(flagged(page)).to_have_text(str(before))

    cut_off = page.get_by_role("slider", name="Above the cut-off")
    cut_off.focus()
    cut_off.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"[?&]m=\d"))
    settled(page)
    assert counted(page) < before
    expect(flagged(page)).to_have_text(str(counted(page)))
    page.locator(".st-key-view_rule").get_by_text("Delta-Influence (paper)").click()
    expect(page).to_have_url(re.compile(r"[?&]rule=delta"))
    settled(page)
    before = counted(page)

    drag_line(page, by=-60)
    expect(page).to_have_url(re.compile(r"[?&]th=-"))
    assert counted(page) < before
    expect(flagged(page)).to_have_text(str(counted(page)))

    dragged = counted(page)
    tolerance = page.locator(".st-key-view_tolerance").get_by_role("slider")
    wanted = int(tolerance.input_value()) + 1
    tolerance.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"[?&]tol={wanted}"))
    settled(page)
    assert counted(page) > dragged
    expect(flagged(page)).to_have_text(str(counted(page)))

    expect(page.get_by_text("True positive rate")).to_be_visible()
    page.locator(".st-key-view_truth").get_by_text("hide").click()
    expect(page).to_have_url(re.compile(r"[?&]truth=hide"))
    expect(page.get_by_text("True positive rate")).to_have_count(0)
    expect(page.get_by_text(re.compile("^(poison|clean)$"))).to_have_count(0)

    card = cards(page, "training images").nth(2)
    number = re.search(r"training image (\d+)", card.locator("img").get_attribute("alt"))[1]
    card.click()
    expect(page).to_have_url(re.compile(rf"[?&]i={number}(&|$)"))
    inspected = page.get_by_role("img", name=f"training image {number}", exact=True)
    expect(inspected).to_be_visible()
    expect(page.get_by_label("Training image", exact=True)).to_have_value(number)

    for name, content in TABS.items():
        page.locator(".st-key-view_tab").get_by_text(name, exact=True).click()
        page.locator(".st-key-view_tab").scroll_into_view_if_needed()
        expect(page.locator(content).last).to_be_visible()
        settled(page)

    with page.expect_download() as waiting:
        page.get_by_role("button", name="flags.csv").click()
    waiting.value.save_as(tmp_path / "flags.csv")
    with (tmp_path / "flags.csv").open() as file:
        assert len(list(csv.DictReader(file))) == counted(page)

    settled(page)
    link, shown, threshold = page.url, counted(page), line(page).get_attribute("aria-valuenow")
    page.get_by_role("link", name=f"Unlearn these {shown} images").click()
    expect(page.get_by_role("heading", name="Outcomes")).to_be_visible()
    settled(page)
    expect(page.get_by_role("heading", name=f"Forget the {shown} images")).to_be_visible()
    expect(page.get_by_text("Not yet run for this set.", exact=True)).to_be_visible()
    expect(page.locator(".js-plotly-plot svg.main-svg").first).to_be_visible()

    colleague = open_page(link)
    assert counted(colleague) == shown
    expect(flagged(colleague)).to_have_text(str(shown))
    assert line(colleague).get_attribute("aria-valuenow") == threshold
    expect(cards(colleague, "misbehaving test images").nth(1)).to_have_attribute("aria-selected", "true")
    expect(colleague.get_by_label("Training image", exact=True)).to_have_value(number)
    expect(colleague.get_by_text("True positive rate")).to_have_count(0)


def test_back_undoes_a_step(open_page, listed):
    page = open_page(f"/investigate?case={listed.id}")
    before = counted(page)
    cards(page, "misbehaving test images").nth(1).click()
    expect(page).to_have_url(re.compile(r"[?&]q=1"))
    settled(page)
    page.go_back()
    expect(cards(page, "misbehaving test images").nth(0)).to_have_attribute("aria-selected", "true")
    expect(flagged(page)).to_have_text(str(before))


def test_another_image_is_picked_scored_shared_and_undone_though_the_engine_dies(
    open_page, listed, server, tmp_path
):
    page = open_page(f"/investigate?case={listed.id}")
    before = counted(page)
    page.get_by_text("Another test image").click()
    settled(page)
    card = cards(page, "test images").nth(4)
    number = re.search(r"test image (\d+)", card.locator("img").get_attribute("alt"))[1]
    card.click()
    expect(page).to_have_url(re.compile(rf"[?&]pick=test-{number}(&|$)"))
    expect(page.get_by_text(f"Picked instead: test image {number}")).to_be_visible()
    expect(flagged(page)).to_be_visible(timeout=60_000)  # the page goes on by itself
    settled(page)
    expect(flagged(page)).to_have_text(str(counted(page)))
    expect(cards(page, "misbehaving test images").locator("[aria-selected=true]")).to_have_count(0)

    colleague = open_page(page.url)
    assert counted(colleague) == counted(page)

    os.kill(place.published(server.store).pid, signal.SIGKILL)
    page.get_by_text("Another test image").click()
    page.get_by_text("Your own image").click()
    settled(page)
    image = Image.fromarray(np.full((40, 60, 3), 200, np.uint8))
    image.save(tmp_path / "mine.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.png")
    expect(page).to_have_url(re.compile(r"[?&]pick=upload-[0-9a-f]{32}"))
    expect(page.get_by_text("Only you know whether that is right")).to_be_visible(timeout=60_000)
    expect(flagged(page)).to_be_visible(timeout=60_000)
    settled(page)

    page.get_by_role("button", name="Back to the case's own images").click()
    expect(page).not_to_have_url(re.compile("pick="))
    settled(page)
    expect(cards(page, "misbehaving test images").nth(0)).to_have_attribute("aria-selected", "true")
    expect(flagged(page)).to_have_text(str(before))


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (PHONE, "light"), (WIDE, "dark"), (PHONE, "dark")]
)
def test_every_page_fits_the_screen_and_every_image_is_there(open_page, listed, viewport, scheme):
    page = open_page("/", viewport, scheme)
    for name in PAGES:
        page.goto(f"{page.url.split('/')[0]}//{page.url.split('/')[2]}/{name}?case={listed.id}")
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        wanted = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wanted[0] <= wanted[1], f"{name or 'cases'} is {wanted[0]} pixels wide on {wanted[1]}"
        page.wait_for_function(IMAGES_HAVE_LOADED)
    background = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(14, 17, 23)")


# Images are loaded lazily; those below the fold have to be asked for before they can be judged.
IMAGES_HAVE_LOADED = """
() => [...document.querySelectorAll("img")].every((image) => {
  image.loading = "eager"
  return image.complete && image.naturalWidth > 0
})
"""


def test_new_work_is_started_watched_and_stopped_and_outlives_the_tab(open_page, server):
    page = open_page("/set_up")
    page.get_by_text("Training", exact=True).click()
    for label, value in (("Title", "Started by a test"), ("Epochs", "500")):  # long enough to be stopped
        field = page.get_by_label(label, exact=True).first  # unlearners have epochs too
        field.fill(value)
        field.press("Enter")
        settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    block = page.get_by_test_id("stMain")
    expect(block.get_by_text("Started by a test")).to_be_visible()
    expect(block.get_by_text(re.compile("running$"))).to_be_visible(timeout=30_000)
    expect(block.get_by_role("progressbar").first).to_be_visible()
    expect(block.get_by_text(re.compile(r"step \d+ of \d+"))).to_be_visible(timeout=30_000)
    page.context.close()  # the tab is closed, the work goes on

    [job] = jobs.table(server.store).active()
    assert (job.title, job.state) == ("Started by a test", "running")

    page = open_page("/jobs")
    block = page.get_by_test_id("stMain")
    block.get_by_role("button", name="Cancel").click()
    expect(block.get_by_text(re.compile("cancelled$"))).to_be_visible(timeout=30_000)
    expect(block.get_by_role("button", name="Try again")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_test_id("stMain").get_by_text(re.compile("cancelled$"))).to_be_visible()
    assert jobs.table(server.store).active() == ()


def test_a_missing_case_is_explained_in_the_browser(open_page):
    page = open_page("/investigate?case=000000000000&th=nan")
    expect(page.get_by_text("There is no investigation")).to_be_visible()
    page.get_by_role("link", name="Go to the cases").click()
    expect(page.get_by_text(TITLE)).to_be_visible()


def test_the_server_answers_this_machine_only(server, listed):
    assert listening(server.port) == {"0100007F"}
    for path in ("/", "/_stcore/health", f"/picture/{listed.id}/train/0.png"):
        assert get(server.port, path) == 200
        assert get(server.port, path, host=f"localhost:{server.port}") == 200
        assert get(server.port, path, host="evil.example") == 400


def test_it_starts_the_same_from_any_folder(listed, chromium, tmp_path):
    with dashboard(listed.root, tmp_path, str(ROOT / "app" / "main.py")) as running:
        assert listening(running.port) == {"0100007F"}
        assert get(running.port, "/", host="evil.example") == 400
        page = chromium.new_page(viewport=WIDE)
        page.goto(running.url)
        settled(page)
        expect(page.get_by_text(TITLE)).to_be_visible()
        page.close()
        assert "Traceback" not in running.log.read_text()


def test_how_fast_the_dashboard_is_is_measured(listed, tmp_path, capsys):
    """Recorded, not judged: how fast a shared machine is does not depend on the code. Only mix-ups are an error."""
    script = ROOT / "tests" / "benchmarks" / "dashboard.py"
    command = [sys.executable, str(script), "--run", listed.id, "--store", str(listed.root), "--moves", "4"]
    done = subprocess.run(
        [*command, "--people", "2", "--out", str(tmp_path / "out.json")],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["people"]["wrong_figures"] == 0 and told["libraries_loaded"] == []
    assert told["drag_frame"]["websocket_frames"] == 0
    with capsys.disabled():
        print(f"\nthe dashboard, ms: {json.dumps(told['gestures'])}")


def test_the_server_had_nothing_to_complain_about(server):
    assert "Traceback" not in server.log.read_text()
