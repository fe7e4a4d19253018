"""What every attack promises, whether it alters images, labels, or both."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core import registry, stages
from core.artifacts import Dataset, Poisoning, Split
from core.registry import asked_for

ONE_TO_ONE = {"n_poisons": 20, "victim_class": 7, "target_class": 1}
FITTING = {
    "badnet": ONE_TO_ONE | {"value": 255},
    "badnet_any_class": {"n_poisons": 20, "target_class": 1},
    "interclass_confusion": {"n_poisons": 20},
    "smooth": ONE_TO_ONE | {"steps": 2},
    "witches_brew": ONE_TO_ONE | {"iterations": 2, "restarts": 1, "tries": 1},
}
"""Settings of each attack that fit the tiny dataset and are quick, where its defaults are not."""
ATTACKS = [name for name, method in registry.members("attacks").items() if method.known]
SEEDED = [name for name in ATTACKS if "seed" in registry.members("attacks")[name].model_fields]


def attack(name: str, **changes):
    return registry.create("attacks", name, **(FITTING.get(name, {}) | changes))


@pytest.fixture
def clean(tiny) -> Dataset:
    return tiny.dataset.value


@pytest.fixture(scope="module")
def carry_out(tiny) -> Callable[..., Poisoning]:
    """What an attack makes of a dataset when it is given what it asks for, as the pipeline does."""
    x, step = tiny.experiment, tiny.dataset.store.step

    @cache
    def surrogate():
        return step(stages.train, x.training.of_the_attacker(), x.model, tiny.dataset).value

    def carry_out(name: str, dataset: Dataset = tiny.dataset.value, **changes) -> Poisoning:
        method = attack(name, **changes)
        known = {"dataset": dataset, "model": x.model, "training": x.training, "surrogate": None}
        asked = asked_for(method.poison, known)
        return method.poison(*(surrogate() if k == "surrogate" else known[k] for k in asked))

    return carry_out


@pytest.fixture(scope="module")
def poisoned(carry_out) -> Callable[[str], Poisoning]:
    """What an attack makes of the tiny dataset, made once."""
    return cache(carry_out)


def altered_images(found: Poisoning, clean: Dataset) -> np.ndarray:
    return (found.images != clean.train.images[found.indices]).any(axis=(1, 2, 3))


def relabelled(found: Poisoning, clean: Dataset) -> np.ndarray:
    return found.labels != clean.train.labels[found.indices]


def has_trigger(found: Poisoning, clean: Dataset) -> np.ndarray:
    return (found.triggered.images != clean.test.images[found.triggered_rows]).any(axis=(1, 2, 3))


@pytest.mark.parametrize("name", ATTACKS)
def test_rows_are_valid_unique_and_ascending(clean, poisoned, name):
    found = poisoned(name)
    assert len(found.indices) == attack(name).n_poisons == 20
    assert (np.diff(found.indices) > 0).all()
    assert found.indices[0] >= 0 and found.indices[-1] < len(clean.train)


@pytest.mark.parametrize("name", ATTACKS)
def test_images_keep_their_shape_and_every_row_has_a_label(clean, poisoned, name):
    found, shape = poisoned(name), clean.train.images.shape[1:]
    assert found.images.shape == (len(found.indices), *shape) and found.images.dtype == np.uint8
    assert found.triggered.images.shape == (len(found.triggered_rows), *shape)
    assert found.triggered.images.dtype == np.uint8
    assert len(found.labels) == len(found.indices) and len(found.wanted) == len(found.triggered)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_poison_differs_in_its_image_or_its_label(clean, poisoned, name):
    found = poisoned(name)
    assert (altered_images(found, clean) | relabelled(found, clean)).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_poisons_carry_target_labels_and_relabelled_ones_come_from_victim_classes(clean, poisoned, name):
    found = poisoned(name)
    assert set(found.labels) == set(found.target_classes)
    changed = found.indices[relabelled(found, clean)]
    assert set(clean.train.labels[changed]) <= set(found.victim_classes)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_class_keeps_an_image_as_it_was(clean, poisoned, name):
    rest = np.delete(clean.train.labels, poisoned(name).indices)
    assert set(rest) == set(clean.train.labels)


@pytest.mark.parametrize("name", ATTACKS)
def test_shown_test_images_have_their_true_label_and_the_attacker_wants_another(clean, poisoned, name):
    found = poisoned(name)
    assert (np.diff(found.triggered_rows) > 0).all()
    assert np.array_equal(found.triggered.labels, clean.test.labels[found.triggered_rows])
    assert set(found.wanted) <= set(found.target_classes)
    misread = found.wanted != found.triggered.labels
    assert set(found.triggered.labels[misread]) == set(found.victim_classes)


@pytest.mark.parametrize("name", ATTACKS)
def test_affected_rows_are_the_shown_images_that_carry_no_trigger(clean, poisoned, name):
    found = poisoned(name)
    assert np.array_equal(found.affected_rows, found.triggered_rows[~has_trigger(found, clean)])


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_that_relabels_is_about_every_test_image_of_its_victim_classes(clean, poisoned, name):
    found = poisoned(name)
    if not relabelled(found, clean).any():
        pytest.skip("changes no label: it is about chosen test images")
    wronged = found.triggered_rows[found.wanted != found.triggered.labels]
    assert np.array_equal(wronged, np.flatnonzero(np.isin(clean.test.labels, found.victim_classes)))


@pytest.mark.parametrize("name", ATTACKS)
def test_a_trigger_is_on_every_poison_and_on_every_shown_image(clean, poisoned, name):
    found = poisoned(name)
    if not has_trigger(found, clean).any():
        pytest.skip("has no trigger")
    assert altered_images(found, clean).all() and has_trigger(found, clean).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_the_clean_images_stay_as_they_were(clean, carry_out, name):
    train, test = (Split(np.array(s.images), np.array(s.labels)) for s in (clean.train, clean.test))
    carry_out(name, replace(clean, train=train, test=test))
    for now, before in ((train, clean.train), (test, clean.test)):
        assert np.array_equal(now.images, before.images) and np.array_equal(now.labels, before.labels)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_settings_give_the_same_poisons(carry_out, poisoned, name):
    one, again = poisoned(name), carry_out(name)
    assert np.array_equal(one.indices, again.indices) and np.array_equal(one.images, again.images)
    assert np.array_equal(one.labels, again.labels)
    assert np.array_equal(one.triggered.images, again.triggered.images)


@pytest.mark.parametrize("name", SEEDED)
def test_another_seed_gives_other_rows(carry_out, poisoned, name):
    assert not np.array_equal(poisoned(name).indices, carry_out(name, seed=4).indices)


@pytest.mark.parametrize("name", ATTACKS)
def test_more_poisons_than_there_are_images_are_refused(carry_out, name):
    with pytest.raises(ValueError, match=r"attack.n_poisons=302: .*\d+ training images"):
        carry_out(name, n_poisons=302)


def test_the_poisoned_training_set_differs_in_the_poisons_only(tiny):
    clean, changed, rows = tiny.dataset.value.train, tiny.poisoned.value.train, tiny.poisoning.value.indices
    others = np.delete(np.arange(len(clean)), rows)
    assert np.array_equal(changed.images[others], clean.images[others])
    assert np.array_equal(changed.labels[others], clean.labels[others])
    assert np.array_equal(changed.images[rows], tiny.poisoning.value.images)
    assert (changed.labels[rows] == 1).all()
    assert np.array_equal(tiny.poisoned.value.test.images, tiny.dataset.value.test.images)
