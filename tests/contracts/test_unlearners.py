"""What every unlearner promises: it forgets what was flagged, and is never told the truth."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from core import registry, stages
from core.artifacts import Detection, Split
from core.experiment import Training
from core.models.resnet9 import ResNet9
from core.networks import build
from core.pipeline import plan
from core.randomness import seed_for
from core.training import fit
from core.unlearners.base import Task
from core.unlearning import unlearn

UNLEARNERS = list(registry.members("unlearners"))
MODEL = ResNet9(width=2)
RECIPE = Training(epochs=2, batch_size=32, schedule="one_cycle", flip=False)
QUICK = {
    "catastrophic_forgetting": {"epochs": 1},
    "ssd": {"alphas": (1, 10), "dampenings": (1,), "batch_size": 32},
    "scrub": {"epochs": 1, "alphas": (0.1,), "batch_size": 64},
    "bad_teacher": {"epochs": 1, "batch_size": 64},
}
"""Settings that keep an unlearner quick."""


@pytest.fixture(scope="module")
def victim(tiny):
    data = tiny.poisoned.value
    return fit(build(MODEL, data, 0), data, data.train, RECIPE)


@pytest.fixture
def forget(tiny, victim):
    """The model that an unlearner makes when some training images are flagged."""

    def forget(name: str, rows: np.ndarray, data=tiny.poisoned.value):
        flagged = np.isin(np.arange(len(data.train)), rows)
        found = Detection(flagged.astype(np.float32), flagged)
        method = registry.create("unlearners", name, **QUICK.get(name, {}))
        return unlearn(method, RECIPE, MODEL, victim, data, found)

    return forget


ROWS = np.arange(0, 40)


def equal(one, other) -> bool:
    return all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


@pytest.mark.parametrize("name", UNLEARNERS)
def test_the_result_is_a_model_like_the_victim(victim, forget, name):
    cleaned = forget(name, ROWS)
    assert {n: w.shape for n, w in cleaned.weights.items()} == {n: w.shape for n, w in victim.weights.items()}
    assert all(np.isfinite(w).all() for w in cleaned.weights.values())
    assert cleaned.seconds > 0 and not equal(cleaned, victim)


@pytest.mark.parametrize("name", UNLEARNERS)
def test_the_same_flags_give_the_same_model(forget, name):
    assert equal(forget(name, ROWS), forget(name, ROWS))


@pytest.mark.parametrize("name", UNLEARNERS)
def test_with_nothing_flagged_the_victim_comes_back(victim, forget, name):
    assert forget(name, np.array([], np.int64)) is victim


@pytest.mark.parametrize("name", UNLEARNERS)
def test_flags_that_empty_a_class_are_refused_by_name(tiny, forget, name):
    sixes = np.flatnonzero(tiny.poisoned.value.train.labels == 6)
    with pytest.raises(
        ValueError, match=rf"{len(sixes)} of 300 images .* empties \['6'\]: lower the tolerance"
    ):
        forget(name, sixes)


@pytest.mark.parametrize("name", UNLEARNERS)
def test_everything_flagged_is_refused(forget, name):
    with pytest.raises(ValueError, match="300 of 300 images are flagged, which empties"):
        forget(name, np.arange(300))


@pytest.mark.parametrize("name", UNLEARNERS)
def test_an_unlearner_is_never_given_the_truth(tiny, name):
    assert {f.name for f in fields(Task)} == {"recipe", "model", "victim", "dataset", "retain", "forget"}
    x = tiny.experiment.model_copy(update={"unlearners": (registry.create("unlearners", name),)})
    inputs = plan(x, tiny.dataset.store).cleaned[f"delta_influence/{name}"].inputs
    assert {a.stage for a in inputs} == {stages.train, stages.poison, stages.detect}


@pytest.mark.parametrize("name", UNLEARNERS)
def test_default_settings_are_written_as_they_are_read_back(name):
    written = registry.create("unlearners", name).model_dump_json()
    assert registry.create("unlearners", **json.loads(written)).model_dump_json() == written


@pytest.mark.parametrize("name", UNLEARNERS)
def test_a_forecast_can_tell_its_passes_over_the_images(name):
    default, quick = (
        registry.create("unlearners", name),
        registry.create("unlearners", name, **QUICK.get(name, {})),
    )
    assert 0 < quick.passes(5) <= default.passes(5) <= 8 * 10 * 2


@pytest.mark.parametrize("name", ["exact", "catastrophic_forgetting"])
def test_forgotten_images_are_not_looked_at(tiny, forget, name):
    data = tiny.poisoned.value
    images = np.array(data.train.images)
    images[ROWS] = np.random.default_rng(0).integers(0, 256, images[ROWS].shape, np.uint8)
    noisy = replace(data, train=Split(images, data.train.labels))
    assert equal(forget(name, ROWS), forget(name, ROWS, noisy))
    assert not equal(forget(name, ROWS), forget(name, ROWS + 1))


def test_exact_unlearning_is_training_on_what_is_left(tiny, forget):
    data = tiny.poisoned.value
    rest = Split(data.train.images[40:], data.train.labels[40:])
    fresh = build(MODEL, data, seed_for(RECIPE.seed, "fresh weights"))
    assert equal(forget("exact", ROWS), fit(fresh, data, rest, RECIPE))


def test_catastrophic_forgetting_starts_from_the_victim(tiny, victim, forget):
    near, far = forget("catastrophic_forgetting", ROWS), forget("exact", ROWS)

    def distance(model):
        return sum(
            float(((model.weights[n] - w) ** 2).sum()) for n, w in victim.weights.items() if "weight" in n
        )

    assert distance(near) < distance(far) / 10


def test_unlearning_the_flagged_images_ends_the_attack_on_the_tiny_case(tiny):
    before, after = tiny.before.value, tiny.after["delta_influence/exact"].value
    assert before.poison_success_rate > 0.8
    assert after.poison_success_rate < 0.2
