"""Detectors over several test images follow their counting rules on scores made by hand."""

import numpy as np
import pytest

from core import collapse
from core.artifacts import ORIGINAL, InfluenceScores
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.delta_influence_several import DeltaInfluenceSeveral
from core.detectors.influence_boosted import InfluenceBoosted
from core.detectors.influence_mean import InfluenceMean

T = 4


@pytest.fixture
def scores() -> InfluenceScores:
    """Two test images with four copies each, four training images, whose influence is 10 on both.

    Changes that are not below zero, by training image: none; two on the first test image; one on each; all.
    """
    first = np.array([[-1, 5, 5, 5], [-1, 5, -1, 5], [-1, -1, -1, 5], [-1, -1, -1, 5]])
    second = np.array([[-1, -1, 5, 5], [-2, -2, -2, 5], [-3, -3, -3, 5], [-4, -4, -4, 5]])
    values = np.concatenate([np.zeros((2, 4)), first, second]) + 10
    parent = np.array([ORIGINAL] * 2 + [0] * T + [1] * T)
    return InfluenceScores(
        values.astype(np.float32), np.zeros(10, np.int64), parent, ("",) * 2 + ("flip",) * 2 * T
    )


@pytest.fixture
def originals() -> InfluenceScores:
    """Three test images, no copies: scores of four training images."""
    values = np.array([[30, 12, 40, 1], [30, 12, -5, 2], [30, 9, 40, 3]], np.float32)
    return InfluenceScores(values, np.zeros(3, np.int64), np.full(3, ORIGINAL), ("",) * 3)


@pytest.mark.parametrize(
    ("combine", "tolerance", "flagged"),
    [
        ("intersection", 0, [True, False, False, False]),
        ("intersection", 1, [True, False, True, False]),
        ("intersection", 2, [True, True, True, False]),
        ("pooled", 0, [True, False, False, False]),
        ("pooled", 1, [True, True, True, False]),
    ],
)
def test_pooling_forgives_one_test_image_what_the_intersection_does_not(scores, combine, tolerance, flagged):
    verdict = DeltaInfluenceSeveral(tolerance=tolerance, combine=combine).detect(scores)
    assert verdict.flagged.tolist() == flagged


@pytest.mark.parametrize("tolerance", [0, 1, 3])
@pytest.mark.parametrize("threshold", [0.0, -5.0, 20.0])
def test_the_intersection_is_what_every_test_image_alone_flags(tiny, threshold, tolerance):
    evidence = tiny.scores.value
    alone = [
        DeltaInfluence(threshold=threshold, tolerance=tolerance, query=q).detect(evidence) for q in range(2)
    ]
    both = DeltaInfluenceSeveral(threshold=threshold, tolerance=tolerance).detect(evidence)
    assert np.array_equal(both.flagged, alone[0].flagged & alone[1].flagged)
    assert np.array_equal(both.suspicion, np.minimum(alone[0].suspicion, alone[1].suspicion))


def test_pooling_counts_the_changes_of_all_test_images_together(tiny):
    evidence = tiny.scores.value
    verdict = DeltaInfluenceSeveral(tolerance=2, combine="pooled").detect(evidence)
    changes = np.concatenate([evidence.delta(0), evidence.delta(1)])
    assert np.array_equal(verdict.flagged, collapse.flagged(changes, 0.0, tolerance=4))


@pytest.mark.parametrize("combine", ["intersection", "pooled"])
def test_one_test_image_is_plain_delta_influence(tiny, combine):
    one = DeltaInfluenceSeveral(n_queries=1, tolerance=1, combine=combine).detect(tiny.scores.value)
    plain = DeltaInfluence(tolerance=1).detect(tiny.scores.value)
    assert np.array_equal(one.flagged, plain.flagged) and np.array_equal(one.suspicion, plain.suspicion)


@pytest.mark.parametrize("combine", ["intersection", "pooled"])
def test_a_tolerance_of_all_changes_is_refused_in_the_users_own_numbers(scores, combine):
    with pytest.raises(ValueError, match="tolerance=4: expected 0 to 3 of 4 changes"):
        DeltaInfluenceSeveral(tolerance=4, combine=combine).detect(scores)


def test_the_mean_is_over_the_first_few_only(originals):
    assert InfluenceMean(n_queries=3).detect(originals).flagged.tolist() == [True, True, True, False]
    verdict = InfluenceMean(n_queries=2, threshold=17.5).detect(originals)
    assert verdict.flagged.tolist() == [True, False, False, False]
    assert verdict.suspicion.tolist() == [30, 12, 17.5, 1.5]


@pytest.mark.parametrize(
    ("n_queries", "tolerance", "flagged"),
    [
        (3, 0, [True, False, False, False]),
        (3, 1, [True, True, True, False]),
        (2, 0, [True, True, False, False]),
        (1, 0, [True, True, True, False]),
    ],
)
def test_boosted_wants_support_on_all_but_the_tolerated_test_images(originals, n_queries, tolerance, flagged):
    verdict = InfluenceBoosted(n_queries=n_queries, tolerance=tolerance).detect(originals)
    assert verdict.flagged.tolist() == flagged


@pytest.mark.parametrize("kind", [DeltaInfluenceSeveral, InfluenceMean, InfluenceBoosted])
def test_more_test_images_than_were_scored_are_refused_with_the_remedy(scores, kind):
    words = f"{kind.name}.n_queries=3: 2 picked test images were scored; raise queries.count to 3 or lower"
    with pytest.raises(ValueError, match=words):
        kind(n_queries=3).detect(scores)


def test_an_experiment_that_scores_too_few_test_images_is_refused_before_it_runs(make_experiment):
    several = {"name": "influence_mean", "n_queries": 5}
    words = r"influence_mean\.n_queries=5: queries\.count=2 test images are scored; raise queries\.count to 5"
    with pytest.raises(ValueError, match=words):
        make_experiment(detectors=[several], unlearn_after=[], unlearners=[])
    enough = make_experiment(detectors=[several], unlearn_after=[], unlearners=[], queries={"count": 5})
    assert enough.detectors[0].n_queries == 5
