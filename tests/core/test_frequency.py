"""The classifier of spectra: an exact transform, the published network, and a training that separates."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from core import progress
from core.artifacts import Dataset, Split, TrainedModel
from core.experiment import FrequencySettings
from core.frequency import Spectrum, _build, dct_basis, manipulation_odds, train_frequency_classifier
from core.synthetic_attacks import MAKERS

QUICK = FrequencySettings(epochs=6, width=4, learning_rate=1.0, batch_size=32)


@pytest.fixture(scope="module")
def digits(tiny) -> Dataset:
    """The clean digits: 300 to train on, 120 to test on."""
    return tiny.dataset.value


@pytest.fixture(scope="module")
def classifier(digits) -> TrainedModel:
    return train_frequency_classifier(QUICK, digits)


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize("n", [1, 8, 33, 160])
def test_the_basis_is_orthonormal(n):
    basis = dct_basis(n)
    assert torch.allclose(basis @ basis.T, torch.eye(n, dtype=torch.float64), atol=1e-12)


def test_the_transform_is_the_orthonormal_dct_of_each_channel():
    images = random_images(5, 3, 16, 24)
    found = Spectrum((3, 16, 24)).coefficients(torch.from_numpy(images)).numpy()
    assert found == pytest.approx(dctn(images.astype(float), type=2, norm="ortho", axes=(2, 3)), abs=1e-9)
    assert (found**2).sum() == pytest.approx((images.astype(float) ** 2).sum())


def test_coefficients_are_standardised_by_the_clean_images():
    images = random_images(300, 3, 8, 8)
    spectrum = Spectrum((3, 8, 8))
    spectrum.measure(images)
    standard = spectrum(torch.from_numpy(images))
    assert standard.mean(0).abs().max() < 1e-4 and (standard.std(0, correction=0) - 1).abs().max() < 1e-4


def test_a_coefficient_that_hardly_varies_is_not_blown_up():
    spectrum = Spectrum((3, 8, 8))
    spectrum.measure(np.full((4, 3, 8, 8), 200, np.uint8))
    assert (spectrum.scale == 1).all() and torch.isfinite(spectrum(torch.zeros(1, 3, 8, 8))).all()


def test_the_network_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in _build((3, 32, 32), 32, seed=0).parameters()) == 292_002


def test_it_tells_synthetic_attacks_on_unseen_images_from_the_images_themselves(classifier, digits):
    unseen, random = np.array(digits.train.images), np.random.default_rng(5)
    clean = manipulation_odds(classifier, unseen) < 0
    caught = [
        manipulation_odds(classifier, make(unseen, digits.test.images, random)) >= 0
        for make in MAKERS.values()
    ]
    assert clean.mean() > 0.95 and np.mean(caught) > 0.9


def test_the_curves_belong_to_a_training_that_worked(classifier):
    assert len(classifier.loss) == len(classifier.accuracy) == 6
    assert classifier.loss[-1] < classifier.loss[0] / 2 and classifier.accuracy[-1] > 0.95
    assert classifier.train_loss == pytest.approx(classifier.loss[-1]) and classifier.seconds > 0


def test_the_same_seed_gives_the_same_classifier_whatever_else_draws_numbers(digits):
    short = QUICK.model_copy(update={"epochs": 1})
    torch.manual_seed(1)
    one = train_frequency_classifier(short, digits)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    again = train_frequency_classifier(short, digits)
    other = train_frequency_classifier(short.model_copy(update={"seed": 1}), digits)
    assert all(np.array_equal(one.weights[name], again.weights[name]) for name in one.weights)
    assert not np.array_equal(one.weights["1.weight"], other.weights["1.weight"])
    assert torch.equal(state, torch.Generator().manual_seed(1).get_state())


def test_training_images_and_labels_are_never_read(digits):
    short = QUICK.model_copy(update={"epochs": 1})
    unreadable = dataclasses.replace(digits, train=Split(digits.train.images[:0], digits.train.labels[:0]))
    one, other = train_frequency_classifier(short, digits), train_frequency_classifier(short, unreadable)
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_every_step_is_reported_and_can_be_the_last(digits):
    steps = []

    class Impatient(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            steps.append((done, total))
            if done == 5:
                raise progress.Cancelled

    settings = FrequencySettings(rounds=2, epochs=3, width=1, max_images=20, batch_size=10)
    with progress.reporting(Impatient()), pytest.raises(progress.Cancelled):
        train_frequency_classifier(settings, digits)
    assert steps == [(done, 24) for done in range(1, 6)]


def test_a_new_round_brings_new_attacks(digits):
    settings = FrequencySettings(rounds=1, epochs=2, width=1, max_images=20, batch_size=64)
    same = train_frequency_classifier(settings, digits)
    renewed = train_frequency_classifier(settings.model_copy(update={"rounds": 2, "epochs": 1}), digits)
    assert same.loss[0] == renewed.loss[0] and same.loss[1] != renewed.loss[1]


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 8, 9)])
def test_any_image_size_of_eight_pixels_or_more_will_do(shape):
    split = Split(random_images(6, *shape), np.zeros(6, np.int64))
    data = Dataset(split, split, ("one", "two"), (0.5,), (0.5,))
    trained = train_frequency_classifier(FrequencySettings(epochs=1, width=1, batch_size=4), data)
    odds = manipulation_odds(trained, split.images)
    assert odds.shape == (6,) and odds.dtype == np.float32 and np.isfinite(odds).all()


def test_images_that_are_too_small_are_refused(digits):
    split = Split(random_images(6, 3, 7, 9), np.zeros(6, np.int64))
    with pytest.raises(ValueError, match="images of 3×7×9: the frequency detector needs at least 8×8 pixels"):
        train_frequency_classifier(QUICK, dataclasses.replace(digits, train=split, test=split))


def test_images_of_another_size_than_trained_on_are_refused(classifier):
    with pytest.raises(
        ValueError, match="images of 3×16×16: the frequency classifier was trained on 3×32×32"
    ):
        manipulation_odds(classifier, random_images(2, 3, 16, 16))


def test_no_images_have_no_odds(classifier):
    assert manipulation_odds(classifier, random_images(0, 3, 32, 32)).shape == (0,)
