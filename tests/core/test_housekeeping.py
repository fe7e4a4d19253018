"""Is only deleted what nobody misses?"""

import os
import shutil
import time

import pytest

from core import cases, housekeeping, runs
from core.store import Store
from core.unlearned import outcome_jobs
from core.unlearned.outcomes import Asked


@pytest.fixture
def store(tiny_root, tmp_path) -> Store:
    root = tmp_path / "store"
    shutil.copytree(tiny_root, root, ignore=shutil.ignore_patterns("locks"))
    return Store(root)


def share(store, name):
    return next(part for part in housekeeping.shares(store) if part.name == name)


def test_the_parts_add_up_to_the_whole_store(store):
    whole = sum(file.stat().st_size for file in store.root.rglob("*") if file.is_file())
    assert sum(part.bytes for part in housekeeping.shares(store)) == whole > 0


def test_results_of_a_listed_case_are_never_deletable(tiny, store):
    run = runs.record(tiny.experiment, store)
    other = runs.record(
        tiny.experiment.model_copy(update={"detectors": tiny.experiment.detectors[:1]}), store
    )
    runs.remove(other, store)
    p = runs.plan(run.experiment, store)
    housekeeping.clear(store, "removed")
    assert runs.missing(p) == [] and runs.all_runs(store) == [run]


def test_results_of_a_removed_case_go_and_free_what_was_said(tiny, store):
    run = runs.record(tiny.experiment, store)
    runs.remove(run, store)
    told, before = share(store, "removed").bytes, sum(p.bytes for p in housekeeping.shares(store))
    assert housekeeping.clear(store, "removed") == told > 0
    assert sum(p.bytes for p in housekeeping.shares(store)) == before - told


def test_an_unfinished_result_is_a_leftover_only_after_a_day(store):
    part = store.root / "train" / "0123.part"
    part.mkdir(parents=True)
    (part / "weights").write_bytes(b"half")
    assert share(store, "leftovers").count == 0
    os.utime(part, (time.time() - 90_000,) * 2)
    assert share(store, "leftovers").count == 1
    housekeeping.clear(store, "leftovers")
    assert not part.exists()


@pytest.mark.parametrize("name", ["rest", "runs", "../x"])
def test_nothing_else_can_be_cleared(store, name):
    with pytest.raises(ValueError, match="expected one of"):
        housekeeping.clear(store, name)


def test_what_a_listed_case_shows_stays_though_a_removed_case_had_made_it(
    store, make_experiment, monkeypatch
):
    monkeypatch.setenv("INFLUENCE_STORE", str(store.root))
    rules = {
        "detectors": [{"name": "delta_influence"}, {"name": "activation_clustering", "mode": "original"}]
    }
    made = make_experiment(**rules, unlearners=[{"name": "exact"}], unlearn_after=["activation_clustering"])
    other = make_experiment(**rules, transforms={"n_transforms": 9}, unlearners=[])
    for x in (made, other):
        runs.record(x, store)
        runs.complete(runs.plan(x, store))
    p = runs.plan(other, store)
    asked = Asked(other.detectors[1], made.unlearners[0], other.recipe.seed)
    outcome_jobs.run_job(outcome_jobs.spec(p, asked, 1, store=str(store.root)))
    runs.remove(runs.find(runs.identifier(made), store), store)
    housekeeping.clear(store, "removed")
    case = cases.find(runs.identifier(other), store)
    assert [o.asked for o in cases.outcomes(case, store)] == [asked]


def test_nothing_of_a_removed_case_goes_while_the_note_of_another_cannot_be_read(tiny, store):
    run = runs.record(tiny.experiment, store)
    other = runs.record(
        tiny.experiment.model_copy(update={"detectors": tiny.experiment.detectors[:1]}), store
    )
    note = store.root / "runs" / f"{run.id}.json"
    whole = note.read_text()
    note.write_text("{")
    runs.remove(other, store)
    [removed] = (part for part in housekeeping.shares(store) if part.name == "removed")
    assert removed.count == 0 and "cannot be read" in removed.meaning
    assert housekeeping.clear(store, "removed") == 0
    note.write_text(whole)
    assert runs.missing(runs.plan(tiny.experiment, Store(store.root))) == []
