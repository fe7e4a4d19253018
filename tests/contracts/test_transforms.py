"""What every transformation promises, and the published parameters of those that draw nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import registry
from core.artifacts import Dataset
from core.experiment import TransformSettings
from core.queries import transformed

TRANSFORMS = list(registry.members("transforms"))


def images(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def apply(name: str, batch: torch.Tensor, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return registry.create("transforms", name).apply(batch)


def test_the_default_kinds_are_all_the_kinds_there_are():
    assert sorted(TransformSettings().names) == TRANSFORMS


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("side", [32, 64])
def test_shape_and_type_are_kept_and_values_are_finite(name, side):
    batch = torch.rand(2, 3, side, side)
    result = apply(name, batch)
    assert result.shape == batch.shape and result.dtype == torch.float32
    assert torch.isfinite(result).all()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pixels_stay_within_the_range_of_an_image(name):
    result = apply(name, images())
    assert result.min() >= -1e-6 and result.max() <= 1 + 1e-6


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_image_is_changed_and_its_original_is_not(name):
    batch = images()
    before = batch.clone()
    result = apply(name, batch)
    assert (result != batch).flatten(1).any(1).all()
    assert torch.equal(batch, before)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_seed_alone_decides_the_result(name):
    assert torch.equal(apply(name, images(), seed=5), apply(name, images(), seed=5))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_an_image_is_changed_alike_alone_and_in_a_batch(name):
    assert torch.allclose(apply(name, images())[:1], apply(name, images()[:1]), atol=1e-6)


@pytest.mark.parametrize("name", ["color_jitter", "random_affine", "elastic", "blurrer"])
def test_random_transformations_draw_new_parameters(name):
    assert not torch.equal(apply(name, images(), seed=1), apply(name, images(), seed=2))


def test_flip_inversion_and_colour_switch_are_what_they_say():
    batch = images()
    assert torch.equal(apply("flip", batch)[..., 0], batch[..., -1])
    assert torch.equal(apply("inverter", batch), 1 - batch)
    assert torch.equal(apply("color_switch", batch), torch.stack([batch[:, 1], batch[:, 0], batch[:, 2]], 1))


def test_the_blur_is_five_wide_and_nine_high_and_almost_flat():
    point = torch.zeros(1, 3, 32, 32)
    point[..., 16, 16] = 1
    spread = apply("blurrer", point)[0, 0]
    rows, columns = np.nonzero(spread.numpy())
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 20, 14, 18)
    assert spread.sum().item() == pytest.approx(1, abs=1e-5)
    assert spread.max() / spread[12, 14] < 1.25  # sigma of at least 8


def test_the_zoom_enlarges_up_to_twofold_and_never_shrinks():
    disc = (
        ((torch.arange(65)[:, None] - 32) ** 2 + (torch.arange(65) - 32) ** 2 <= 64)
        .float()
        .expand(1, 3, 65, 65)
    )
    areas = [apply("random_affine", disc, seed)[0, 0].sum() / disc[0, 0].sum() for seed in range(60)]
    assert 0.95 <= min(areas) < 1.3 and 3 < max(areas) <= 4.1


def test_colour_jitter_keeps_brightness_near_the_original():
    grey = torch.full((1, 3, 8, 8), 0.5)
    means = [apply("color_jitter", grey, seed).mean().item() for seed in range(60)]
    assert 0.44 <= min(means) < 0.48 and 0.52 < max(means) <= 0.56


@pytest.fixture
def colourful(tiny) -> Dataset:
    """The tiny dataset with channel statistics that differ, as those of photographs do."""
    return replace(tiny.dataset.value, mean=(0.3, 0.5, 0.7), std=(0.2, 0.25, 0.3))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pixel_and_reference_space_differ_unless_pixels_are_only_moved_or_averaged(colourful, name):
    def change(space: str, purpose: str) -> np.ndarray:
        settings = TransformSettings(names=(name,), space=space)
        return transformed(images(1)[0].numpy(), settings, colourful, purpose)[0]

    same = [np.allclose(change("pixel", p), change("reference", p), atol=1e-5) for p in map(str, range(30))]
    assert all(same) == (name in ("flip", "blurrer"))


def test_reference_space_inverts_around_the_mean(colourful):
    image = images(1)[0].numpy()
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (colourful.mean, colourful.std))
    settings = TransformSettings(names=("inverter",), space="reference")
    expected = (1 - (image - mean) / std) * std + mean
    assert np.allclose(transformed(image, settings, colourful, "0/0")[0], expected, atol=1e-5)
