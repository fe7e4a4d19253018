"""The contrast with controls on scores made by hand and on the tiny case."""

from dataclasses import replace

import numpy as np
import pytest

from core import truth as truths
from core.artifacts import CONTROL, ORIGINAL, Dataset, InfluenceScores, Split
from core.detectors.contrast import Contrast

M, LABELS = 12, np.repeat([0, 1, 2], 40)
"""Controls of each label, and three times forty training images."""
SPLIT = Split(np.zeros((120, 1, 2, 2), np.uint8), LABELS)
TRAINING_SET = Dataset(SPLIT, SPLIT, ("a", "b", "c"), (0.0,), (1.0,))


@pytest.fixture
def scores() -> InfluenceScores:
    """Test images read as 0, 0 and 1; the first ten training images of either label are what caused it."""
    labels = np.array([0, 0, 1] + [0] * M + [1] * M)
    draw = np.random.default_rng(0)
    values = draw.normal(size=(len(labels), len(LABELS)))
    values[:2, :10] += 40
    values[2, 40:50] += 40
    values *= 10 ** draw.uniform(-8, 0, len(LABELS))  # how badly each image is fitted
    parent = np.array([ORIGINAL] * 3 + [CONTROL] * 2 * M)
    return InfluenceScores(values.astype(np.float32), labels, parent, ("",) * len(labels))


def without_controls(scores: InfluenceScores) -> InfluenceScores:
    return InfluenceScores(scores.values[:3], scores.labels[:3], scores.parent[:3], ("",) * 3)


def test_the_causes_are_flagged_in_every_observed_label_and_nowhere_else(scores):
    verdict = Contrast().detect(scores, TRAINING_SET)
    assert np.flatnonzero(verdict.flagged).tolist() == [*range(10), *range(40, 50)]
    assert verdict.suspicion[80:].max() < verdict.suspicion[:80].min()
    assert np.array_equal(verdict.flagged, verdict.suspicion > 0)


def test_with_one_test_image_only_its_label_is_judged(scores):
    verdict = Contrast(most_queries=1).detect(scores, TRAINING_SET)
    assert verdict.flagged[:10].all() and not verdict.flagged[40:].any()


def test_fewer_test_images_than_asked_for_are_used(scores):
    few, many = Contrast(most_queries=3), Contrast(most_queries=100)
    one, other = few.detect(scores, TRAINING_SET), many.detect(scores, TRAINING_SET)
    assert np.array_equal(one.suspicion, other.suspicion)


def test_a_flag_is_sure_where_every_resample_repeats_it(scores):
    share = Contrast().confidence(scores, TRAINING_SET)
    flagged = Contrast().detect(scores, TRAINING_SET).flagged
    assert share[flagged].min() > 0.9 > 0.5 > share[~flagged].max() and not share[80:].any()


def test_a_margin_moves_the_cut_off_and_leaves_the_suspicion_alone(scores):
    plain = Contrast().detect(scores, TRAINING_SET)
    for margin in (-1.5, 2.5):
        moved = Contrast(margin=margin).detect(scores, TRAINING_SET)
        assert np.array_equal(moved.suspicion, plain.suspicion)
        assert np.array_equal(moved.flagged, plain.suspicion > margin)
        share = Contrast(margin=margin).confidence(scores, TRAINING_SET)
        assert share[moved.flagged].mean() > share[~moved.flagged].mean()


def test_the_first_test_image_to_use_can_be_another(scores):
    third, both = Contrast(query=2), Contrast(query=1, most_queries=2)
    assert np.flatnonzero(third.detect(scores, TRAINING_SET).flagged).tolist() == [*range(40, 50)]
    assert [len(group.picked) for group in both.groups(scores, TRAINING_SET)] == [1, 1]
    with pytest.raises(IndexError, match="query=3: expected a picked test image from 0 to 2"):
        Contrast(query=3).detect(scores, TRAINING_SET)


def test_a_stricter_rate_flags_no_more(scores):
    counts = [Contrast(rate=rate).detect(scores, TRAINING_SET).flagged.sum() for rate in (0.001, 0.05, 0.5)]
    assert counts == sorted(counts) and counts[-1] > 0


def test_nothing_is_flagged_where_the_test_image_is_like_any_other(scores):
    values = np.array(scores.values)
    values[:3] = np.random.default_rng(1).permutation(values[3:])[:3]
    verdict = Contrast().detect(replace(scores, values=values), TRAINING_SET)
    assert verdict.flagged.sum() == 0 and (verdict.suspicion <= 0).all()


def test_too_few_controls_are_an_error_with_its_remedy(scores):
    with pytest.raises(ValueError, match=r"0 control images of label 0 were scored.*raise controls.count"):
        Contrast().detect(without_controls(scores), TRAINING_SET)


def test_as_many_test_images_are_used_as_the_controls_can_stand_in_for(scores):
    kept = np.r_[0:3, 3:7, 15:19]  # four controls of each label are enough for one test image
    few = InfluenceScores(scores.values[kept], scores.labels[kept], scores.parent[kept], ("",) * len(kept))
    both, one = Contrast().groups(few, TRAINING_SET)[0], Contrast(most_queries=1).groups(few, TRAINING_SET)[0]
    assert np.array_equal(both.statistic, one.statistic)


def test_on_the_tiny_case_it_is_precise_inside_the_target_label(tiny):
    verdict = Contrast().detect(tiny.scores.value, tiny.poisoned.value)
    truth = truths.required(tiny).poisoned
    assert verdict.flagged[truth].mean() > 0.9
    assert truth[verdict.flagged].mean() > 0.9
