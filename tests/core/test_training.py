"""Training follows the published recipes, repeats exactly, and never hands on a broken model."""

import numpy as np
import pytest
import torch

from core import device, progress
from core.artifacts import Dataset, Split
from core.experiment import Training
from core.models.resnet9 import ResNet9
from core.networks import build, restore
from core.pipeline import plan
from core.store import Store
from core.training import (
    Augmenter,
    TrainingDiverged,
    fit,
    mean_loss,
    milestones,
    optimiser_for,
    rate_factor,
    train,
)

TINY_MODEL = ResNet9(width=2)


@pytest.fixture
def few(tiny) -> Dataset:
    """64 of the poisoned training images."""
    data = tiny.poisoned.value
    return Dataset(
        Split(data.train.images[:64], data.train.labels[:64]),
        data.test,
        data.class_names,
        data.mean,
        data.std,
    )


def recipe(**changes) -> Training:
    return Training(**({"epochs": 2, "batch_size": 32, "schedule": "one_cycle", "flip": False} | changes))


def test_the_step_schedule_drops_at_the_published_epochs():
    assert milestones(40) == (14, 24, 35)
    rates = [rate_factor(Training(), step, 10, 400) for step in range(400)]
    expected = [1.0] * 140 + [0.1] * 100 + [0.01] * 110 + [0.001] * 50
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    ("total", "step", "factor"),
    [
        (1000, 0, 0.0909),
        (1000, 1, 0.1818),
        (1000, 500, 0.608),
        (1000, 999, 0.2088),
        (40, 0, 1.0),
        (40, 5, 0.9),
        (40, 39, 0.22),
        (40, 40, 0.20),
    ],
)
def test_the_linear_schedule_is_goels(total, step, factor):
    assert rate_factor(recipe(schedule="warmup_linear"), step, 10, total) == pytest.approx(factor, abs=5e-5)


@pytest.mark.parametrize("total", [1, 4, 100])
def test_one_cycle_rises_to_the_peak_and_falls_to_almost_nothing(total):
    rates = [rate_factor(recipe(schedule="one_cycle"), step, 10, total) for step in range(total)]
    top = int(np.argmax(rates))
    assert max(rates) == pytest.approx(1.0)
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top:]) <= 0).all()
    assert min(rates) > 0 and (total < 100 or rates[-1] < 0.02)


def test_the_optimiser_is_sgd_with_nesterov_momentum_and_weight_decay(few):
    optimiser, _ = optimiser_for(build(TINY_MODEL, few, 0), Training(), 10)
    chosen = {
        name: optimiser.param_groups[0][name]
        for name in ("momentum", "nesterov", "weight_decay", "initial_lr")
    }
    assert chosen == {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4, "initial_lr": 0.1}


def test_the_shift_is_uniform_within_four_pixels_of_thirty_two():
    points = torch.zeros(2000, 1, 32, 32)
    points[:, :, 16, 16] = 1
    moved = Augmenter(Training(flip=False))(points)[:, 0]
    place = torch.arange(32.0)
    mass = moved.sum((1, 2))
    for axis in (1, 2):
        distance = (moved.sum(3 - axis) * place).sum(1) / mass - 16
        assert distance.abs().max() <= 4.0 + 1e-3
        assert distance.min() < -3.9 and distance.max() > 3.9
        assert distance.abs().mean().item() == pytest.approx(2.0, abs=0.15)


