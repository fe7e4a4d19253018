"""Where exactly BadNet puts its patch, and which settings it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from core.artifacts import Dataset, Split
from core.attacks.badnet import BadNet


@pytest.fixture
def clean(tiny) -> Dataset:
    return tiny.dataset.value


def fitting(**changes) -> BadNet:
    return BadNet(**({"n_poisons": 20, "victim_class": 7, "target_class": 1, "value": 255} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"victim_class": 10}, "attack.victim_class=10: expected 0 to 9"),
        ({"target_class": 12}, "attack.target_class=12: expected 0 to 9"),
        ({"target_class": 7}, "attack.target_class=7: must differ"),
        ({"n_poisons": 301}, r"attack.n_poisons=301: class '7' has \d+ training images"),
        (
            {"patch": "square", "size": 32, "margin": 1},
            "attack.size=32 with margin 1: the images are 32 pixels",
        ),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(clean, changes, message):
    with pytest.raises(ValueError, match=message):
        fitting(**changes).poison(clean)


def test_one_image_of_the_victim_class_has_to_stay_as_it_is(clean):
    available = int((clean.train.labels == 7).sum())
    message = rf"attack.n_poisons={available}: class '7' has {available} .*expected at most {available - 1}$"
    with pytest.raises(ValueError, match=message):
        fitting(n_poisons=available).poison(clean)
    assert len(fitting(n_poisons=available - 1).poison(clean).indices) == available - 1


def test_a_victim_class_without_test_images_is_refused(clean):
    rows = clean.test.labels != 7
    without = replace(clean, test=Split(clean.test.images[rows], clean.test.labels[rows]))
    with pytest.raises(ValueError, match=r"attack.victim_class=7: no test image"):
        fitting().poison(without)


@pytest.mark.parametrize("changes", [{"n_poisons": 0}, {"value": 256}, {"corner": "middle"}, {"seed": -1}])
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        BadNet(**changes)


def touched(**settings) -> set[tuple[int, int]]:
    """(row, column) of each pixel that is 0 in all channels after stamping a white image."""
    white = np.full((1, 3, 32, 32), 255, np.uint8)
    stamped = BadNet(**settings).stamp(white)[0]
    assert set(np.unique(stamped)) == {0, 255}
    assert ((stamped == 0).any(0) == (stamped == 0).all(0)).all()
    return set(map(tuple, np.argwhere(stamped[0] == 0).tolist()))


def test_the_published_patch_is_four_black_pixels_at_the_bottom_right():
    assert touched() == {(28, 30), (30, 30), (29, 29), (30, 28)}


@pytest.mark.parametrize(
    ("corner", "expected"),
    [
        ("bottom-left", {(28, 1), (30, 1), (29, 2), (30, 3)}),
        ("top-right", {(3, 30), (1, 30), (2, 29), (1, 28)}),
        ("top-left", {(3, 1), (1, 1), (2, 2), (1, 3)}),
    ],
)
def test_in_other_corners_the_patch_is_mirrored(corner, expected):
    assert touched(corner=corner) == expected


def test_a_square_keeps_its_margin_to_both_edges():
    pixels = touched(patch="square", size=4, margin=2, corner="top-right")
    assert pixels == {(row, column) for row in range(2, 6) for column in range(26, 30)}
    assert (31, 31) in touched(patch="square", size=1, margin=0)


def test_the_patch_has_the_chosen_grey_value():
    black = np.zeros((1, 3, 32, 32), np.uint8)
    stamped = BadNet(value=200).stamp(black)
    assert (stamped == 200).sum() == 4 * 3 and (stamped != 0).sum() == 12


def test_stamping_leaves_the_given_images_alone():
    black = np.zeros((2, 3, 32, 32), np.uint8)
    assert BadNet(value=200).stamp(black).any()
    assert not black.any()
