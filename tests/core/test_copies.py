"""Leaving kinds of transformation out uses the copies of the others, exactly."""

import numpy as np
import pytest

from core import collapse, copies
from core.detection import verdict
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.experiment import Experiment

RULES = [DeltaInfluence, RelativeCollapse]


@pytest.fixture
def scores(tiny):
    return tiny.scores.value


def test_leaving_a_kind_out_flags_by_the_count_rule_over_the_other_copies(tiny, scores):
    names = np.array(copies.kinds(scores, 0))
    kind = str(names[0])
    found = verdict(tiny, DeltaInfluence(threshold=-1.0, tolerance=1, without=(kind,)))
    assert np.array_equal(found.flagged, collapse.flagged(scores.delta(0)[names != kind], -1.0, 1))


def test_leaving_nothing_out_changes_nothing(scores):
    assert np.array_equal(copies.changes(scores, 1), scores.delta(1))


@pytest.mark.parametrize("rule", RULES)
def test_the_changes_and_level_of_a_rule_decide_as_the_rule_does(tiny, scores, rule):
    kind = copies.kinds(scores, 0)[0]
    chosen = rule(threshold=0.25, tolerance=2, without=(kind,))
    by_count = collapse.flagged(chosen.changes(scores), chosen.level, 2)
    assert np.array_equal(verdict(tiny, chosen).flagged, by_count)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_leaves_nothing_out_keeps_its_old_record(rule):
    assert "without" not in rule().model_dump(mode="json")
    assert rule(without=("flip", "blurrer", "flip")).without == ("blurrer", "flip")


def test_an_unknown_kind_and_leaving_everything_out_are_refused(scores):
    with pytest.raises(ValueError, match=r"without=\['nonsense'\]: expected kinds that were applied"):
        copies.rows(scores, 0, ("nonsense",))
    with pytest.raises(ValueError, match="none of the 8 copies is left"):
        copies.rows(scores, 0, tuple(set(copies.kinds(scores, 0)) | set(copies.kinds(scores, 1))))


def test_the_kinds_that_are_left_out_survive_the_file(make_experiment, tmp_path):
    rule = {"name": "relative_collapse", "without": ["flip"]}
    x = make_experiment(detectors=[rule], unlearners=[], unlearn_after=[])
    (tmp_path / "x.toml").write_text(x.to_toml())
    assert Experiment.from_toml(tmp_path / "x.toml").detectors[0].without == ("flip",)
