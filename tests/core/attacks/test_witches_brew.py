"""Witches' Brew: its bounds, whom it takes, what it aims at, and that brewing does what it is for."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from core import progress, registry, stages
from core.artifacts import Split
from core.attacks.making.brewing import Brewer, rate_factor, target_rows
from core.attacks.making.frozen import FrozenNetwork
from core.attacks.witches_brew import WitchesBrew
from core.models.resnet9 import ResNet9
from core.networks import probabilities, restore
from core.poisoning import poison
from core.training import train

SMALL = {"n_poisons": 12, "victim_class": 7, "target_class": 1, "iterations": 4, "restarts": 1, "tries": 1}


class Phases(progress.Silence):
    """Notes which phases ran, and stops the work at a given step of brewing."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at, self.seen = stop_at, []

    def update(self, phase: str, done: int, total: int | None) -> None:
        if phase not in self.seen:
            self.seen.append(phase)
        if phase.startswith("brewing step") and done == self.stop_at:
            raise progress.Cancelled


@pytest.fixture(scope="module")
def clean(tiny):
    return tiny.dataset.value


@pytest.fixture(scope="module")
def surrogate(tiny):
    x = tiny.experiment
    return tiny.dataset.store.step(stages.train, x.training.of_the_attacker(), x.model, tiny.dataset).value


@pytest.fixture(scope="module")
def brewed(tiny, clean, surrogate):
    """The attack on the tiny digits, with some settings changed."""

    def carry_out(dataset=clean, **changes):
        attack = WitchesBrew(**(SMALL | changes))
        return attack.poison(dataset, tiny.experiment.model, tiny.experiment.training, surrogate)

    return carry_out


@pytest.fixture(scope="module")
def brewer(tiny, clean, surrogate):
    """Someone who brews, with some settings changed."""
    network = restore(tiny.experiment.model, surrogate.weights, clean)

    def hire(**changes):
        return Brewer(WitchesBrew(**(SMALL | changes)), clean, tiny.experiment.training, network)

    return hire


@pytest.mark.parametrize("eps", [1, 16, 255])
def test_stored_images_differ_from_the_originals_by_eps_at_most_and_reach_it(clean, brewed, eps):
    found = brewed(eps=eps)
    change = found.images.astype(int) - clean.train.images[found.indices]
    assert np.abs(change).max() == eps
    assert found.images.dtype == np.uint8 and len(found.images) == 12


def test_labels_stay_and_all_poisons_come_from_the_intended_class(clean, brewed):
    found = brewed()
    assert (clean.train.labels[found.indices] == 1).all() and len(set(found.indices)) == 12
    assert np.array_equal(found.labels, clean.train.labels[found.indices])
    assert (found.victim_classes, found.target_classes) == ((7,), (1,))


def test_the_target_is_a_test_image_shown_as_it_is_that_the_surrogate_reads_correctly(
    tiny, clean, surrogate, brewed
):
    found = brewed()
    (row,) = found.triggered_rows
    network = restore(tiny.experiment.model, surrogate.weights, clean)
    assert clean.test.labels[row] == found.triggered.labels[0] == 7
    assert np.array_equal(found.triggered.images[0], clean.test.images[row])
    assert probabilities(network, found.triggered.images, clean).argmax() == 7
    assert found.wanted.tolist() == [1] and found.affected_rows.tolist() == [row]


def test_images_that_the_surrogate_misreads_are_never_targets(tiny, clean, surrogate):
    network = restore(tiny.experiment.model, surrogate.weights, clean)
    odd = np.flatnonzero(clean.test.labels == 7)[:3]
    labels = np.array(clean.test.labels)
    labels[clean.test.labels == 4] = 7  # fours that are called seven are misread, by this truth
    relabelled = replace(clean, test=Split(clean.test.images, labels))
    rows = target_rows(WitchesBrew(**(SMALL | {"tries": 64})), relabelled, network)
    assert len(rows) >= len(odd) and (clean.test.labels[rows] == 7).all()


def test_brewing_turns_the_gradients_towards_each_other(brewer):
    losses = brewer(iterations=20, eps=32).brew(3).losses
    assert len(losses) == 20 and losses[-5:].mean() < losses[:3].mean() - 0.1


def test_each_batch_of_poisons_is_turned_by_itself(brewer):
    losses = brewer(iterations=20, eps=32, batch_size=6).brew(3).losses
    assert losses[-5:].mean() < losses[:3].mean() - 0.05


def test_of_several_restarts_the_one_that_ends_best_is_kept(brewer):
    one, four = brewer(restarts=1).brew(3), brewer(restarts=4).brew(3)
    assert four.losses[-1] < one.losses[-1]


