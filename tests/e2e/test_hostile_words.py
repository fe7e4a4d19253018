"""Class names, title, description, notes and views written by an enemy: every page shows them as words, in a real browser.

What leaves this machine, and what the console says, ends every test of this folder; here it would be the enemy's doing.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from e2e.driving import PAGES, WIDE, settled
from PIL import Image
from playwright.sync_api import expect
from sklearn.datasets import load_digits

from core import cases, runs, saved_views
from core.pipeline import plan
from core.review.verdicts import Verdicts
from core.store import Store

pytestmark = pytest.mark.browser

TRAP = "<img src=x onerror=window.__pwned=1>"
FETCH = "![a](http:evil.example)"  # without a slash, which a folder's name cannot have
CLASSES = (f"{FETCH} zero", f"{TRAP} one", "\u202eowt [b](http:evil.example)")
TITLE = f"![t](http://evil.example/t.png) <script>window.__pwned=1</script> {TRAP} $x^2$ :red[r]"


@pytest.fixture(scope="module")
def listed(make_experiment, tmp_path_factory) -> SimpleNamespace:
    """A finished case of three digits in folders with an enemy's names, with verdicts and a view of his."""
    folder, root = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("words") / "store"
    values, labels = load_digits(return_X_y=True)
    for digit, name in enumerate(CLASSES):
        (folder / name).mkdir()
        for number, pixels in enumerate(values[labels == digit][:90]):
            picture = Image.fromarray(np.rint(pixels.reshape(8, 8) * 255 / 16).astype(np.uint8)).resize(
                (32, 32)
            )
            picture.save(folder / name / f"{number}.png")
    store = Store(root)
    experiment = runs.resolved(
        make_experiment(
            title=TITLE,
            description=TITLE,
            dataset={"name": "folder", "path": str(folder), "size": 32, "train_limit": 0, "test_limit": 0},
            attack={"victim_class": 2, "target_class": 1, "n_poisons": 15},
        )
    )
    run = runs.record(experiment, store)
    runs.complete(plan(experiment, store))
    case = cases.find(run.id, store)
    rows = [int(row) for row in case.plan.detections["delta_influence"].value.flagged.nonzero()[0][:3]]
    Verdicts(root, case.id, len(case.plan.poisoned.value.train)).judge(TRAP, rows, "poison", reason=TITLE)
    saved_views.save(root, case.id, "investigate", name=TITLE, address={"case": case.id})
    return SimpleNamespace(root=root, id=run.id)


@pytest.mark.parametrize("truth", ["show", "hide"])
def test_no_word_of_an_enemy_runs_or_fetches_anything_on_any_page(open_page, server, listed, truth):
    page = open_page("/", WIDE)
    for name in PAGES:
        page.goto(f"{server.url}/{name}?case={listed.id}&truth={truth}&i=1")
        settled(page)
        page.wait_for_timeout(300)  # a picture that fails tells only then
        assert page.evaluate("window.__pwned") is None, name
        found = page.locator("img[src*=evil], a[href^=http][href*=evil], img[src=x]").evaluate_all(
            "all => all.map(e => e.outerHTML)"
        )
        assert found == [], name


def test_the_names_are_there_to_be_read(open_page, server, listed):
    page = open_page(f"/investigate?case={listed.id}", WIDE)
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text("onerror=window.__pwned")
    assert "\u202e" not in main.inner_text()
