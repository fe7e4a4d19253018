"""Our engine computes what kronfluence computes, from the same files, only sooner."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from core import device, progress
from core.artifacts import Factors, TrainedModel
from core.experiment import FactorSettings, ScoreSettings
from core.influence import covariance, factors, reference, scores, sweep
from core.influence.layers import Layer, NotHandled, tracked
from core.influence.task import Images
from core.models.base import Model
from core.networks import restore, weights_of


@pytest.fixture(scope="module")
def both(tiny, tmp_path_factory) -> SimpleNamespace:
    """The tiny case, its factors by our engine and by kronfluence with the same drawn labels, and its queries."""
    x, data, weights = tiny.experiment, tiny.poisoned.value, tiny.victim.value.weights
    case = SimpleNamespace(data=data, network=lambda: restore(x.model, weights, data))
    for engine, fit in (("ours", factors.fit), ("theirs", reference.fit)):
        folder = tmp_path_factory.mktemp(engine)
        fit(FactorSettings(precision="fp32"), case.network(), data, folder)
        setattr(case, engine, Factors("ekfac", folder))
    pair = [tiny.queries.value, tiny.changed.value, tiny.controls.value]
    case.queries = Images(np.concatenate([q.images for q in pair]), np.concatenate([q.labels for q in pair]))
    return case


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.double() - other.double()).norm() / other.double().norm())


def test_factors_are_those_of_kronfluence(both):
    for name in ("activation_eigenvalues", "gradient_eigenvalues", "lambda_matrix"):
        mine, theirs = (load_file(f.directory / f"{name}.safetensors") for f in (both.ours, both.theirs))
        assert mine.keys() == theirs.keys()
        assert max(difference(mine[layer], theirs[layer]) for layer in mine) < 1e-4, name


@pytest.mark.parametrize("damping", [1e-8, "heuristic"])
def test_scores_from_the_same_files_are_those_of_kronfluence(both, damping):
    settings = ScoreSettings(damping=damping)
    mine = scores.pairwise(settings, both.network(), both.data, both.theirs, both.queries)
    theirs = reference.scores(settings, both.network(), both.data, both.theirs, both.queries)
    assert np.abs(mine - theirs).max() < 1e-4 * np.abs(theirs).max()
    assert ((mine[1:] < mine[:1]) == (theirs[1:] < theirs[:1])).mean() > 0.999


def test_kronfluence_reads_our_files(both):
    mine = scores.pairwise(ScoreSettings(), both.network(), both.data, both.ours, both.queries)
    theirs = reference.scores(ScoreSettings(), both.network(), both.data, both.ours, both.queries)
    assert np.abs(mine - theirs).max() < 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("strategy", ["kfac", "identity"])
def test_other_strategies_are_those_of_kronfluence(both, tmp_path, strategy):
    settings = FactorSettings(strategy=strategy)
    reference.fit(settings, both.network(), both.data, tmp_path)
    fitted = Factors(strategy, tmp_path)
    mine = scores.pairwise(ScoreSettings(), both.network(), both.data, fitted, both.queries)
    theirs = reference.scores(ScoreSettings(), both.network(), both.data, fitted, both.queries)
    assert np.abs(mine - theirs).max() < 1e-3 * np.abs(theirs).max()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(3, 8, 8), (5, 1, 1), (4, 2, 3), (2, 1, 4)])
def test_covariance_without_patches_is_the_covariance_of_patches(shape, bias):
    c, h, w = shape
    layer = Layer("conv", nn.Conv2d(c, 7, 3, padding=1, bias=bias))
    sums = covariance.Correlations(c, bias, torch.device("cpu"))
    batches = torch.randn(2, 4, c, h, w, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(layer.inputs, layer.inputs)
    for x in batches:
        sums.add(x)
        rows = layer.rows(x).flatten(0, 1)
        expected += rows.T @ rows
    assert covariance.correlates(layer)
    assert torch.allclose(sums.matrix(), expected, atol=1e-4)


@pytest.mark.parametrize(
    "conv", [nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 4, 5, padding=2), nn.Conv2d(3, 4, (1, 3), dilation=2)]
)
def test_rows_and_columns_make_the_gradient_that_torch_makes(conv):
    x = torch.randn(1, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    layer, output = Layer("conv", conv), conv(x)
    output.square().sum().backward()
    rows, columns = layer.rows(x), layer.columns(2 * output.detach())
    assert not covariance.correlates(layer)
    whole = layer.to_file(columns[0].T @ rows[0], 1)
    expected = torch.cat([conv.weight.grad.flatten(1), conv.bias.grad[:, None]], 1)
    assert torch.allclose(whole, expected, atol=1e-3)


class Grouped(Model):
    """Has a layer that our engine does not take apart."""

    name: ClassVar[str] = "grouped"
    title: ClassVar[str] = "Grouped"

    def build(self, n_classes: int) -> nn.Module:
        convolutions = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2)
        return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, n_classes))


def test_a_network_that_only_kronfluence_handles_is_left_to_it(both):
    network = Grouped().build(10)
    with pytest.raises(NotHandled, match=r"layer '2': groups=2"):
        tracked(network)
    curves = np.zeros(1, np.float32)
    victim = TrainedModel(weights_of(network), curves, curves, train_loss=0.0, seconds=0.0)
    fitted = factors.fit_factors(FactorSettings(), Grouped(), victim, both.data)
    found = scores.pairwise(ScoreSettings(damping=1e-3), network, both.data, fitted, both.queries)
    shutil.rmtree(fitted.directory)
    assert np.isfinite(found).all() and found.std() > 0


def test_the_number_of_threads_changes_no_more_than_rounding(both, monkeypatch):
    found = []
    for workers in (1, 3):
        monkeypatch.setattr(sweep, "workers", lambda n=workers: n)
        found.append(scores.pairwise(ScoreSettings(), both.network(), both.data, both.ours, both.queries))
    assert np.abs(found[0] - found[1]).max() < 1e-4 * np.abs(found[0]).max()


def test_cancelling_a_pass_stops_it_and_gives_the_threads_back():
    threads = torch.get_num_threads()

    class Sink(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            if done >= 4:
                raise progress.Cancelled

    seen: list[int] = []
    pieces = sweep.batches(np.arange(1000), 2)
    with pytest.raises(progress.Cancelled), progress.reporting(Sink()):
        for _ in sweep.sweep(pieces, [lambda rows: seen.append(len(rows))] * 2, "test"):
            pass
    assert len(seen) < 20 and torch.get_num_threads() == threads


def test_fast_products_are_as_exact_as_plain_ones():
    a, b = torch.randn(2, 300, 300, generator=torch.Generator().manual_seed(2))
    exact, before = a.double() @ b.double(), torch.backends.mkldnn.matmul.fp32_precision
    with device.fast_products():
        fast = a @ b
    assert (fast - exact).abs().max() <= 10 * (a @ b - exact).abs().max()
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_half_of_the_training_set_is_drawn_from_all_of_it():
    rows, draws = factors.sample(FactorSettings(max_examples=50), 100)
    assert len(set(rows.tolist())) == 50 and rows.max() > 60 and (np.diff(rows) > 0).all()
    assert draws.shape == (2, 50)
    assert not np.array_equal(rows, factors.sample(FactorSettings(max_examples=50, seed=1), 100)[0])


def test_factors_serve_the_strategies_that_they_contain(both):
    identity = Factors("identity", both.ours.directory)
    with pytest.raises(ValueError, match="strategy=kfac: the factors were fitted with identity"):
        scores.pairwise(ScoreSettings(strategy="kfac"), both.network(), both.data, identity, both.queries)


def test_a_missing_factor_file_is_named(both, tmp_path):
    folder = Path(shutil.copytree(both.ours.directory, tmp_path / "copy"))
    (folder / "lambda_matrix.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="lambda_matrix"):
        scores.pairwise(ScoreSettings(), both.network(), both.data, Factors("ekfac", folder), both.queries)
