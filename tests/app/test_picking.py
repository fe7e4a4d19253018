"""Can any image be picked on the page, and is everything on it then about that image?"""

import json
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app import answers, measures, results
from app.state import View, parse
from core import cases, runs
from core.detectors.delta_influence import DeltaInfluence
from core.engine import place, questions
from core.picks import Pick, keep_upload
from core.pipeline import investigate
from core.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def engine(store_root):
    """The engine that a test may start ends with it."""
    yield
    while answers._asked:
        _, asked = answers._asked.popitem()
        asked.cancel()
        asked._thread.join(30)  # it may be about to start one
    if address := place.published(store_root):
        os.kill(address.pid, signal.SIGKILL)


@pytest.fixture
def answered(case):
    """The scores of a picked image as the engine leaves them, made here by the pipeline itself."""

    def make(text: str):
        p = investigate(case.run.experiment, Store(case.plan.queries.store.root), Pick.parse(text))
        _ = p.scores.value
        return p

    return make


def shown(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def buttons(at) -> set[str]:
    return {button.label for button in at.button}


def said(at) -> str:
    return "\n".join(x.value for x in (*at.markdown, *at.caption, *at.info, *at.warning, *at.error))


def until_scored(at, seconds: float = 60):
    """Look again, as the browser does, until the page is complete."""
    end = time.monotonic() + seconds
    while "Flagged" not in shown(at):
        assert not at.exception and not at.error, said(at)
        assert time.monotonic() < end, said(at)
        time.sleep(0.2)
        at.run()
    return at


def test_a_link_with_a_pick_asks_the_engine_and_then_shows_that_image_alone(visit, case_id, case):
    at = visit("investigate", case=case_id, pick="test-3", tol="1")
    assert not at.exception
    assert "Picked instead: test image 3" in said(at)
    at = until_scored(at)
    p = investigate(
        case.run.experiment, Store(case.plan.queries.store.root, computes=False), Pick.parse("test-3")
    )
    found = DeltaInfluence(tolerance=1).detect(p.scores.value)
    assert shown(at)["Flagged"] == f"{int(found.flagged.sum()):,}"
    again = visit("investigate", **at.query_params)
    assert shown(again) == shown(at) and "pick" in at.query_params


def test_what_has_been_scored_is_shown_without_any_engine(visit, case_id, answered, store_root):
    p = answered("triggered-" + str(int(results.case(case_id).plan.queries.value.test_rows[1])))
    at = visit("investigate", case=case_id, pick=p.experiment.queries.text)
    assert "Flagged" in shown(at) and place.published(store_root) is None
    for tab in ("copies", "matrix", "transforms", "surface", "classes", "detectors", "training"):
        at = visit("investigate", case=case_id, pick=p.experiment.queries.text, tab=tab)
        assert not at.exception and not at.error, tab


def test_a_question_can_be_stopped_and_asked_again(visit, case_id, store_root):
    at = visit("investigate", case=case_id, pick="test-3")
    at = at.button(key="cancel-question").click().run()
    assert not at.exception and "Stopped" in said(at) and not shown(at)
    at = until_scored(at.button(key="ask-again").click().run())
    assert "engine could not" not in said(at)


def test_undo_leads_back_to_the_cases_own_images(visit, case_id, answered, view_of):
    answered("test-3")
    own = visit("investigate", case=case_id)
    at = visit("investigate", case=case_id, pick="test-3")
    assert shown(at) != shown(own)
    at = at.button(key="own-images").click().run()
    assert view_of(at) == View(case=case_id)
    assert shown(at) == shown(own) and "own-images" not in {b.key for b in at.button}


def test_picking_one_of_the_cases_own_images_ends_the_pick(visit, case_id, answered, commit, view_of):
    answered("test-3")
    at = commit(visit("investigate", case=case_id, pick="test-3"), f"queries-{case_id}", [1])
    assert (view_of(at).pick, view_of(at).query) == ("", 1)


def opened(at, case_id: str):
    at.session_state[f"another-{case_id}"] = True
    return at.run()


def test_a_card_of_the_test_set_is_picked_into_the_address(visit, case_id, answered, commit, view_of):
    answered("test-3")
    at = opened(visit("investigate", case=case_id, q="1", i="5"), case_id)
    assert "120 test images" in said(at)
    at = commit(at, f"another-{case_id}-test--1--1-cards", [3])
    assert not at.exception
    assert (view_of(at).pick, view_of(at).query, view_of(at).image) == ("test-3", 0, -1)
    assert at.session_state[f"another-{case_id}"] is False


def cards(at, label: str) -> list[dict]:
    [found] = [json.loads(c.proto.json) for c in at.get("bidi_component") if f'"{label}"' in c.proto.json]
    return found["items"]


def test_misread_test_images_come_first_and_filters_hold(visit, case_id, case):
    at = opened(visit("investigate", case=case_id), case_id)
    said_, true = case.plan.before.value.test_predictions, case.plan.dataset.value.test.labels
    wrong = int((said_ != true).sum())
    badges = [card["badge"] for card in cards(at, "test images")]
    assert badges[:wrong] == ["misread"] * min(wrong, 24) and set(badges[wrong:]) <= {None}
    at = at.selectbox(key=f"another-{case_id}-Shows").select(4).run()
    assert {int(true[card["id"]]) for card in cards(at, "test images")} == {4}
    assert f"{int((true == 4).sum())} test images" in said(at)


def test_more_of_the_misread_ones_are_listed_without_those_that_are_shown(visit, case_id, case):
    at = opened(visit("investigate", case=case_id), case_id)
    [source] = [g for g in at.get("button_group") if g.label == "Where from"]
    at = source.set_value("triggered").run()
    end = time.monotonic() + 60
    while "in the same way" not in said(at):
        assert not at.error and time.monotonic() < end, said(at)
        time.sleep(0.2)
        at.run()
    queries = case.plan.queries.value
    rows = [card["id"] for card in cards(at, "more misread test images")]
    assert len(rows) == queries.n_affected - len(queries) and not set(rows) & set(queries.test_rows.tolist())


def test_an_image_that_is_read_rightly_may_be_picked_and_it_is_said(visit, case_id, case, answered):
    right = int(
        np.flatnonzero(case.plan.before.value.test_predictions == case.plan.dataset.value.test.labels)[0]
    )
    answered(f"test-{right}")
    assert "reads it rightly" in said(visit("investigate", case=case_id, pick=f"test-{right}"))


def test_another_label_can_be_asked_about(visit, case_id, answered, view_of):
    answered("test-3")
    answered("test-3-as-4")
    at = visit("investigate", case=case_id, pick="test-3")
    [label] = [box for box in at.selectbox if box.label == "Asked about"]
    at = label.select(4).run()
    assert view_of(at).pick == "test-3-as-4"
    assert "influence shows what speaks for that answer" in said(at)


def test_an_upload_is_investigated_like_any_image(visit, case_id, case, answered, words):
    buffer = BytesIO()
    Image.fromarray(case.plan.dataset.value.test.images[3].transpose(1, 2, 0)).save(buffer, "PNG")
    pick = keep_upload(buffer.getvalue(), 32)
    uploaded, same = answered(pick.text), answered("test-3")
    assert np.array_equal(uploaded.scores.value.original(), same.scores.value.original())
    at = visit("investigate", case=case_id, pick=pick.text)
    assert not at.exception and "Flagged" in shown(at)
    assert "uploaded image" in said(at) and "Only you know" in said(at)


@pytest.mark.parametrize(
    "pick", ["test-999", "triggered-0", "test-1-as-10", "x", "upload-../../x", "test-1;drop"]
)
def test_a_link_to_an_image_that_is_not_there_shows_the_case(pick, visit, case_id, view_of):
    at = visit("investigate", case=case_id, pick=pick)
    assert not at.exception and not at.error
    assert "Flagged" in shown(at) and view_of(at).pick == ""
    assert at.warning or at.toast


def test_the_flags_of_a_pick_can_be_unlearned_as_a_case_of_their_own(visit, case_id, answered, store_root):
    at = visit("unlearn", case=case_id, pick="test-3")
    assert "has not been scored yet" in said(at)
    p = answered("test-3")
    flagged = int(DeltaInfluence().detect(p.scores.value).flagged.sum())
    at = visit("unlearn", case=case_id, pick="test-3", rule="delta")
    assert not at.exception
    assert "test image 3" in at.title[0].value
    assert any(f"Forget the {flagged} image" in h.value for h in at.subheader)


def test_outcomes_of_a_pick_are_its_own(visit, case_id, case, answered):
    p = answered("test-3")
    rule = DeltaInfluence(tolerance=1)
    about = results.picked(results.case(case_id), "test-3")
    x = cases.unlearn_variant(about, rule, tuple(case.run.experiment.unlearners[:1]))
    store = runs.open_store()
    runs.complete(runs.plan(x, store))
    runs.record(x, store)
    results.forget(case_id)
    at = visit("unlearn", case=case_id, pick="test-3", tol="1")
    assert not at.exception
    assert "1 of 2 methods have been run for this set" in said(at)
    [table] = [t for t in at.dataframe if "removed" in t.value]
    assert len(table.value) == 2 and p.scores.key in {c.plan.scores.key for c in cases.all_cases(store)}


def test_an_address_keeps_its_pick_through_the_view():
    assert parse({"case": "a", "pick": "test-3-as-1"}) == (View(case="a", pick="test-3-as-1"), [])
    view, remarks = parse({"case": "a", "pick": "<b>"})
    assert view.pick == "" and len(remarks) == 1


PICK = """
import sys, time
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app/dashboard.py", default_timeout=60).run()
at.query_params = {"case": sys.argv[1], "pick": "test-3"}
at.switch_page("views/investigate.py").run()
longest = 0
while not at.metric:
    assert not at.exception and not at.error
    began = time.monotonic(); at.run(); longest = max(longest, time.monotonic() - began)
print([name for name in ("torch", "torchvision", "sklearn", "scipy") if name in sys.modules], longest < 3)
"""


def test_picking_neither_imports_torch_nor_blocks_the_page(case_id, store_root):
    done = subprocess.run(
        [sys.executable, "-c", PICK, case_id],
        cwd=ROOT,
        env=os.environ | {"INFLUENCE_STORE": str(store_root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "[] True", done.stderr[-2000:]


def test_another_way_to_measure_is_in_the_address_and_asks_the_engine(visit, case_id, case, view_of):
    at = visit("investigate", case=case_id, measure="d=heuristic")
    assert not at.exception and not at.metric  # the engine has been asked
    p = measures.measured(results.case(case_id), "d=heuristic").plan
    assert p.experiment.scores.damping == "heuristic" and p.queries.key == case.plan.queries.key
    _ = runs.plan(p.experiment, runs.open_store()).scores.value
    at = visit("investigate", case=case_id, measure="d=heuristic")
    assert not at.exception and at.metric and view_of(at).measure == "d=heuristic"


@pytest.mark.parametrize("text", ["d=-1", "x=3", "c=foo", "d=abc", "l=neck"])
def test_a_way_to_measure_that_makes_no_sense_shows_the_cases_own(visit, case_id, text, view_of):
    at = visit("investigate", case=case_id, measure=text)
    assert not at.exception and at.metric and view_of(at).measure == ""
    assert "own way is shown" in at.toast[0].value


def test_what_differs_from_the_cases_own_way_is_what_the_address_says(case):
    own = case.run.experiment.scores
    settings = own.model_copy(update={"damping": 1e-4, "layers": ("0.0", "8")})
    assert measures.text_of(settings, own) == "d=0.0001,l=0.0+8"
    assert measures.parsed("d=0.0001,l=0.0+8", own) == settings
    assert measures.text_of(own, own) == "" and measures.parsed("", own) == own


def test_the_layers_of_a_training_image_are_told(visit, case_id, case):
    _ = questions.layers(runs.plan(case.run.experiment, runs.open_store()), (0, 3)).value
    at = visit("investigate", case=case_id, i="3")
    at.session_state[f"layers-{case_id}"] = True
    at = at.run()
    assert not at.exception and any("carries most of the change" in c.value for c in at.caption)
