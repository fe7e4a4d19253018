"""Runs: noted once, found again, and never confused by files that cannot be read."""

import json
import shutil

import pytest

from core import device, runs, shipping
from core.pipeline import plan
from core.store import Store


def test_starting_an_experiment_again_keeps_the_first_note(make_experiment, tmp_path):
    store = Store(tmp_path)
    first = runs.record(make_experiment(), store)
    assert runs.record(make_experiment(title="renamed"), store) == first
    assert [run.id for run in runs.all_runs(store)] == [first.id]
    assert runs.find(first.id, store) == first and runs.find("0" * 12, store) is None


def test_the_name_of_a_run_depends_on_settings_and_not_on_words(make_experiment):
    plain = runs.identifier(make_experiment())
    assert len(plain) == 12
    assert runs.identifier(make_experiment(title="x", description="y")) == plain
    assert runs.identifier(make_experiment(training={"seed": 1})) != plain


def test_a_recorded_experiment_reads_back_equal(make_experiment, tmp_path):
    runs.record(make_experiment(), Store(tmp_path))
    assert runs.all_runs(Store(tmp_path))[0].experiment == make_experiment()


def test_shipped_runs_come_first_and_are_marked(make_experiment, tmp_path):
    runs.record(make_experiment(), Store(tmp_path / "shipped"))
    store = Store(tmp_path / "own", shipped=(tmp_path / "shipped",))
    mine = runs.record(make_experiment(training={"seed": 1}), store)
    assert [(run.shipped, run.id == mine.id) for run in runs.all_runs(store)] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"created": "x", "experiment": {"title": 3}}'])
def test_a_file_that_is_no_run_is_reported_and_hides_no_other(make_experiment, tmp_path, text):
    store = Store(tmp_path)
    good = runs.record(make_experiment(), store)
    bad = tmp_path / "runs" / "badbadbadbad.json"
    bad.write_text(text)
    assert [run.id for run in runs.all_runs(store)] == [good.id]
    assert runs.unreadable_runs(store) == [bad]


def test_the_state_of_a_run_is_planned_then_partial_then_complete(tiny, tiny_root, tmp_path):
    p = plan(tiny.experiment, Store(tmp_path))
    assert runs.state(p) == "planned" and runs.missing(p)[0].stage.name == "load_dataset"
    _ = p.poisoning.value
    assert runs.state(p) == "partial"
    shutil.copytree(tiny_root, tmp_path, dirs_exist_ok=True)
    assert runs.state(p) == "complete"


def test_whatever_result_was_deleted_the_same_run_again_makes_all_that_is_read(tiny, tiny_root, tmp_path):
    shutil.copytree(tiny_root, tmp_path / "store")
    for gone in runs.kept(tiny):
        shutil.rmtree(tmp_path / "store" / gone.stage.name / gone.stored_as)
        runs.complete(plan(tiny.experiment, Store(tmp_path / "store")))
        read = plan(tiny.experiment, Store(tmp_path / "store", computes=False))
        assert runs.summary(read)["victim"] and len(read.poisoning.value.indices)


def test_missing_results_come_in_the_order_in_which_they_can_be_made(make_experiment, tmp_path):
    lacking = runs.missing(plan(make_experiment(), Store(tmp_path)))
    place = {artifact.key: n for n, artifact in enumerate(lacking)}
    for artifact in lacking:
        needed = [i for i in artifact.inputs if i.stage.keep]
        assert all(place[i.key] < place[artifact.key] for i in needed)


def test_a_background_job_makes_and_records_the_run(tiny, tiny_root, tmp_path):
    shutil.copytree(tiny_root, tmp_path / "store")
    experiment = tiny.experiment.model_dump(mode="json")
    runs.run_job({"experiment": experiment, "options": {"device": "cpu", "store": str(tmp_path / "store")}})
    assert [run.title for run in runs.all_runs(Store(tmp_path / "store"))] == ["tiny"]


def test_the_job_uses_the_store_of_the_environment_when_none_is_named(tiny, tiny_root, store_root):
    shutil.copytree(tiny_root, store_root)
    runs.run_job({"experiment": tiny.experiment.model_dump(mode="json")})
    assert len(runs.all_runs(Store(store_root))) == 1


def test_a_finished_run_ships_without_its_factors_and_is_complete_elsewhere(tiny, tiny_root, tmp_path):
    shutil.copytree(tiny_root, tmp_path / "store")
    store = Store(tmp_path / "store")
    runs.record(tiny.experiment, store)
    shipping.ship(plan(tiny.experiment, store), tmp_path / "shipped")
    assert not (tmp_path / "shipped" / "fit_factors").exists()
    elsewhere = Store(tmp_path / "own", shipped=(tmp_path / "shipped",))
    assert runs.state(plan(tiny.experiment, elsewhere)) == "complete"
    assert [run.shipped for run in runs.all_runs(elsewhere)] == [True]


def test_an_unfinished_run_cannot_be_shipped(make_experiment, tmp_path):
    with pytest.raises(ValueError, match="results are still to be computed, first load_dataset"):
        shipping.ship(plan(make_experiment(), Store(tmp_path)), tmp_path / "shipped")


def test_provenance_names_hardware_versions_and_every_key(tiny):
    about = runs.provenance(tiny)
    assert about["hardware"] == [device.describe()]
    assert {"python", "torch", "kronfluence", "numpy"} <= set(about["versions"])
    assert {f"{a.stage.name}/{a.key}" for a in runs.kept(tiny)} == set(about["keys"])
    assert json.loads(json.dumps(about)) == about
