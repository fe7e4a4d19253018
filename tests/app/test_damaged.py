"""Does a damaged result name its file and offer to compute it again, whoever shipped it?"""

import json

import pytest

from app import results
from core import jobs, runs
from core.pipeline import plan
from core.store import Store


@pytest.fixture
def scores(case, store_root):
    """The scores' file of the opened case."""
    return store_root / "score_pairs" / case.plan.scores.key / "values.npy"


def button(at):
    return next((b for b in at.button if b.label == "Compute it again"), None)


def test_a_damaged_result_is_named_and_one_click_computes_it_again(visit, case, scores, store_root):
    sound = scores.read_bytes()
    scores.write_bytes(sound[:-9])
    at = visit("investigate", case=case.id)
    assert not at.exception and "values.npy" in at.error[0].value.replace("\\", "")
    button(at).click().run()
    [job] = jobs.table(store_root).list()
    spec = json.loads(job.spec)
    assert spec["options"]["mend"] and spec["experiment"] == case.run.experiment.model_dump(mode="json")
    runs.mend(plan(case.run.experiment, Store(store_root)))
    assert scores.read_bytes() == sound
    assert not visit("investigate", case=case.id).error


def test_a_result_damaged_while_the_server_runs_is_noticed(visit, case, scores, monkeypatch):
    assert not visit("investigate", case=case.id).error
    scores.write_bytes(scores.read_bytes()[:-9])
    monkeypatch.setattr("core.store.LOOK_SECONDS", 0.0)
    at = visit("investigate", case=case.id)
    assert not at.exception and "was altered" in at.error[0].value
    assert results.store().computes is False


def test_a_damaged_result_that_was_bundled_is_replaced_by_one_of_ones_own(
    tiny, case_id, store_root, tmp_path
):
    bundled = store_root.rename(tmp_path / "bundled")
    file = bundled / "detect" / tiny.detections["delta_influence"].key / "flagged.npy"
    file.write_bytes(b"damaged")
    own = Store(store_root, shipped=(bundled,))
    runs.mend(plan(tiny.experiment, own))
    assert (store_root / "detect" / file.parent.name / "flagged.npy").exists()
    assert file.read_bytes() == b"damaged"
