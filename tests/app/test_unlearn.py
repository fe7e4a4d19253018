"""Can the flags of any detector be unlearned, and is every outcome told apart with its own figures?"""

import json
import shutil
from dataclasses import replace

import pytest

from app.panels import outcomes
from app.state import View, parameters_of
from core import cases, jobs, runs
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.influence_threshold import InfluenceThreshold
from core.experiment import Experiment
from core.jobs.launch import jobs_dir, supervisor_lock


@pytest.fixture
def nobody_works(store_root):
    """Jobs are queued and stay so: the right to supervise this store is held here, so no process starts."""
    jobs_dir(store_root).mkdir(parents=True, exist_ok=True)
    with supervisor_lock(jobs_dir(store_root)) as mine:
        assert mine
        yield


@pytest.fixture
def found(case):
    return cases.outcomes(case, runs.open_store())


def own_rule(case) -> dict:
    return {"threshold": 0.0, "tolerance": case.run.experiment.detectors[0].tolerance}


def test_the_flags_of_another_detector_are_counted_and_unlearned(visit, case, store_root, nobody_works):
    flagged = int(case.plan.detections["influence_threshold"].value.flagged.sum())
    at = visit("unlearn", case=case.id, flags="influence_threshold")
    assert any(f"Forget the {flagged} image" in h.value for h in at.subheader)
    at = next(b for b in at.button if b.label == "Unlearn").click().run()
    assert not at.exception
    [job] = jobs.table(store_root).list()
    asked = Experiment.checked(json.loads(job.spec)["experiment"])
    assert asked.unlearn_after == ("influence_threshold",)
    assert asked.detectors == case.run.experiment.detectors


def test_choosing_a_detector_is_in_the_address(visit, case_id, view_of):
    at = visit("unlearn", case=case_id)
    [box] = [b for b in at.selectbox if b.label == "Flagged by"]
    assert len(box.options) == 3
    at = box.select("influence_threshold").run()
    assert view_of(at).flags == "influence_threshold"
    assert view_of(visit("unlearn", **at.query_params)) == view_of(at)


def test_settings_of_an_unlearner_can_be_changed_for_one_job(visit, case, store_root, nobody_works):
    at = visit("unlearn", **parameters_of(View(case=case.id, rule="delta", **own_rule(case))))
    assert at.success
    [epochs] = [n for n in at.number_input if "catastrophic_forgetting" in n.key and "epochs" in n.key]
    at = epochs.set_value(1).run()
    assert not at.success
    next(b for b in at.button if b.label == "Unlearn").click().run()
    [job] = jobs.table(store_root).list()
    asked = Experiment.checked(json.loads(job.spec)["experiment"])
    assert {u.name: u for u in asked.unlearners}["catastrophic_forgetting"].epochs == 1


def test_the_table_has_every_figure_of_the_reports(visit, case):
    at = visit("unlearn", case=case.id)
    rows = at.dataframe[0].value.to_dict("records")
    reports = [case.plan.before.value, *(after.value for after in case.plan.after.values())]
    for name, (field, _) in outcomes.PERCENT.items():
        assert [row[name] for row in rows] == [getattr(report, field) for report in reports]


def test_what_was_tried_is_told_with_the_chosen_setting_first(found):
    trials = (
        {
            "settings": {"alpha": 10},
            "deletion_change": 1.0,
            "held_out_accuracy": 0.9,
            "score": 0.95,
            "seconds": 1,
        },
        {
            "settings": {"alpha": 1},
            "deletion_change": 0.0,
            "held_out_accuracy": 0.9,
            "score": 0.45,
            "seconds": 1,
        },
    )
    rows = [outcomes._trial(number, trial) for number, trial in enumerate(trials)]
    assert [row[""] for row in rows] == ["chosen", ""]
    assert rows[0] == {
        "": "chosen",
        "alpha": 10,
        "deletion change": 1.0,
        "held-out accuracy": 0.9,
        "score": 0.95,
        "seconds": 1,
    }
    assert all(outcome.trials == () for outcome in found)


def test_no_two_outcomes_have_the_same_name(found):
    first = found[0]
    names = outcomes.labels([first, first, replace(first, detector=InfluenceThreshold()), found[1]])
    assert len(set(names)) == 4
    assert names[0].startswith("EU after Δ-Influence")
    assert outcomes.labels([first]) == [f"EU · {first.flagged} removed"]


def test_many_outcomes_are_compared_few_at_a_time(visit, case, monkeypatch):
    found = cases.outcomes(case, runs.open_store())
    many = [replace(found[0], flagged=n, detector=DeltaInfluence(threshold=-n)) for n in range(9)]
    monkeypatch.setattr(cases, "outcomes", lambda *_: many)
    at = visit("unlearn", case=case.id, th="-3")
    assert not at.exception
    [box] = [b for b in at.multiselect if b.label == "Compare with the victim"]
    assert len(box.value) == outcomes.MOST - 1
    assert box.value[0] == 3
    assert not box.set_value([]).run().exception


def test_flags_that_are_not_computed_are_offered_to_be(visit, case, store_root):
    lost = case.plan.detections["influence_threshold"]
    shutil.rmtree(lost.store.find(lost))
    at = visit("unlearn", case=case.id, flags="influence_threshold")
    assert not at.exception
    assert "has not been computed yet" in at.info[0].value
    assert "Go on computing" in {b.label for b in at.button}
    at = visit("investigate", case=case.id, tab="detectors")
    assert not at.exception
    assert any("Not computed yet: EK-FAC threshold" in c.value for c in at.caption)
