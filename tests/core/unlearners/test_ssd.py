"""SSD shrinks the weights that the definition names, by the factor that it names."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.artifacts import Split
from core.networks import Standardise, restore
from core.training import Loader
from core.unlearners.ssd import SSD
from core.unlearners.steps.importance import dampened, importance
from core.unlearners.steps.loading import everything, recipe_for


@pytest.mark.parametrize(("strength", "expected"), [(1, [0.25, 1, 1 / 9]), (5, [1, 1, 5 / 9])])
def test_the_worked_example_of_the_definition(strength, expected):
    found = dampened(torch.ones(3), torch.tensor([4.0, 1, 9]), torch.ones(3), alpha=2, strength=strength)
    assert found.tolist() == pytest.approx(expected)


def test_a_weight_that_matters_to_nobody_stays_as_it_is():
    found = dampened(
        torch.tensor([2.0, -3, 5]), torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 1, 0]), alpha=1, strength=1
    )
    assert found.tolist() == [2, -3, 0]


@pytest.fixture
def plain(task):
    """A linear network, and batches of 16 images that are neither shifted nor flipped."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    recipe = recipe_for(task, shift=0.0, flip=False, batch_size=16)
    return network, Loader(task.dataset, Split(task.retain.images[:16], task.retain.labels[:16]), recipe)


def test_importance_is_the_square_of_the_mean_gradient_of_a_batch(task, plain):
    network, loader = plain
    x = Standardise(task.dataset)(torch.from_numpy(np.array(task.retain.images[:16]))).flatten(1)
    wrong = network(x).softmax(1) - F.one_hot(torch.from_numpy(task.retain.labels[:16]), 10)
    found = importance(network, loader, "fp32")
    assert torch.allclose(found["1.weight"], (wrong.T @ x / 16).square(), rtol=1e-3, atol=1e-9)
    assert torch.allclose(found["1.bias"], wrong.mean(0).square(), rtol=1e-3, atol=1e-9)


def test_smaller_batches_see_more_importance(task, plain):
    network, large = plain
    recipe = recipe_for(task, shift=0.0, flip=False, batch_size=2)
    split = Split(task.retain.images[:16], task.retain.labels[:16])
    small = importance(network, Loader(task.dataset, split, recipe), "fp32")
    for name, value in importance(network, large, "fp32").items():
        assert (small[name] >= value * 0.999).all() and small[name].sum() > 1.5 * value.sum()


def test_batch_normalisation_has_importance_and_is_not_trained(task):
    network = restore(task.model, task.victim.weights, task.dataset)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = importance(network, Loader(task.dataset, task.retain, recipe_for(task)), "bf16")
    assert {n for n, v in found.items() if v.sum() > 0} == {n for n, _ in network.named_parameters()}
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_every_pair_of_settings_is_tried_and_the_best_comes_first(task):
    method = SSD(alphas=(0.1, 10, 1e6), dampenings=(0.1, 1), batch_size=32)
    trials = method.unlearn(task).trials
    pairs = {(trial["settings"]["alpha"], trial["settings"]["dampening"]) for trial in trials}
    assert len(trials) == 6 and pairs == {(a, d) for a in (0.1, 10, 1e6) for d in (0.1, 1)}
    scores = [trial["score"] for trial in trials]
    assert scores == sorted(scores, reverse=True)
    assert trials[0]["deletion_change"] > 0.9


def test_the_published_grid_has_fifty_pairs():
    assert len(SSD().alphas) * len(SSD().dampenings) == 50 and SSD().batch_size == 512


def test_a_threshold_that_no_weight_passes_changes_nothing():
    weights, ones = torch.tensor([2.0, -3]), torch.ones(2)
    assert dampened(weights, 1e6 * ones, ones, alpha=1e6, strength=0.1).tolist() == [2, -3]
    assert dampened(weights, 1e6 * ones, ones, alpha=1e5, strength=0.1).tolist() == pytest.approx(
        [2e-7, -3e-7]
    )


def test_one_pair_of_settings_is_not_a_search_and_gives_curves_of_one_point(task):
    model = SSD(alphas=(10,), dampenings=(1,)).unlearn(task)
    assert model.trials == () and len(model.loss) == len(model.accuracy) == 1
    assert model.loss[0] == pytest.approx(model.train_loss) and 0 < model.accuracy[0] <= 1


def test_importance_may_be_compared_with_that_of_all_images(task):
    one, other = (
        SSD(alphas=(1,), dampenings=(1,), batch_size=32, compared_with=images).unlearn(task)
        for images in ("retained", "all")
    )
    assert len(everything(task).labels) == len(task.dataset.train)
    assert any(not np.array_equal(w, other.weights[name]) for name, w in one.weights.items())


def test_a_single_flagged_image_can_be_forgotten(task):
    lone = replace(task, forget=Split(task.forget.images[:1], task.forget.labels[:1]))
    assert np.isfinite(SSD(alphas=(1,), dampenings=(1,)).unlearn(lone).train_loss)


def test_forgetting_exactly_the_poisons_ends_the_attack_and_costs_accuracy(tiny, success_after):
    success, accuracy = success_after(SSD(batch_size=32))
    assert tiny.before.value.poison_success_rate > 0.8 and success < 0.2
    assert accuracy < tiny.before.value.test_accuracy
