"""Activation clustering finds a class that falls apart, and does not depend on how its classes are stored."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from core import metrics
from core.artifacts import Dataset, Features, Split
from core.detectors.activation_clustering import ActivationClustering, beyond_border


def labelled(labels: np.ndarray) -> Dataset:
    """A training set of which only the labels matter."""
    split = Split(np.zeros((len(labels), 3, 8, 8), np.uint8), np.asarray(labels, np.int64))
    return Dataset(split, split, ("one", "two"), (0.5,) * 3, (0.5,) * 3)


@pytest.fixture
def planted() -> tuple[Features, Dataset, np.ndarray]:
    """200 images of two classes; the last 20 of the first class lie far from the rest of it."""
    values = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    truth = np.zeros(200, bool)
    truth[80:100] = True
    values[truth, 4] += 12
    return Features(values), labelled(np.repeat([0, 1], 100)), truth


def test_the_smaller_of_two_clusters_is_flagged_exactly(planted):
    features, training_set, truth = planted
    verdict = ActivationClustering().detect(features, training_set)
    assert np.array_equal(verdict.flagged[:100], truth[:100])


def test_reference_mode_flags_a_part_of_every_class_and_original_mode_only_where_there_are_clusters(planted):
    features, training_set, truth = planted
    reference = ActivationClustering().detect(features, training_set).flagged
    original = ActivationClustering(mode="original").detect(features, training_set).flagged
    assert 20 < reference[100:].sum() <= 50
    assert np.array_equal(original, truth)


def test_a_clear_cluster_is_more_suspect_than_the_half_of_an_undivided_class(planted):
    features, training_set, truth = planted
    suspicion = ActivationClustering().detect(features, training_set).suspicion
    assert metrics.average_precision(suspicion, truth) == 1.0


@pytest.mark.parametrize(
    ("bound", "value", "flagged"),
    [
        ("max_share", 0.21, 20),
        ("max_share", 0.2, 0),
        ("min_silhouette", 0.3, 20),
        ("min_silhouette", 0.95, 0),
    ],
)
def test_original_mode_wants_a_small_cluster_and_a_good_fit(planted, bound, value, flagged):
    features, training_set, _ = planted
    rule = ActivationClustering(mode="original", **{bound: value})
    assert rule.detect(features, training_set).flagged[:100].sum() == flagged


def test_the_flags_are_those_of_the_published_procedure(tiny):
    features, training_set = tiny.evidence["features"].value, tiny.poisoned.value
    expected = np.zeros(len(training_set.train), bool)
    for label in range(10):
        rows = np.flatnonzero(training_set.train.labels == label)
        reduced = PCA(min(3, len(rows)), svd_solver="full").fit_transform(features.values[rows])
        side = KMeans(2, random_state=3407).fit_predict(reduced)
        expected[rows[side == np.bincount(side).argmin()]] = True
    assert np.array_equal(ActivationClustering().detect(features, training_set).flagged, expected)


def test_the_border_is_half_way_and_distances_are_in_deviations():
    points = np.array([[-11.0], [-9.0], [-11.0], [-9.0], [9.0], [11.0]])
    assert beyond_border(points) == pytest.approx([-11, -9, -11, -9, 9, 11])


def test_the_order_of_the_images_does_not_matter_to_the_flags(planted):
    features, training_set, _ = planted
    order = np.random.default_rng(1).permutation(200)
    flagged = ActivationClustering(mode="original").detect(features, training_set).flagged
    shuffled = Features(features.values[order]), labelled(training_set.train.labels[order])
    assert np.array_equal(ActivationClustering(mode="original").detect(*shuffled).flagged, flagged[order])


@pytest.mark.parametrize("mode", ["reference", "original"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_class_of_one_to_three_images_has_finite_suspicion(mode, n):
    values = np.random.default_rng(0).normal(size=(n + 30, 5)).astype(np.float32)
    training_set = labelled(np.repeat([0, 1], [n, 30]))
    verdict = ActivationClustering(mode=mode).detect(Features(values), training_set)
    assert np.isfinite(verdict.suspicion).all()
    assert verdict.flagged[:n].sum() <= n // 2


@pytest.mark.parametrize("mode", ["reference", "original"])
def test_a_class_of_equal_images_is_left_alone(mode):
    values = np.full((20, 5), 0.1, np.float32)
    verdict = ActivationClustering(mode=mode).detect(Features(values), labelled(np.repeat([0, 1], 10)))
    assert not verdict.flagged.any() and not verdict.suspicion.any()


def test_features_of_other_images_are_refused(planted):
    features, _, _ = planted
    with pytest.raises(
        ValueError, match="activation_clustering: 200 rows of features for 150 training images"
    ):
        ActivationClustering().detect(features, labelled(np.zeros(150)))


def test_features_that_are_not_finite_are_refused(planted):
    features, training_set, _ = planted
    values = features.values.copy()
    values[3, 3] = np.nan
    with pytest.raises(ValueError, match="features hold NaN or infinity; train the victim anew"):
        ActivationClustering().detect(Features(values), training_set)
