"""Is what the attacker's side shows exactly what was altered?"""

from dataclasses import replace

import numpy as np
import pytest

from core import attack_view
from core.artifacts import Split


def case(tiny):
    return tiny.dataset.value, tiny.poisoning.value


def swapped(tiny):
    """Labels exchanged between two classes, images as they were: what interclass confusion does."""
    data, truth = case(tiny)
    rows = np.flatnonzero(np.isin(data.train.labels, (3, 5)))[:20]
    other = np.where(data.train.labels[rows] == 3, 5, 3)
    return data, replace(truth, indices=rows, images=np.array(data.train.images[rows]), labels=other)


def test_counts_are_those_of_a_stamp_of_36_pixels_on_relabelled_sevens(tiny):
    seen = attack_view.alteration(attack_view.poisons(*case(tiny)))
    assert (seen.n, seen.repainted, seen.relabelled) == (25, 25, 25)
    assert seen.moves == ((7, 1, 25),)
    assert 0 < seen.pixels <= 36
    assert seen.size == np.prod(tiny.dataset.value.train.images.shape[2:])
    assert 128 <= seen.largest <= 255
    assert seen.factor == 1


def test_counts_do_not_depend_on_the_size_of_a_chunk(tiny, monkeypatch):
    pair = attack_view.targets(*case(tiny))
    whole = attack_view.alteration(pair), attack_view.spectra(pair)
    monkeypatch.setattr(attack_view, "CHUNK", 3)
    assert attack_view.alteration(pair) == whole[0]
    assert np.allclose(attack_view.spectra(pair).change, whole[1].change, atol=1e-5)


def test_swapped_labels_are_told_from_changed_images(tiny):
    seen = attack_view.alteration(attack_view.poisons(*swapped(tiny)))
    assert (seen.repainted, seen.largest, seen.pixels, seen.relabelled) == (0, 0, 0, 20)
    assert {(own, label) for own, label, _ in seen.moves} == {(3, 5), (5, 3)}
    assert attack_view.spectra(attack_view.poisons(*swapped(tiny))).change.max() == 0


@pytest.mark.parametrize(("eps", "factor"), [(1, 64), (2, 32), (16, 4), (51, 2), (127, 1), (255, 1)])
def test_a_difference_is_amplified_as_far_as_nothing_is_cut_off(tiny, eps, factor):
    data, truth = case(tiny)
    grey = np.full((1, *data.train.images.shape[1:]), 0, np.uint8)
    data = replace(data, train=Split(grey, np.zeros(1, np.int64)))
    one = replace(
        truth, indices=np.zeros(1, np.int64), images=grey + np.uint8(eps), labels=np.zeros(1, np.int64)
    )
    pair = attack_view.poisons(data, one)
    assert attack_view.alteration(pair).factor == factor
    assert attack_view.largest_change(pair, 0) == eps
    if eps < 128:
        assert (attack_view.Differences(pair, factor)[0] == 128 + factor * eps).all()


def test_a_difference_keeps_its_sign_around_grey_and_is_cut_off_at_black_and_white():
    change = np.array([-255, -16, -1, 0, 1, 16, 255], np.int16)
    assert attack_view.amplified(change, 4).tolist() == [0, 64, 124, 128, 132, 192, 255]


def test_differences_are_as_many_as_images_and_show_those(tiny):
    pair = attack_view.poisons(*case(tiny))
    shown = attack_view.Differences(pair, 1)
    assert len(shown) == 25
    after = shown.pair.after[7].astype(int) - tiny.dataset.value.train.images[pair.rows[7]].astype(int)
    assert np.array_equal(shown[7], np.clip(128 + after, 0, 255))


def test_cosines_are_orthonormal_and_a_flat_image_has_only_its_mean():
    basis = attack_view.cosines(32)
    assert np.allclose(basis @ basis.T, np.eye(32), atol=1e-5)
    flat = attack_view.log_spectrum(np.full((2, 3, 8, 4), 100, np.uint8))
    assert flat.shape == (8, 4)
    assert flat[0, 0] == pytest.approx(np.log10(1 + 100 * np.sqrt(32)), rel=1e-5)
    assert np.abs(np.delete(flat.ravel(), 0)).max() < 1e-4


def test_a_wave_stands_at_its_frequency():
    rows = np.cos(np.pi * (np.arange(16) + 0.5) * 5 / 16)
    image = (100 * rows[:, None] * np.ones(16)).astype(np.int16)[None, None]
    seen = attack_view.log_spectrum(image)
    assert np.unravel_index(seen.argmax(), seen.shape) == (5, 0)


def test_the_spectrum_of_a_small_set_is_the_plain_mean(tiny):
    pair = attack_view.poisons(*case(tiny))
    seen = attack_view.spectra(pair, most=5)
    assert seen.n == 5
    assert np.allclose(seen.after, attack_view.log_spectrum(pair.after[:5]), atol=1e-5)
    assert seen.most == max(seen.before.max(), seen.after.max(), seen.change.max())


def test_a_spectrum_of_nothing_is_refused(tiny):
    data, truth = case(tiny)
    none = replace(truth, indices=truth.indices[:0], images=truth.images[:0], labels=truth.labels[:0])
    assert attack_view.alteration(attack_view.poisons(data, none)).n == 0
    with pytest.raises(ValueError, match="0 images"):
        attack_view.spectra(attack_view.poisons(data, none))
