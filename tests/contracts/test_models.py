"""What every architecture promises."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import registry
from core.artifacts import Split
from core.cost import layers
from core.experiment import FactorSettings, ScoreSettings, Training
from core.features import penultimate
from core.influence.factors import fit_factors
from core.influence.scores import pairwise
from core.influence.task import Images
from core.models.resnet9 import ResNet9
from core.models.wide_resnet import WideResNet
from core.networks import build, probabilities, restore, weights_of
from core.training import train

MODELS = list(registry.members("models"))
SMALL = {"wide_resnet": {"depth": 10, "widen": 1}}
"""Settings that keep a model quick."""


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


@pytest.mark.parametrize("name", MODELS)
def test_the_last_layer_works_on_the_features(tiny, name):
    data = tiny.dataset.value
    network = build(registry.create("models", name, width=2), data, 0)
    last = tracked(network)[-1]
    features = penultimate(network.eval(), data.test.images[:5], data)
    logits = torch.from_numpy(features) @ last.weight.T + (0 if last.bias is None else last.bias)
    assert isinstance(last, nn.Linear) and features.shape == (5, last.in_features)
    chances = torch.from_numpy(probabilities(network, data.test.images[:5], data))
    assert torch.allclose(logits.softmax(1), chances, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_no_layer_is_used_twice_or_alters_its_input(name):
    network, calls = registry.create("models", name, width=2).build(7).eval(), []
    for module in tracked(network):
        module.register_forward_hook(lambda module, *_: calls.append(module))
    network(torch.rand(2, 3, 32, 32))
    assert len(calls) == len(set(calls)) == len(tracked(network))
    assert not any(getattr(module, "inplace", False) for module in network.modules())


@pytest.mark.parametrize("name", MODELS)
def test_influence_through_it_says_that_an_image_supports_its_own_label(tiny, tmp_path, name):
    model = registry.create("models", name, width=2, **SMALL.get(name, {}))
    data = tiny.dataset.value
    few = replace(data, train=Split(data.train.images[:24], data.train.labels[:24]))
    fresh = train(Training(epochs=1, batch_size=12, flip=False), model, few)
    factors = fit_factors(FactorSettings(), model, fresh, few)
    queries = Images(few.train.images[:3].astype(np.float32) / 255, few.train.labels[:3])
    values = pairwise(ScoreSettings(), restore(model, fresh.weights, few), few, factors, queries)
    shutil.rmtree(factors.directory)
    assert values.shape == (3, 24) and np.isfinite(values).all()
    assert (values[range(3), range(3)] > 0).all()


def conv(channels_in: int, channels_out: int, side: int = 3, bias: bool = True) -> int:
    return channels_in * channels_out * side**2 + bias * channels_out


RESNET18 = (
    [conv(3, 64, 3, False)]
    + 4 * [conv(64, 64, 3, False)]
    + [
        size
        for c in (64, 128, 256)
        for size in (conv(c, 2 * c, 3, False), conv(c, 2 * c, 1, False), *3 * [conv(2 * c, 2 * c, 3, False)])
    ]
    + [conv(512, 10, 1)]
)
RESNET9 = [conv(*c, 3, False) for c in ((3, 16), (16, 32), (32, 32), (32, 32), (32, 64), (64, 128))]
RESNET9 += [conv(128, 128, 3, False)] * 2 + [conv(128, 10, 1)]
RESNET9_GOEL = [conv(3, 64), conv(64, 128, 5), conv(128, 128), conv(128, 128), conv(128, 256)]
RESNET9_GOEL += [conv(256, 256), conv(256, 256), conv(256, 128), conv(128, 10, 1, False)]
WRN_28_10 = [conv(3, 16), conv(640, 10, 1)]
for channels_in, channels in ((16, 160), (160, 320), (320, 640)):
    WRN_28_10 += [conv(channels_in, channels), conv(channels_in, channels, 1)] + 7 * [
        conv(channels, channels)
    ]


@pytest.mark.parametrize(
    ("name", "settings", "sizes"),
    [
        ("resnet18", {"width": 64}, RESNET18),
        ("resnet9", {"width": 16}, RESNET9),
        ("resnet9_goel", {}, RESNET9_GOEL),
        ("wide_resnet", {}, WRN_28_10),
    ],
)
def test_layers_have_the_published_sizes_and_the_docstring_states_their_sum(name, settings, sizes):
    model = registry.create("models", name, **settings)
    found = [sum(p.numel() for p in layer.parameters()) for layer in tracked(model.build(10))]
    assert sorted(found) == sorted(sizes)
    assert f"{sum(sizes):,} tracked parameters" in " ".join(type(model).__doc__.split())


def test_a_wide_resnet_may_be_shallow_and_narrow():
    network = WideResNet(depth=10, width=4, widen=2).build(10)
    assert [layer.weight.shape[0] for layer in tracked(network)][:4] == [4, 8, 8, 8]
    assert len(tracked(network)) == 1 + 3 * 3 + 1


def test_a_depth_without_whole_blocks_is_refused():
    with pytest.raises(ValueError, match=r"depth=12: expected 6 × blocks \+ 4, for example 10, 16"):
        WideResNet(depth=12)


def test_the_stride_of_resnet9_makes_large_images_as_cheap_as_small_ones():
    def operations(side: int, stride: int) -> float:
        return sum(layer.forward for layer in layers(ResNet9(width=4, stride=stride), (3, side, side), 10))

    assert operations(64, 2) == operations(32, 1) < operations(64, 1) / 3


@pytest.mark.parametrize("name", ["resnet9_goel", "wide_resnet"])
def test_goels_networks_start_without_bias(name):
    found = tracked(registry.create("models", name, width=2).build(7))
    assert all(not layer.bias.any() for layer in found if layer.bias is not None)
    assert sum(layer.bias is not None for layer in found) >= 8
