"""The contrast with controls, and the cut-off that needs no ground truth, on numbers made by hand."""

import numpy as np
import pytest

from core import calibration


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_contrast_counts_deviations_over_the_controls():
    controls = np.array([[1.0, 0], [2, 0], [3, 0]])
    assert calibration.contrast(np.array([[5.0, 1]]), controls).tolist() == [3, 0]
    assert calibration.contrast(np.array([[4.0, 1], [8, 1]]), controls).tolist() == [4, 0]


def test_how_badly_an_image_is_fitted_does_not_matter(draw):
    picked, controls, p_wrong = (
        draw.normal(size=(2, 50)),
        draw.normal(size=(9, 50)),
        10 ** draw.uniform(-9, 0, 50),
    )
    plain = calibration.contrast(picked, controls)
    assert np.allclose(calibration.contrast(picked * p_wrong, controls * p_wrong), plain)


def test_a_control_that_stands_in_is_not_compared_with_itself(draw):
    controls = draw.normal(size=(7, 5))
    null = calibration.left_out(controls, 1)
    others = np.delete(controls, 3, axis=0)
    assert null.shape == (7, 5)
    assert np.allclose(null[3], calibration.contrast(controls[3:4], others))


def test_several_controls_stand_in_for_several_picked_images(draw):
    controls = draw.normal(size=(7, 5))
    null = calibration.left_out(controls, 3)
    assert np.allclose(null[5], calibration.contrast(controls[[5, 6, 0]], controls[[1, 2, 3, 4]]))


@pytest.mark.parametrize(("m", "size"), [(3, 1), (6, 4), (6, 0)])
def test_too_few_controls_are_refused_by_number(m, size):
    with pytest.raises(ValueError, match=f"{m} control images: expected at least"):
        calibration.left_out(np.zeros((m, 2)), size)


def test_a_p_value_is_never_zero_and_counts_ties():
    null = np.array([[0.0, 1], [2, 3]])
    assert calibration.p_values(np.array([9.0, 3, 2.5, -1]), null).tolist() == [0.2, 0.4, 0.4, 1]


def test_benjamini_and_hochberg_reject_up_to_the_last_p_value_below_the_line():
    p = np.array([0.01, 0.9, 0.04, 0.03, 0.5])
    assert (p <= calibration.largest_rejected(p, 0.1)).tolist() == [True, False, True, True, False]
    assert calibration.largest_rejected(p, 0.1) == 0.04
    assert not (p <= calibration.largest_rejected(p, 0.01)).any()


@pytest.mark.parametrize("p", [0.2, 0.4, 0.41, 0.6, 0.8])
def test_the_level_is_what_a_statistic_has_to_exceed_for_a_p_value(p):
    null, statistic = np.array([[0.0, 1], [2, 3]]), np.linspace(-1, 4, 51)
    reached = calibration.p_values(statistic, null) <= p
    assert np.array_equal(statistic > calibration.level(null, p), reached)


def test_without_any_attack_next_to_nothing_is_flagged(draw):
    false = []
    for _ in range(40):
        scores = draw.standard_t(4, size=(25, 200)) * 10 ** draw.uniform(-6, 0, 200)
        p = calibration.p_values(
            calibration.contrast(scores[:1], scores[1:]), calibration.left_out(scores[1:], 1)
        )
        false.append((p <= calibration.largest_rejected(p, 0.1)).any())
    assert np.mean(false) <= 0.2


def test_images_that_the_controls_do_not_explain_are_found_at_the_stated_rate(draw):
    scores = draw.normal(size=(25, 400)) * 10 ** draw.uniform(-6, 0, 400)
    scores[0, :100] += 12 * scores[1:, :100].std(0)
    p = calibration.p_values(
        calibration.contrast(scores[:1], scores[1:]), calibration.left_out(scores[1:], 1)
    )
    found = p <= calibration.largest_rejected(p, 0.1)
    assert found[:100].mean() > 0.95 and found[100:].sum() <= 0.2 * found.sum()
