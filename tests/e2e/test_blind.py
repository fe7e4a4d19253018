"""Does a real browser get to know anything of a sealed truth, and can a class work through a challenge?"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from e2e.driving import PHONE, ROOT, WIDE, dashboard, end_jobs, expect, get, settled, sync_api

from app.panels import EVIDENCE
from core import cases, runs
from core import truth as truths
from core.__main__ import main
from core.blind import challenges
from core.blind.challenges import Wanted
from core.store import Store

pytestmark = pytest.mark.browser

PAGES = re.findall(r"views/(\w+)\.py", (ROOT / "app" / "dashboard.py").read_text())
GENERAL = {"cases", "set_up", "method", "studies", "settings", "sandbox", "guided"}
"""Pages that speak of attacks in general, or of the bundled case."""
TITLE = "The tiny case of a teacher"


@pytest.fixture(scope="module")
def sealed(tiny, tiny_root, tmp_path_factory) -> SimpleNamespace:
    """A store with two challenges of a case that is off the list, one of them with locks."""
    root: Path = tmp_path_factory.mktemp("blind") / "store"
    shutil.copytree(tiny_root, root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    store = Store(root)
    run = runs.record(tiny.experiment.model_copy(update={"title": TITLE}), store)
    case = cases.find(run.id, store)
    one = challenges.make(root, case, Wanted("Exercise 1"))
    start = {"rule": "delta", "th": "-0.5", "tol": "1"}
    two = challenges.make(
        root, case, Wanted("Exercise 2", frozenset({"rule", "threshold", "tolerance"}), start)
    )
    runs.remove(run, store)
    return SimpleNamespace(root=root, run=run, case=case, one=one, two=two)


@pytest.fixture(scope="module")
def server(sealed) -> Iterator[SimpleNamespace]:
    with dashboard(sealed.root, ROOT, "app/main.py") as running:
        yield running
        end_jobs(sealed.root)


def everything(chromium, server, paths: list[str]) -> bytes:
    """All that the server sends for these pages: every frame of the websocket, every body but static files."""
    received: list[bytes] = []

    def frame(payload: str | bytes) -> None:
        received.append(payload.encode() if isinstance(payload, str) else payload)

    def body(response: sync_api.Response) -> None:
        if "/static/" not in response.url and response.ok:
            kept.append(response)

    kept: list[sync_api.Response] = []
    context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
    page = context.new_page()
    page.on("websocket", lambda socket: socket.on("framereceived", frame))
    page.on("response", body)
    for path in paths:
        page.goto(server.url + path)
        settled(page)
        page.wait_for_load_state("networkidle")
    for response in kept:
        try:
            received.append(response.url.encode() + response.body())
        except sync_api.Error:  # the browser keeps no body of a redirect or of the socket's own request
            continue
    context.close()
    return b"\n".join(received)


def traces(sealed) -> list[bytes]:
    """By what the truth, or the case behind the challenge, could be known: names, keys, and who the poisons are."""
    p, order = sealed.case.plan, sealed.one.order
    real = truths.required(p).poisoned
    rows, places = np.flatnonzero(real), np.flatnonzero(real[order])
    made = (
        p.dataset,
        p.poisoning,
        p.poisoned,
        p.victim,
        p.queries,
        p.scores,
        p.before,
        *p.detections.values(),
    )
    told = [sealed.run.id, TITLE, sealed.one.secret, *(a.key for a in made)]
    told += [json.dumps(known.tolist())[1:-1] for known in (rows, places)]
    told += [json.dumps(known.tolist(), separators=(",", ":"))[1:-1] for known in (rows, places)]
    arrays = [np.asarray(known, kind) for known in (rows, places) for kind in (np.int64, np.int32)]
    arrays += [real, real[order]]
    return [text.encode() for text in told] + [array.tobytes() for array in arrays]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_on_the_wire_tells_the_truth_of_a_sealed_challenge(page, chromium, server, sealed):
    ways = [f"&tab={tab}&rule=delta" for tab in EVIDENCE] if page == "investigate" else ["&i=3&image=3"]
    wrong = traces(sealed)
    if page not in GENERAL:
        attack = sealed.case.run.experiment.attack
        wrong += [attack.name.encode(), type(attack).title.encode(), b"poison success", b"n_poisons"]
    path = f"{'' if page == 'cases' else page}?case={sealed.one.id}&v=1"
    sent = everything(chromium, server, [f"/{path}{way}" for way in ways])
    assert page in GENERAL | {"jobs"} or sealed.one.id.encode() in sent
    assert not [trace[:60] for trace in wrong if trace in sent]


@pytest.mark.parametrize("kind", ["clean", "poison", "trigger", "poison-change-4", "trigger-change-4"])
def test_the_attackers_pictures_are_not_served(kind, server, sealed):
    assert get(server.port, f"/picture/{sealed.one.id}/{kind}/0.png") == 404
    assert get(server.port, f"/picture/{sealed.one.id}/train/0.png") == 200


def test_a_class_works_through_a_challenge_with_locks(open_page, sealed, tmp_path):
    page = open_page(f"/investigate?case={sealed.two.id}")
    expect(page.get_by_role("heading", name="Exercise 2")).to_be_visible()
    line = page.get_by_role("slider", name="Threshold")
    expect(line).to_have_attribute("aria-disabled", "true")
    line.focus()
    line.press("ArrowLeft")
    settled(page)
    expect(page.locator(".st-key-view_tolerance").get_by_role("slider")).to_be_disabled()
    assert "th=-0.5" in page.url
    page.get_by_role("link", name="Commit a set").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your name").press("Tab")
    page.get_by_role("button", name="Commit this set").click()
    expect(page.get_by_text("Your set is committed")).to_be_visible()
    page.get_by_role("button", name="Reveal the truth").click()
    dialog = page.get_by_role("dialog")
    sure = dialog.get_by_role("button", name="Reveal for good")
    expect(sure).to_be_disabled()
    dialog.get_by_role("textbox").fill("reveal")
    dialog.get_by_role("textbox").press("Tab")
    sure.click()
    expect(page.get_by_role("heading", name="Scoreboard")).to_be_visible()
    settled(page)
    page.get_by_text("Check the commitment").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile(r"commitment-\w+\.json")).click()
    file = tmp_path / "commitment.json"
    waiting.value.save_as(file)
    with pytest.raises(SystemExit) as ended:
        main(["verify-commitment", str(file)])
    assert not ended.value.code and json.loads(file.read_text())["analyst"] == "Ada"


def test_the_pages_of_a_challenge_fit_a_phone(open_page, sealed):
    for path in (
        f"/challenge?case={sealed.one.id}&v=1",
        "/challenge",
        f"/investigate?case={sealed.one.id}&v=1",
    ):
        page = open_page(path, PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
