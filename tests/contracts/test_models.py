"""What every architecture promises."""

import numpy as np
import pytest
import torch
from torch import nn

from core import registry
from core.networks import build, weights_of

MODELS = list(registry.members("models"))


def tracked(network: nn.Module) -> list[nn.Module]:
    """The layers whose gradients make up influence."""
    return [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("side", [32, 64])
def test_an_image_of_any_size_gives_one_logit_per_class(name, side):
    network = registry.create("models", name, width=2).build(7).eval()
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 7)


@pytest.mark.parametrize("name", MODELS)
def test_the_seed_alone_decides_the_initial_weights(tiny, name):
    model = registry.create("models", name, width=2)
    one, again, other = (weights_of(build(model, tiny.dataset.value, seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(one[key], again[key]) for key in one)
    assert any(not np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", MODELS)
def test_building_a_network_draws_no_numbers_of_others(tiny, name):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    build(registry.create("models", name, width=2), tiny.dataset.value, 5)
    assert torch.rand(1) == expected


@pytest.mark.parametrize("name", MODELS)
def test_the_output_ends_in_a_tracked_layer(name):
    assert tracked(registry.create("models", name, width=2).build(7))[-1].out_features == 7


@pytest.mark.parametrize(
    ("name", "width", "layers", "parameters"), [("resnet18", 64, 21, 11_164_362), ("resnet9", 16, 9, 411_834)]
)
def test_sizes_are_those_the_docstrings_state(name, width, layers, parameters):
    found = tracked(registry.create("models", name, width=width).build(10))
    assert len(found) == layers
    assert sum(p.numel() for layer in found for p in layer.parameters()) == parameters
