"""The confidence of a flag is the share of resamples that repeat it."""

import numpy as np
import pytest

from core import calibration, collapse, confidence
from core.artifacts import LogitScores
from core.influence import relabel


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_change_that_never_fails_is_sure_and_one_that_fails_always_is_not():
    delta = np.array([[-1, 1, -1], [-1, 1, 1]], np.float32)
    assert confidence.of_count_rule(delta, 0.0, 0).tolist() == [1, 0, 0.25]
    assert confidence.of_count_rule(delta, 0.0, 1).tolist() == [1, 0, 0.75]


@pytest.mark.parametrize("tolerance", [0, 2])
def test_the_exact_share_is_what_resampling_the_copies_gives(draw, tolerance):
    delta = (draw.normal(size=(20, 30)) - 1.5).astype(np.float32)
    drawn = [collapse.flagged(delta[draw.integers(0, 20, 20)], 0.0, tolerance) for _ in range(2000)]
    assert np.abs(np.mean(drawn, axis=0) - confidence.of_count_rule(delta, 0.0, tolerance)).max() < 0.05


@pytest.mark.parametrize("q", [1, 4])
def test_the_share_for_the_contrast_is_what_resampling_gives(draw, q):
    picked, controls = draw.normal(size=(q, 40)) + 2, draw.normal(size=(12, 40))
    repeated = []
    for _ in range(500):
        some, others = picked[draw.integers(0, q, q)], controls[draw.integers(0, 12, 12)]
        repeated.append(calibration.contrast(some, others) > 1.5)
    ours = confidence.of_contrast(picked, controls, 1.5, resamples=500)
    assert np.abs(np.mean(repeated, axis=0) - ours).max() < 0.12


def test_clear_cases_are_sure_and_the_border_is_not(draw):
    controls = draw.normal(size=(24, 3))
    deviation, mean = controls.std(0, ddof=1), controls.mean(0)
    picked = (mean + np.array([20, 3, -5]) * deviation)[None]
    clear, border, never = confidence.of_contrast(picked, controls, 3.0)
    assert clear == 1 and 0.2 < border < 0.8 and never == 0


def test_the_fit_of_an_image_does_not_change_how_sure_its_flag_is(draw):
    picked, controls = draw.normal(size=(2, 9)) + 2, draw.normal(size=(12, 9))
    plain = confidence.of_contrast(picked, controls, 2.0)
    assert np.array_equal(confidence.of_contrast(picked * 1e-9, controls * 1e-9, 2.0), plain)
    assert np.array_equal(confidence.of_contrast(picked, controls, 2.0), plain)


@pytest.mark.parametrize("tolerance", [0, 3])
def test_the_exact_chance_over_labels_is_what_drawing_labels_gives(draw, tolerance):
    logits, values = draw.normal(size=(9, 4)), draw.normal(size=(9, 4, 25))
    values[0] -= np.eye(4)[1][:, None] * 6  # the picked image's own label has support to lose
    found = LogitScores(values.astype(np.float32), logits.astype(np.float32), label=1)
    drawn = []
    for _ in range(1500):
        labels = draw.choice([0, 2, 3], size=8)
        drawn.append(collapse.flagged(relabel.changes(found.values, found.logits, 1, labels), 0.0, tolerance))
    assert np.abs(np.mean(drawn, axis=0) - confidence.of_labels(found, 0.0, tolerance)).max() < 0.06
