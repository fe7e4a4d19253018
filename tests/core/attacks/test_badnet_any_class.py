"""Goel et al.'s patch attack: which images it takes, and where its square is."""

from dataclasses import replace

import numpy as np
import pytest

from core.artifacts import Dataset, Split
from core.attacks.badnet_any_class import BadNetAnyClass


@pytest.fixture
def clean(tiny) -> Dataset:
    return tiny.dataset.value


def test_by_default_the_square_is_white_and_touches_the_bottom_right_corner():
    stamped = BadNetAnyClass().stamp(np.zeros((2, 3, 32, 32), np.uint8))
    assert (stamped[:, :, 29:, 29:] == 255).all()
    assert (stamped == 255).sum() == 2 * 3 * 9


def test_the_published_grey_value_is_white_in_eight_bits():
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    published = ((1 - mean) / std).max()  # of the standardised training set, the same for all channels
    assert published == pytest.approx(2.1265, abs=1e-3)
    assert (np.rint((published * std + mean).clip(0, 1) * 255) == BadNetAnyClass().value).all()


def test_poisons_come_from_every_class_the_target_class_included(clean):
    found = BadNetAnyClass(n_poisons=200, target_class=1).poison(clean)
    assert set(clean.train.labels[found.indices]) == set(range(10))
    assert (found.labels == 1).all()
    assert found.victim_classes == (0, 2, 3, 4, 5, 6, 7, 8, 9) and found.target_classes == (1,)


def test_the_square_is_shown_on_every_test_image(clean):
    found = BadNetAnyClass(n_poisons=20, size=5, value=0).poison(clean)
    assert np.array_equal(found.triggered_rows, np.arange(len(clean.test)))
    assert np.array_equal(found.triggered.labels, clean.test.labels)
    assert (found.triggered.images[:, :, 27:, 27:] == 0).all() and (found.wanted == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_class": 10}, "attack.target_class=10: expected 0 to 9"),
        ({"n_poisons": 300}, "attack.n_poisons=300: there are 300 training images"),
        (
            {"n_poisons": 299},
            r"attack.n_poisons=299: class '\d' has \d+ training images, one of which must stay",
        ),
        ({"size": 33}, "attack.size=33 with margin 0: the images are 32 pixels"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(clean, changes, message):
    with pytest.raises(ValueError, match=message):
        BadNetAnyClass(**({"n_poisons": 20} | changes)).poison(clean)


def test_a_class_that_had_no_training_images_is_not_missed(clean):
    rows = clean.train.labels != 4
    without = replace(clean, train=Split(clean.train.images[rows], clean.train.labels[rows]))
    assert len(BadNetAnyClass(n_poisons=20).poison(without).indices) == 20
