"""An attacker whom nobody knows: nothing is altered, nothing is graded, and the odd image has to be named."""

import numpy as np
import pytest

from core import registry, truth
from core.engine import questions
from core.experiment import Experiment
from core.picks import Pick
from core.pipeline import plan
from core.recipe import Brought, Training
from core.store import Store

PICKED = {"source": "test", "row": 3}
UNKNOWN = {"attack": {"name": "unknown"}, "queries": PICKED, "detectors": [{"name": "contrast"}]}
UNKNOWN |= {"unlearn_after": ["contrast"]}


@pytest.fixture
def changed(tiny):
    """The tiny experiment with other sections in place of its own."""
    return lambda **sections: Experiment.checked(tiny.experiment.model_dump(mode="json") | UNKNOWN | sections)


@pytest.fixture
def own(changed, tmp_path):
    return plan(changed(), Store(tmp_path))


def test_the_training_set_stays_as_it_was_found(own):
    found, left = own.dataset.value, own.poisoned.value
    assert np.array_equal(found.train.images, left.train.images)
    assert np.array_equal(found.train.labels, left.train.labels)
    assert not len(own.poisoning.value.indices)


def test_nobody_knows_the_truth_and_nothing_is_graded(own):
    assert truth.of(own) is None
    with pytest.raises(ValueError, match="nobody knows"):
        truth.required(own)


def test_images_to_train_on_here_are_investigated_too(own):
    report = own.before.value
    assert (report.poison_success_rate, report.clean_label_accuracy) == (None, None)
    assert (report.manipulated_accuracy, report.utility) == (None, None)
    assert report.test_accuracy > 0.5
    assert len(own.controls.value)


def test_the_list_of_misread_images_is_empty(own):
    listed = questions.misread(own).value
    assert (len(listed), listed.n_affected) == (0, 0)


@pytest.mark.parametrize("queries", [{"count": 1}, {"source": "triggered", "row": 3}])
def test_the_odd_image_has_to_be_named(queries, changed):
    with pytest.raises(ValueError, match=r"attack=unknown: .* name the misbehaving one in \[queries\]"):
        changed(queries=queries)


def test_weights_from_elsewhere_did_not_learn_an_attack_of_ours(changed, tiny):
    attack = tiny.experiment.attack.model_dump(mode="json")
    with pytest.raises(ValueError, match="the weights were trained before it"):
        changed(attack=attack, training={"digest": "0" * 32})


def test_training_is_a_recipe_or_weights(changed):
    assert changed(training={}).training == Training()
    brought = changed(training={"digest": "0" * 32, "recipe": {"epochs": 3}})
    assert brought.training == Brought(digest="0" * 32, recipe=Training(epochs=3))
    assert brought.recipe == Training(epochs=3)
    assert Experiment.checked(brought.model_dump(mode="json")) == brought


@pytest.mark.parametrize("training", [{"digest": ""}, {"digest": "0" * 32, "file": "x"}, {"digest": "../x"}])
def test_weights_are_named_by_either_a_file_or_a_digest(training, changed):
    with pytest.raises(ValueError, match="digest"):
        changed(training=training)


@pytest.mark.parametrize("wrong", [{"mean": [0.5] * 3}, {"std": [1.0] * 3}, {"mean": [0.5], "std": [1.0]}])
def test_a_standardisation_is_three_means_with_three_deviations(wrong):
    with pytest.raises(ValueError, match="expected three numbers each"):
        registry.create("datasets", "digits", **wrong)


@pytest.mark.parametrize("std", [0, -1, float("nan"), float("inf")])
def test_a_deviation_is_above_zero_and_finite(std):
    with pytest.raises(ValueError, match="std"):
        registry.create("datasets", "digits", mean=[0.5] * 3, std=[std] * 3)


def test_a_given_standardisation_takes_the_place_of_the_datas_own(own, changed, tmp_path):
    given = {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}
    tree = changed().dataset.model_dump(mode="json")
    data = plan(changed(dataset=tree | given), Store(tmp_path)).dataset.value
    assert (data.mean, data.std) == ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert np.array_equal(data.train.images, own.dataset.value.train.images)


def test_settings_that_nobody_gave_leave_the_names_of_results_as_they_were(tiny):
    dataset = tiny.experiment.dataset.model_dump(mode="json")
    assert not {"mean", "std"} & dataset.keys()
    assert "file" not in Pick.parse("test-3").model_dump(mode="json")
