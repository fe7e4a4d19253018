"""Figures of flags and models agree with the published ones and with independent code."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix

from core import metrics
from core.artifacts import Detection

PUBLISHED = [  # flagged, true positives, poisons, images, true positive rate, precision, false positive rate
    (3265, 500, 500, 50_000, 1.0, 0.153139, 0.055859),
    (15_502, 500, 500, 50_000, 1.0, 0.032254, 0.303071),
    (2211, 308, 500, 50_000, 0.616, 0.139303, 0.038444),
    (20_564, 495, 500, 50_000, 0.99, 0.024071, 0.405434),
    (10_639, 464, 500, 50_000, 0.928, 0.043613, 0.205556),
    (4537, 376, 500, 50_000, 0.752, 0.082874, 0.084061),
    (13_681, 481, 500, 50_000, 0.962, 0.035158, 0.266667),
    (4364, 125, 125, 50_000, 1.0, 0.028643, 0.084992),
    (12_124, 125, 125, 50_000, 1.0, 0.010310, 0.240581),
    (190, 0, 125, 50_000, 0.0, 0.0, 0.003810),
    (21_001, 125, 125, 50_000, 1.0, 0.005952, 0.418566),
    (22_079, 103, 125, 50_000, 0.824, 0.004665, 0.440622),
    (5333, 1, 125, 50_000, 0.008, 0.000188, 0.106907),
    (12_005, 105, 125, 50_000, 0.84, 0.008746, 0.238596),
    (1427, 877, 947, 9469, 0.926082, 0.614576, 0.064539),
    (2929, 930, 947, 9469, 0.982049, 0.317515, 0.234569),
    (429, 9, 947, 9469, 0.009504, 0.020979, 0.049284),
    (3781, 285, 947, 9469, 0.300950, 0.075377, 0.410232),
    (7508, 719, 947, 9469, 0.759240, 0.095765, 0.796644),
    (4338, 947, 947, 9469, 1.0, 0.218303, 0.397911),
    (4920, 886, 947, 9469, 0.935586, 0.180081, 0.473363),
]
"""Delta-Influence, label-only, image-only, activation clustering, spectral signatures, frequency and EK-FAC
threshold on CIFAR-10 BadNet, CIFAR-100 smooth trigger and Imagenette Witches' Brew (public notebooks)."""


@pytest.mark.parametrize(("f", "hits", "p", "n", "tpr", "precision", "fpr"), PUBLISHED)
def test_rates_are_the_published_ones(f, hits, p, n, tpr, precision, fpr):
    flagged = np.concatenate([np.arange(hits), np.arange(p, p + f - hits)])
    found = metrics.grade_indices(flagged, np.arange(p), n)
    assert (found["flagged"], found["true_positives"]) == (f, hits)
    rates = [found["true_positive_rate"], found["precision"], found["false_positive_rate"]]
    assert rates == pytest.approx([tpr, precision, fpr], abs=1e-6)


def test_nothing_flagged_has_no_precision():
    found = metrics.grade_indices(np.array([], np.int64), np.array([1, 2]), 5)
    assert found["precision"] is None
    assert (found["flagged"], found["true_positive_rate"], found["false_positive_rate"]) == (0, 0.0, 0.0)


def test_without_poisons_there_is_no_true_positive_rate():
    found = metrics.grade_indices(np.array([1]), np.array([], np.int64), 5)
    assert found["true_positive_rate"] is None and found["precision"] == 0.0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([0, 5]), "rows 0 to 5 do not fit train_size=5"),
        (np.array([-1]), "do not fit"),
        (np.array([1, 1, 2]), "1 rows are repeated"),
        (np.array([0.0, 1.0]), "whole numbers, got float64"),
        (np.array([[0, 1]]), "one row of whole numbers"),
        (np.array([True, False]), "whole numbers, got bool"),
    ],
)
def test_rows_that_cannot_be_graded_are_named(rows, message):
    with pytest.raises(ValueError, match=f"flagged: .*{message}"):
        metrics.grade_indices(rows, np.array([0]), 5)


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_average_precision_counts_ties_as_one_rank(levels):
    rng = np.random.default_rng(levels)
    suspicion = rng.integers(0, levels, 300).astype(np.float32)
    truth = rng.random(300) < 0.1
    assert metrics.average_precision(suspicion, truth) == pytest.approx(
        average_precision_score(truth, suspicion)
    )


def test_average_precision_of_a_perfect_a_constant_and_an_impossible_order():
    truth = np.array([True, False, False, True])
    assert metrics.average_precision(truth.astype(np.float32), truth) == 1.0
    assert metrics.average_precision(np.zeros(4, np.float32), truth) == 0.5
    assert metrics.average_precision(np.zeros(4, np.float32), np.zeros(4, bool)) is None


def test_flagging_a_whole_label_is_no_success_inside_it():
    truth = np.arange(100) < 5
    labels = np.where(np.arange(100) < 10, 1, 0)
    all_of_the_label = Detection((labels == 1).astype(np.float32), labels == 1)
    found = metrics.grade_detection(all_of_the_label, truth, labels, target_classes=(1,))
    assert found["true_positive_rate"] == 1.0 and found["precision"] == 0.5
    assert found["precision_in_target_label"] == found["base_rate_in_target_label"] == 0.5
    assert found["average_precision_in_target_label"] == 0.5 and found["base_rate"] == 0.05


def test_the_label_only_metrics_see_nothing_outside_the_label():
    truth, labels = np.arange(100) < 5, np.where(np.arange(100) < 10, 1, 0)
    suspicion = -np.arange(100).astype(np.float32)
    inside = Detection(suspicion, truth)
    noisy = Detection(np.where(labels == 1, suspicion, 1e9).astype(np.float32), truth | (labels == 0))
    one, other = (metrics.grade_detection(d, truth, labels, 1) for d in (inside, noisy))
    for name in ("precision_in_target_label", "average_precision_in_target_label"):
        assert one[name] == other[name] == 1.0
    assert other["average_precision"] < 0.1 and other["precision"] < 0.1


def test_the_confusion_matrix_has_true_classes_in_rows():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    assert np.array_equal(
        metrics.confusion_matrix(labels, predictions, 5)[:4, :4], confusion_matrix(labels, predictions)
    )
    assert metrics.confusion_matrix(labels, predictions, 5).shape == (5, 5)


def test_the_report_of_a_model_agrees_with_its_own_parts(tiny):
    report, data = tiny.before.value, tiny.dataset.value
    assert report.test_accuracy == pytest.approx(np.mean(report.test_predictions == data.test.labels))
    assert report.test_accuracy == pytest.approx(np.trace(report.confusion) / len(data.test))
    assert report.confusion.sum(1).tolist() == np.bincount(data.test.labels, minlength=10).tolist()
    assert report.poison_success_rate == pytest.approx(
        tiny.queries.value.n_affected / len(tiny.poisoning.value.triggered)
    )
    assert report.clean_label_accuracy <= 1 - report.poison_success_rate
    assert np.allclose(report.query_probabilities, tiny.queries.value.probabilities, atol=1e-6)
