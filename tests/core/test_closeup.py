"""Do the close looks at training images show what is there, and say so when nothing is?"""

import numpy as np
import pytest

from core import attack_view, closeup
from core import composite as composites
from core.composite import composite
from core.detectors.contrast import Contrast


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """200 noisy images with two labels; the first 20 have a bright corner. Also which those are."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 200, (200, 3, 8, 8)).astype(np.uint8)
    images[:20, :, :2, :2] = 255
    return images, np.arange(200) % 2, np.arange(200) < 20


def test_the_mean_image_of_a_label_is_that_of_its_images(tiny, monkeypatch):
    train = tiny.poisoned.value.train
    monkeypatch.setattr(closeup, "CHUNK", 7)
    means = closeup.class_means(train.images, train.labels, 11)
    for label in (0, 1, 9):
        assert np.allclose(means[label], train.images[train.labels == label].mean(0), atol=1e-3)
    assert np.isnan(means[10]).all()  # nobody carries it


def test_a_residual_is_what_is_left_after_the_mean():
    image, mean = np.full((3, 2, 2), 10, np.uint8), np.full((3, 2, 2), 200.4, np.float32)
    assert (closeup.residual(image, mean) == -190).all()


def test_the_nearest_of_some_images_are_those_with_the_smallest_distance(tiny, monkeypatch):
    images = tiny.poisoned.value.train.images
    monkeypatch.setattr(closeup, "CHUNK", 7)
    among = np.arange(0, 300, 3)
    found = closeup.neighbours(images, 30, among, most=5)
    apart = np.sqrt(np.square(images[among].astype(float) - images[30]).mean((1, 2, 3)))
    assert found.rows.tolist() == among[np.argsort(apart)[1:6]].tolist()  # the first is the image itself
    assert np.allclose(found.distances, np.sort(apart)[1:6], atol=1e-3)
    assert found.compared == 99


def test_an_image_without_anything_to_compare_has_no_neighbours(tiny):
    images = tiny.poisoned.value.train.images
    assert len(closeup.neighbours(images, 3, np.array([3])).rows) == 0
    assert len(closeup.neighbours(images, 3, np.zeros(0, np.int64)).rows) == 0


@pytest.mark.parametrize("margin", [0.0, -1.0])
def test_an_image_is_flagged_exactly_when_its_support_is_beyond_the_cut_off(tiny, margin):
    scores, data = tiny.scores.value, tiny.poisoned.value
    found = Contrast(margin=margin).detect(scores, data)
    parts = closeup.calibrated(Contrast(), scores, data)
    judged = parts.groups[0].rows
    seen = {int(i): closeup.support(parts, margin, int(i)) for i in judged}
    assert {i: s.picked.mean() > s.cut_off for i, s in seen.items()} == {i: found.flagged[i] for i in seen}
    assert all(abs(s.contrast - s.level + margin - found.suspicion[i]) < 1e-3 for i, s in seen.items())


def test_an_image_of_another_label_is_not_compared(tiny):
    scores, data = tiny.scores.value, tiny.poisoned.value
    parts = closeup.calibrated(Contrast(), scores, data)
    others = np.setdiff1d(np.arange(300), np.concatenate([g.rows for g in parts.groups]))
    assert closeup.support(parts, 0.0, int(others[0])) is None


def test_images_that_tie_share_a_place():
    suspicion = np.array([0.5, 2.0, 0.5, -1.0], np.float32)
    assert [closeup.place(suspicion, i) for i in range(4)] == [2, 1, 2, 4]


def test_a_patch_at_a_fixed_place_is_found_and_chance_does_not_explain_it():
    images, labels, flagged = planted()
    found = composite(images, labels, flagged)
    at = np.unravel_index(np.abs(found.deviation).max(0).argmax(), (8, 8))
    assert at[0] < 2 and at[1] < 2
    assert found.pixels.rare and found.pixels.reached == 0
    assert found.agreement[:2, :2].min() == 1 and found.usual.max() < 0.6


def test_a_random_set_shares_nothing():
    images, labels, _ = planted()
    reached = []
    for seed in range(5):
        chosen = np.zeros(200, bool)
        chosen[20 + np.random.default_rng(seed).permutation(180)[:20]] = True
        found = composite(images[20:], labels[20:], chosen[20:])
        reached += [found.pixels.reached, found.frequencies.reached]
        assert not found.pixels.rare and not found.frequencies.rare
    assert 20 < np.mean(reached) < 180  # as often as not


def test_a_faint_wave_over_the_whole_image_is_found_among_the_frequencies():
    random = np.random.default_rng(0)
    images = random.integers(90, 110, (200, 3, 16, 16)).astype(np.uint8)
    phases = random.integers(0, 2, 20)  # every image its own: the mean shows nothing
    wave = np.cos(np.pi * (np.arange(16) + 0.5) * 9 / 16) * 5
    images[:20] = np.rint(images[:20] + np.where(phases, 1, -1)[:, None, None, None] * wave).astype(np.uint8)
    found = composite(images, np.zeros(200, np.int64), np.arange(200) < 20)
    assert found.frequencies.rare
    assert np.unravel_index(found.spectrum.argmax(), (16, 16)) == (0, 9)


def test_labels_alone_make_no_difference():
    labels = np.repeat([0, 1], 100)
    images = (labels * 200).astype(np.uint8)[:, None, None, None] * np.ones((200, 3, 4, 4), np.uint8)
    flagged = np.zeros(200, bool)
    flagged[[0, 1, 100, 101, 102, 103, 104]] = True
    found = composite(images, labels, flagged)
    assert np.abs(found.deviation).max() < 1e-3 and not found.pixels.rare


def test_the_composite_does_not_depend_on_the_size_of_a_chunk(tiny, monkeypatch):
    train, flagged = tiny.poisoned.value.train, np.arange(300) % 4 == 0
    whole = composite(train.images, train.labels, flagged)
    monkeypatch.setattr(composites, "CHUNK", 7)
    parts = composite(train.images, train.labels, flagged)
    assert np.allclose(whole.deviation, parts.deviation, atol=1e-3)
    assert np.allclose(whole.spectrum, parts.spectrum, atol=1e-4)
    assert np.array_equal(whole.agreement, parts.agreement)


def test_very_many_images_are_sampled_and_counted(monkeypatch):
    images, labels, flagged = planted()
    monkeypatch.setattr(composites, "MOST", 15)
    found = composite(images, labels, flagged)
    assert (found.flagged, found.others, found.left_out) == (15, 15, 5)


@pytest.mark.parametrize("flagged", [[], [0, 1], list(range(200))], ids=["none", "two", "all"])
def test_too_little_to_compare_is_said(flagged):
    images, labels, _ = planted()
    mask = np.zeros(200, bool)
    mask[flagged] = True
    with pytest.raises(ValueError, match="expected at least 3"):
        composite(images, labels, mask)


def test_a_difference_is_drawn_around_grey_and_a_logarithm_raises_the_faint():
    change = np.array([0, 100, -100, 2], np.float32).reshape(1, 2, 2)
    plain, factor = composites.drawn(change)
    raised, _ = composites.drawn(change, logarithmic=True)
    assert plain.ravel().tolist() == [128, 255, 1, 131] and factor == pytest.approx(1.27)
    assert raised.ravel()[:3].tolist() == [128, 255, 1] and raised.ravel()[3] > 150
    assert composites.drawn(change, 4.0)[0].ravel().tolist() == [128, 255, 0, 136]
    assert (composites.drawn(np.zeros((3, 2, 2), np.float32))[0] == attack_view.GREY).all()