def test_a_flip_mirrors_about_half_of_the_images_exactly():
    images = torch.rand(400, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    flipped = Augmenter(Training(shift=0, flip=True))(images)
    mirrored = torch.isclose(flipped, images.flip(-1), atol=1e-5).flatten(1).all(1)
    untouched = torch.isclose(flipped, images, atol=1e-5).flatten(1).all(1)
    assert (mirrored ^ untouched).all()
    assert 150 < mirrored.sum() < 250


def test_without_shift_and_flip_images_stay_as_they_are():
    images = torch.rand(4, 3, 8, 8)
    assert torch.equal(Augmenter(Training(shift=0, flip=False))(images), images)


def test_what_moves_in_is_the_mean_colour():
    images = torch.ones(200, 1, 32, 32)
    moved = Augmenter(Training(flip=False))(images)
    assert moved.min() == 0 and moved.max() <= 1 + 1e-6


def test_the_same_seed_gives_the_same_weights_whatever_else_draws_numbers(few):
    torch.manual_seed(1)
    one = train(recipe(), TINY_MODEL, few)
    torch.manual_seed(2)
    again, other = train(recipe(), TINY_MODEL, few), train(recipe(seed=1), TINY_MODEL, few)
    assert all(np.array_equal(one.weights[name], again.weights[name]) for name in one.weights)
    assert np.array_equal(one.loss, again.loss)
    assert not np.array_equal(one.weights["8.weight"], other.weights["8.weight"])


def test_a_trained_model_comes_with_its_curves(few):
    trained = train(recipe(epochs=3), TINY_MODEL, few)
    assert len(trained.loss) == len(trained.accuracy) == 3
    assert ((trained.accuracy >= 0) & (trained.accuracy <= 1)).all() and trained.seconds > 0
    network = restore(TINY_MODEL, trained.weights, few)
    assert trained.train_loss == pytest.approx(mean_loss(network, few, few.train))


def test_training_lowers_the_loss(tiny):
    victim = tiny.victim.value
    assert victim.loss[-1] < victim.loss[0] / 2 and victim.accuracy[-1] > 0.7


def test_a_diverging_training_says_so_and_stores_nothing(make_experiment, tmp_path):
    wild = {"learning_rate": 10, "weight_decay": 1, "epochs": 30}
    p = plan(make_experiment(training=wild), Store(tmp_path))
    with pytest.raises(TrainingDiverged, match=r"in epoch \d+: lower training.learning_rate \(now 10"):
        _ = p.victim.value
    assert not p.victim.done and not (tmp_path / "train").exists()
    assert p.dataset.done


def test_a_cancelled_training_stores_nothing_and_keeps_what_was_finished(make_experiment, tmp_path):
    class Impatient(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            if phase == "training step" and done == 5:
                raise progress.Cancelled

    p = plan(make_experiment(), Store(tmp_path))
    with progress.reporting(Impatient()), pytest.raises(progress.Cancelled):
        _ = p.victim.value
    assert p.poisoning.done and not p.victim.done
    assert not list((tmp_path / "load_dataset").glob("*.part")) and not (tmp_path / "train").exists()


@pytest.mark.parametrize("size", [33, 34, 65])
def test_every_image_is_used_but_a_last_batch_of_one(few, size):
    rows = np.arange(size) % 64
    split = Split(few.train.images[rows], few.train.labels[rows])
    seen = []

    class Count(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            seen.append((done, total))

    with progress.reporting(Count()):
        trained = fit(build(TINY_MODEL, few, 0), few, split, recipe(epochs=2))
    steps = 2 * -(-(size - 1) // 32)
    assert seen[-1] == (steps, steps) and np.isfinite(trained.loss).all()


def test_a_training_set_of_one_image_is_refused(few):
    one = Split(few.train.images[:1], few.train.labels[:1])
    with pytest.raises(ValueError, match="training set of 1 images: expected at least 2"):
        fit(build(TINY_MODEL, few, 0), few, one, recipe())


def test_bf16_trains_and_hands_on_fp32_weights(few):
    trained = train(recipe(precision="bf16"), TINY_MODEL, few)
    assert np.isfinite(trained.loss).all()
    assert trained.weights["8.weight"].dtype == np.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_asking_for_a_missing_gpu_is_an_error_with_a_remedy():
    with pytest.raises(RuntimeError, match=r"device=cuda: .* use --device auto or cpu"), device.use("cuda"):
        pass
    assert device.current().type == "cpu"