def test_the_seed_alone_decides(brewed):
    one, again, other = (brewed(seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.images, again.images) and one.notes == again.notes
    assert not np.array_equal(one.indices, other.indices)


def test_with_one_try_no_victim_is_trained(brewed):
    with progress.reporting(phases := Phases()):
        brewed(tries=1)
    assert phases.seen == ["brewing step (target image 1 of 1, restart 1 of 1)"]


def test_when_no_victim_is_fooled_the_nearest_target_is_kept_and_every_try_is_told(brewed):
    found = brewed(tries=2, eps=1, iterations=1)
    told = [re.search(r"image (\d+): .* by the victim (.*): not fooled", note) for note in found.notes]
    rows, chances = zip(*((int(t[1]), float(t[2])) for t in told), strict=True)
    assert len(set(rows)) == 2
    assert found.triggered_rows[0] in {r for r, c in zip(rows, chances, strict=True) if c == max(chances)}


def test_a_fooled_victim_ends_the_search_and_so_is_the_one_that_the_pipeline_trains(tiny, clean, brewed):
    found = brewed(tries=9, victim_class=4, target_class=9, n_poisons=25, eps=64, iterations=30)
    assert found.notes[-1].endswith(": fooled") and len(found.notes) < 9
    victim = train(tiny.experiment.training, tiny.experiment.model, poison(clean, found))
    network = restore(tiny.experiment.model, victim.weights, clean)
    assert probabilities(network, found.triggered.images, clean).argmax() == 9


def test_brewing_stops_when_the_user_asks(brewed):
    with progress.reporting(Phases(stop_at=2)), pytest.raises(progress.Cancelled):
        brewed()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"victim_class": 10}, "attack.victim_class=10: expected 0 to 9"),
        ({"target_class": 12}, "attack.target_class=12: expected 0 to 9"),
        ({"target_class": 7}, "attack.target_class=7: must differ"),
        ({"n_poisons": 301}, r"attack.n_poisons=301: class '1' has \d+ training images"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(brewed, changes, message):
    with pytest.raises(ValueError, match=message):
        brewed(**changes)


def test_a_class_that_the_surrogate_never_reads_correctly_is_refused(clean, brewed):
    swapped = replace(clean, test=Split(clean.test.images, (clean.test.labels + 5) % 10))
    with pytest.raises(ValueError, match=r"attack.victim_class=7: the surrogate misreads all of its \d+"):
        brewed(swapped)


@pytest.mark.parametrize(
    "changes", [{"n_poisons": 0}, {"eps": 0}, {"eps": 256}, {"tries": 0}, {"restarts": 0}]
)
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        WitchesBrew(**changes)


def test_the_step_shrinks_at_the_published_iterations():
    drops = [s for s in range(1, 250) if rate_factor(s, 250) < rate_factor(s - 1, 250)]
    assert drops == [93, 156, 218] and rate_factor(249, 250) == pytest.approx(1e-3)


def in_use(model):
    """A network whose batch normalisations have seen data, in evaluation mode, and six images with labels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, images = model.build(10), torch.randn(6, 3, 32, 32)
        for parameter in network.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        network(images)
    return network.eval(), images, torch.arange(6)


@pytest.mark.parametrize("name", registry.members("models"))
def test_the_folded_network_has_the_answers_and_gradients_of_the_original(name):
    small = {"wide_resnet": {"depth": 10, "widen": 1}}.get(name, {})
    network, images, labels = in_use(registry.create("models", name, width=4, **small))
    frozen, parameters = FrozenNetwork(network, "fp32"), list(network.parameters())
    output = network(images)
    torch.testing.assert_close(frozen.logits(images), output, rtol=1e-3, atol=1e-4)
    expected = torch.autograd.grad(F.cross_entropy(output, labels), parameters)
    expected = torch.cat([part.flatten() for part in expected])
    torch.testing.assert_close(frozen.gradient(images, labels), expected, rtol=1e-3, atol=1e-4)


def test_second_derivatives_are_those_of_the_original():
    network, images, labels = in_use(ResNet9(width=4))
    frozen, parameters = FrozenNetwork(network, "fp32"), list(network.parameters())
    images.requires_grad_()
    parts = torch.autograd.grad(F.cross_entropy(network(images), labels), parameters, create_graph=True)
    (expected,) = torch.autograd.grad(torch.cat([part.flatten() for part in parts]).sum(), images)
    (found,) = torch.autograd.grad(frozen.gradient(images, labels, differentiable=True).sum(), images)
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3 * expected.abs().max().item())


def test_the_forecast_counts_brewing_and_the_victim_that_is_tried():
    brewing = {"iterations": 10, "restarts": 2, "n_poisons": 40}
    alone = WitchesBrew(**brewing, tries=1).image_steps(300, 12)
    assert alone == 3.5 * 10 * 2 * 40
    assert WitchesBrew(**brewing, tries=3).image_steps(300, 12) == alone + 300 * 12
