"""Do variants of a case share what was computed, whatever detector's flags are unlearned?"""

import shutil

import pytest

from core import cases, runs
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.pipeline import plan
from core.unlearners.exact import Exact


@pytest.fixture
def case(tiny, tiny_root, store_root):
    """The tiny investigation, finished, in this test's own store."""
    shutil.copytree(tiny_root, store_root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    run = runs.record(tiny.experiment, runs.open_store())
    return cases.find(run.id, runs.open_store())


RULES = [DeltaInfluence(threshold=-1), RelativeCollapse(threshold=0.5)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_variant_adds_only_the_unlearning_of_one_rule(case, rule):
    variant = plan(cases.unlearn_variant(case, rule, (Exact(),)), case.plan.dataset.store)
    added = {a.stage.name for a in runs.missing(variant)}
    assert added == {"detect", "unlearn", "evaluate"}
    assert variant.scores.key == case.plan.scores.key
    assert list(variant.after) == [f"{rule.name}/exact"]


def test_the_flags_of_a_detector_of_the_case_need_no_detection(case):
    rule = case.run.experiment.detectors[1]
    variant = cases.unlearn_variant(case, rule, (Exact(),))
    assert variant.detectors == case.run.experiment.detectors
    lacking = runs.missing(plan(variant, case.plan.dataset.store))
    assert {a.stage.name for a in lacking} == {"unlearn", "evaluate"}


def test_a_rule_replaces_the_one_of_its_name_in_its_place(case):
    variant = cases.unlearn_variant(case, RULES[0], (Exact(),))
    assert [d.name for d in variant.detectors] == [d.name for d in case.run.experiment.detectors]
    assert variant.detectors[0] == RULES[0]


def test_outcomes_tell_seconds_and_trials_without_reading_weights(case):
    found = cases.outcomes(case, case.plan.dataset.store)
    models = [case.plan.cleaned[name] for name in case.plan.after]
    assert [o.seconds for o in found] == [m.value.seconds for m in models]
    assert [o.trials for o in found] == [(), ()]


def test_an_outcome_whose_flags_are_lost_is_left_out(case):
    lost = case.plan.detections["delta_influence"]
    shutil.rmtree(lost.store.find(lost))
    assert cases.outcomes(case, runs.open_store()) == []
