"""The frequency detector judges by the image alone, and its threshold is a probability."""

import dataclasses

import numpy as np
import pytest

from core import metrics
from core import truth as truths
from core.artifacts import Split
from core.detectors.frequency_detector import FrequencyDetector
from core.frequency import manipulation_odds


def test_a_white_square_on_a_digit_is_found_without_victim_or_labels(tiny):
    verdict = FrequencyDetector().detect(tiny.evidence["frequency"].value, tiny.poisoned.value)
    graded = metrics.grade(verdict.flagged, truths.required(tiny).poisoned)
    assert graded["true_positive_rate"] > 0.9 and graded["precision"] > 0.9


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_the_threshold_is_a_probability(tiny, threshold):
    classifier, training_set = tiny.evidence["frequency"].value, tiny.poisoned.value
    odds = manipulation_odds(classifier, training_set.train.images).astype(np.float64)
    verdict = FrequencyDetector(threshold=threshold).detect(classifier, training_set)
    assert np.array_equal(verdict.flagged, 1 / (1 + np.exp(-odds)) >= threshold)


def test_labels_play_no_part(tiny):
    classifier, training_set = tiny.evidence["frequency"].value, tiny.poisoned.value
    relabelled = Split(training_set.train.images, training_set.train.labels[::-1].copy())
    verdict = FrequencyDetector().detect(classifier, training_set)
    other = FrequencyDetector().detect(classifier, dataclasses.replace(training_set, train=relabelled))
    assert np.array_equal(verdict.suspicion, other.suspicion)


def test_training_images_of_another_size_are_refused(tiny):
    small = Split(np.zeros((4, 3, 16, 16), np.uint8), np.zeros(4, np.int64))
    with pytest.raises(
        ValueError, match="images of 3×16×16: the frequency classifier was trained on 3×32×32"
    ):
        FrequencyDetector().detect(
            tiny.evidence["frequency"].value, dataclasses.replace(tiny.poisoned.value, train=small)
        )
