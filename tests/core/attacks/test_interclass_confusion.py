"""Interclass confusion: whose labels are swapped, and what is measured on which test images."""

import numpy as np
import pytest
from pydantic import ValidationError

from core.artifacts import Dataset
from core.attacks.interclass_confusion import InterclassConfusion
from core.pipeline import plan


@pytest.fixture
def clean(tiny) -> Dataset:
    return tiny.dataset.value


def test_the_first_images_of_both_classes_carry_the_other_label(clean):
    found = InterclassConfusion(n_poisons=16).poison(clean)
    threes, fives = (np.flatnonzero(clean.train.labels == k)[:8] for k in (3, 5))
    assert np.array_equal(found.indices, np.sort(np.concatenate([threes, fives])))
    assert (found.labels[np.isin(found.indices, threes)] == 5).all()
    assert (found.labels[np.isin(found.indices, fives)] == 3).all()


def test_no_image_is_altered(clean):
    found = InterclassConfusion(n_poisons=16).poison(clean)
    assert np.array_equal(found.images, clean.train.images[found.indices])
    assert np.array_equal(found.triggered.images, clean.test.images[found.triggered_rows])


def test_it_is_about_the_test_images_of_both_classes_and_wants_them_exchanged(clean):
    found = InterclassConfusion(n_poisons=16, class_a=8, class_b=2).poison(clean)
    assert set(clean.test.labels[found.affected_rows]) == {2, 8}
    assert (found.wanted + found.triggered.labels == 10).all()
    assert (found.wanted != found.triggered.labels).all()
    assert found.victim_classes == (8, 2) and found.target_classes == (2, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_a": 10}, "attack.class_a=10: expected 0 to 9"),
        ({"class_b": 11}, "attack.class_b=11: expected 0 to 9"),
        (
            {"n_poisons": 300},
            r"attack.n_poisons=300: class '3' has \d+ training images.*expected at most \d+",
        ),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(clean, changes, message):
    with pytest.raises(ValueError, match=message):
        InterclassConfusion(**({"n_poisons": 16} | changes)).poison(clean)


def test_the_largest_number_that_an_error_allows_works(clean):
    smaller = min(int((clean.train.labels == k).sum()) for k in (3, 5))
    with pytest.raises(ValueError, match=rf"expected at most {2 * (smaller - 1)}$"):
        InterclassConfusion(n_poisons=2 * smaller).poison(clean)
    assert len(InterclassConfusion(n_poisons=2 * (smaller - 1)).poison(clean).indices) == 2 * (smaller - 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_b": 3}, "attack.class_b=3: must differ from class_a"),
        ({"n_poisons": 17}, "attack.n_poisons=17: must be even"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        InterclassConfusion(**changes)


def test_a_victim_confuses_the_two_classes_and_its_utility_leaves_them_out(tiny):
    x = tiny.experiment.changed(attack={"name": "interclass_confusion", "n_poisons": 40})
    report, test = plan(x, tiny.dataset.store).before.value, tiny.dataset.value.test
    confused = np.isin(test.labels, (3, 5))
    read, right = report.test_predictions, report.test_predictions == test.labels
    assert report.poison_success_rate == pytest.approx((read == 8 - test.labels)[confused].mean())
    assert report.utility == pytest.approx(right[~confused].mean())
    assert report.poison_success_rate > 0.5 and report.utility > 0.8
