"""Spectral signatures find a planted direction; the comparison's variant is a threshold on the features' length."""

import numpy as np
import pytest

from core import metrics
from core.artifacts import Dataset, Features, Split
from core.detectors.spectral_signatures import SpectralSignatures, contributions, first_direction_scores

N, POISONS = 200, 10


def labelled(labels: np.ndarray) -> Dataset:
    """A training set of which only the labels matter."""
    split = Split(np.zeros((len(labels), 3, 8, 8), np.uint8), np.asarray(labels, np.int64))
    return Dataset(split, split, ("one", "two"), (0.5,) * 3, (0.5,) * 3)


@pytest.fixture
def planted() -> tuple[Features, Dataset, np.ndarray]:
    """Two classes with means of their own; the first ten of the second one are shifted along one direction."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], N // 2)
    values = random.normal(size=(N, 16)) + 20 * labels[:, None]
    truth = np.zeros(N, bool)
    truth[N // 2 : N // 2 + POISONS] = True
    values[truth] += 3 * np.sign(random.normal(size=16))
    return Features(values.astype(np.float32)), labelled(labels), truth


def test_original_mode_finds_what_is_shifted_inside_its_class(planted):
    features, training_set, truth = planted
    verdict = SpectralSignatures(mode="original", expected_poisons=POISONS).detect(features, training_set)
    assert verdict.flagged[truth].all()
    assert metrics.average_precision(verdict.suspicion[N // 2 :], truth[N // 2 :]) == 1.0


@pytest.mark.parametrize(
    ("expected_poisons", "in_each_class"), [(1, 1), (10, 15), (33, 49), (34, 50), (500, 50)]
)
def test_original_mode_flags_half_as_many_again_as_expected_and_never_most_of_a_class(
    planted, expected_poisons, in_each_class
):
    features, training_set, _ = planted
    rule = SpectralSignatures(mode="original", expected_poisons=expected_poisons)
    flagged = rule.detect(features, training_set).flagged
    assert np.bincount(training_set.train.labels[flagged]).tolist() == [in_each_class] * 2


def test_original_mode_compares_classes_by_their_own_cuts(planted):
    features, training_set, _ = planted
    verdict = SpectralSignatures(mode="original", expected_poisons=POISONS).detect(features, training_set)
    for label in (0, 1):
        inside = training_set.train.labels == label
        assert verdict.suspicion[inside & verdict.flagged].min() == pytest.approx(1.0)
        assert verdict.suspicion[inside & ~verdict.flagged].max() <= 1.0


def test_the_scores_are_those_of_a_singular_value_decomposition(planted):
    values = planted[0].values.astype(np.float64)
    centred = values - values.mean(0)
    assert first_direction_scores(values) == pytest.approx(
        (centred @ np.linalg.svd(centred, full_matrices=False)[2][0]) ** 2
    )
    u, sigma, _ = np.linalg.svd(values, full_matrices=False)
    threshold = float(np.sort(sigma)[5])
    kept = sigma > threshold
    assert 0 < kept.sum() < len(sigma)
    assert contributions(values, threshold) == pytest.approx(
        np.linalg.norm(u[:, kept] * sigma[kept], axis=1), rel=1e-6
    )


def test_reference_mode_is_nearly_a_threshold_on_the_length_of_the_features(tiny):
    features, training_set = tiny.evidence["features"].value, tiny.poisoned.value
    verdict = SpectralSignatures().detect(features, training_set)
    length = np.linalg.norm(features.values, axis=1)
    assert (verdict.suspicion <= length * (1 + 1e-5)).all()
    assert (verdict.flagged == (length > 7)).mean() > 0.9


def test_reference_mode_with_no_direction_left_flags_nothing(planted):
    features, training_set, _ = planted
    verdict = SpectralSignatures(spectral_threshold=1e6).detect(features, training_set)
    assert not verdict.flagged.any() and not verdict.suspicion.any()


@pytest.mark.parametrize("mode", ["reference", "original"])
def test_a_class_of_one_image_has_finite_suspicion_and_no_flag_of_its_own(mode):
    values = np.random.default_rng(0).normal(size=(31, 5)).astype(np.float32)
    rule = SpectralSignatures(mode=mode, expected_poisons=3)
    verdict = rule.detect(Features(values), labelled(np.repeat([0, 1], [1, 30])))
    assert np.isfinite(verdict.suspicion).all() and not verdict.flagged[0]


def test_equal_images_are_not_flagged_for_being_first():
    verdict = SpectralSignatures(mode="original").detect(
        Features(np.ones((40, 5), np.float32)), labelled(np.repeat([0, 1], 20))
    )
    assert not verdict.flagged.any() and not verdict.suspicion.any()


def test_features_of_other_images_are_refused(planted):
    with pytest.raises(ValueError, match="spectral_signatures: 200 rows of features for 3 training images"):
        SpectralSignatures().detect(planted[0], labelled(np.zeros(3)))
