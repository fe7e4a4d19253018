"""Each synthetic attack alters what its description says, and nothing else."""

import numpy as np
import pytest

from core.synthetic_attacks import (
    MAKERS,
    attacked,
    blend,
    gaussian_noise,
    inside,
    noise_block,
    shadow,
    white_block,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def grey(value: int, n: int = 300, height: int = 32, width: int = 32) -> np.ndarray:
    return np.full((n, 3, height, width), value, np.uint8)


@pytest.mark.parametrize(("size", "times"), [(32, 1), (64, 2)])
def test_white_blocks_have_two_to_seven_pixels_of_32_a_side_and_lie_near_every_corner(random, size, times):
    black = grey(0, 1000, size, size)
    altered = (white_block(black, black, random) == 255).all(1)
    rows, columns = altered.any(2), altered.any(1)
    for lines in (rows, columns):
        assert set(lines.sum(1)) == set(range(2 * times, 8 * times))
        first, last = lines.argmax(1), size - 1 - lines[:, ::-1].argmax(1)
        assert set(np.minimum(first, size - 1 - last)) == set(range(6 * times))
    assert np.array_equal(altered, rows[:, :, None] & columns[:, None, :])
    half = size // 2
    assert len({(r[:half].sum() > 0, c[:half].sum() > 0) for r, c in zip(rows, columns, strict=True)}) == 4


def test_noise_blocks_change_a_block_and_leave_the_rest(random):
    images = noise_block(grey(7), grey(0), random)
    altered = (images != 7).any(1)
    area = altered.sum((1, 2))
    assert area.min() >= 2 and area.max() <= 7 * 7
    values = images[images != 7]
    assert values.mean() == pytest.approx(128, abs=3) and values.std() == pytest.approx(74, abs=3)


def test_gaussian_noise_brightens_by_25_and_scatters_by_three_to_eight(random):
    difference = gaussian_noise(grey(100), grey(0), random).astype(float) - 100
    assert difference.mean() == pytest.approx(24.5, abs=0.1)  # half a level is lost in whole numbers
    deviations = difference.std((1, 2, 3))
    assert deviations.min() > 10**0.5 - 0.3 and deviations.max() < 70**0.5 + 0.3
    assert gaussian_noise(grey(250), grey(0), random).max() == 255


def test_shadows_halve_a_part_of_the_lower_half(random):
    altered = shadow(grey(100), grey(0), random)
    assert set(np.unique(altered)) == {50, 100}
    dark = (altered == 50).all(1)
    assert not dark[:, :16].any() and dark[:, 16:].mean() > 0.1
    assert (dark.sum((1, 2)) > 0).mean() > 0.95


def test_blends_add_three_tenths_of_an_image_of_the_pool(random):
    pool = np.concatenate([grey(100, 1), grey(200, 1)])
    assert set(np.unique(blend(grey(50), pool, random))) == {80, 110}
    assert set(np.unique(blend(grey(250), pool, random))) == {255}


def test_a_triangle_has_the_pixels_whose_centres_it_covers():
    triangle = np.array([[[0.0, 0.0], [0.0, 4.0], [4.0, 0.0]]])
    expected = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert inside(triangle - 1e-9, 4, 4)[0].astype(int).tolist() == expected


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 40)])
@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_works_at_any_size_on_copies(random, name, height, width):
    images = random.integers(256, size=(20, 3, height, width), dtype=np.uint8)
    before = images.copy()
    altered = MAKERS[name](images, images, random)
    assert altered.shape == images.shape and altered.dtype == np.uint8
    assert np.array_equal(images, before) and (altered != images).any()


def test_kinds_are_drawn_evenly_and_by_the_stream_alone():
    images = np.random.default_rng(1).integers(60, 190, size=(2000, 3, 40, 40), dtype=np.uint8)
    one, again = (attacked(images, images, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(one, again)
    brighter = (one.astype(int) - images).mean((1, 2, 3)) > 15  # noise and blends, two kinds of five
    assert brighter.mean() == pytest.approx(0.4, abs=0.05)
