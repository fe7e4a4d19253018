"""The order statistic and the count of votes are one rule, whatever the data."""

import numpy as np
import pytest

from core import collapse


def changes(t: int, n: int = 200, *, ties: bool = False, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed).standard_normal((t, n)).astype(np.float32)
    return np.round(draw) if ties else draw


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("t", [1, 2, 7, 50])
def test_the_order_statistic_decides_as_the_count_rule_does(t, ties):
    delta = changes(t, ties=ties)
    ordered = collapse.sorted_changes(delta)
    for tolerance in range(t):
        for threshold in (-1.0, 0.0, 0.5, 1.0, float(delta.flat[3])):
            by_order = collapse.order_statistic(ordered, tolerance) < threshold
            assert np.array_equal(by_order, collapse.flagged(delta, threshold, tolerance))


def test_the_published_example():
    """50, 49, 48 and 47 of 50 changes below 0 at tolerance 2: flagged, flagged, flagged, not."""
    delta = np.full((50, 4), -1, np.float32)
    for image, kept in enumerate((0, 1, 2, 3)):
        delta[:kept, image] = 1
    assert collapse.votes(delta, 0.0).tolist() == [50, 49, 48, 47]
    assert collapse.flagged(delta, 0.0, 2).tolist() == [True, True, True, False]


def test_a_change_equal_to_the_threshold_does_not_count():
    delta = np.zeros((3, 1), np.float32)
    assert collapse.votes(delta, 0.0).tolist() == [0]
    assert not collapse.flagged(delta, 0.0, 0).any()
    assert not (collapse.order_statistic(delta, 0) < 0).any()


def test_no_tolerance_asks_for_every_change_and_full_tolerance_for_one():
    delta = np.array([[-1.0], [2.0], [3.0]], np.float32)
    assert not collapse.flagged(delta, 0.0, 0).any()
    assert collapse.flagged(delta, 0.0, 2).all()
    assert collapse.order_statistic(collapse.sorted_changes(delta), 0).tolist() == [3.0]
    assert collapse.order_statistic(collapse.sorted_changes(delta), 2).tolist() == [-1.0]


@pytest.mark.parametrize("tolerance", [-1, 3, 50])
def test_a_tolerance_that_leaves_nothing_to_count_is_refused(tolerance):
    delta = changes(3)
    with pytest.raises(ValueError, match=f"tolerance={tolerance}: expected 0 to 2"):
        collapse.order_statistic(delta, tolerance)
    with pytest.raises(ValueError, match=f"tolerance={tolerance}"):
        collapse.flagged(delta, 0.0, tolerance)


@pytest.mark.parametrize("ties", [False, True])
def test_the_surface_is_the_count_of_flags_at_every_point(ties):
    delta = changes(6, ties=ties)
    thresholds = np.array([-2, -1, -0.5, 0, 0.25, 1, 3], np.float32)
    surface = collapse.surface(collapse.sorted_changes(delta), thresholds)
    by_hand = [[collapse.flagged(delta, h, k).sum() for h in thresholds.tolist()] for k in range(6)]
    assert surface.tolist() == by_hand


def test_the_surface_stops_at_the_tolerance_asked_for():
    assert collapse.surface(collapse.sorted_changes(changes(50)), np.zeros(3, np.float32), 4).shape == (5, 3)


def test_more_tolerance_and_a_higher_threshold_never_flag_less():
    ordered = collapse.sorted_changes(changes(20))
    surface = collapse.surface(ordered, collapse.threshold_grid(ordered))
    assert (np.diff(surface, axis=0) >= 0).all() and (np.diff(surface, axis=1) >= 0).all()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_grid_ascends_through_zero_to_the_largest_change(scale):
    ordered = collapse.sorted_changes(changes(9) * np.float32(scale))
    grid = collapse.threshold_grid(ordered)
    assert len(grid) == 81 and 0.0 in grid
    assert (np.diff(grid) > 0).all()
    assert grid[-1] >= np.abs(ordered).max() * 0.999 and grid[0] == -grid[-1]


def test_the_grid_exists_when_nothing_changed():
    grid = collapse.threshold_grid(np.zeros((4, 10), np.float32))
    assert np.isfinite(grid).all() and (np.diff(grid) > 0).all()


def test_relative_collapse_compares_with_the_largest_copy_that_is_not_tolerated():
    original, copies = np.array([4.0, -2.0, 0.0], np.float32), np.array([[1, 2, 0], [3, -6, 0]], np.float32)
    assert collapse.relative(original, copies, 0) == pytest.approx([1 / 7, -1.0, 0.0])
    assert collapse.relative(original, copies, 1) == pytest.approx([3 / 5, 0.5, 0.0])


def test_relative_collapse_does_not_depend_on_the_scale_of_an_images_scores():
    original, copies, scale = changes(1)[0], changes(9, seed=1), np.exp(changes(1, seed=2)[0] * 5)
    plain = collapse.relative(original, copies, 2)
    assert np.abs(plain).max() <= 1
    assert collapse.relative(original * scale, copies * scale, 2) == pytest.approx(plain, abs=1e-5)


def test_the_collapse_on_each_copy_decides_as_the_relative_rule_does():
    original, copies = changes(1)[0], changes(9, seed=1)
    each = collapse.relative_to_each(original, copies)
    for tolerance in (0, 3, 8):
        by_order = collapse.order_statistic(collapse.sorted_changes(-each), tolerance)
        assert -by_order == pytest.approx(collapse.relative(original, copies, tolerance), abs=1e-6)


def test_the_least_threshold_that_flags_anything_flags_the_lowest_image_alone():
    statistic = changes(1)[0]
    least = collapse.least_that_flags(statistic)
    assert (statistic < np.float32(least)).sum() == 1
    assert not (statistic < np.nextafter(np.float32(least), np.float32(-np.inf))).any()


@pytest.mark.parametrize("tolerance", [0, 2, 5])
def test_leaving_one_kind_out_is_counted_as_the_order_statistic_counts_it(tolerance):
    delta, names = changes(9, ties=True), tuple("aabbbbccc")
    told = collapse.each_left_out(delta < 0, names, tolerance)
    now = collapse.flagged(delta, 0.0, tolerance)
    for kind in "abc":
        kept = delta[np.array(names) != kind]
        if len(kept) <= tolerance:
            assert told[kind] is None
            continue
        then = collapse.order_statistic(collapse.sorted_changes(kept), tolerance) < 0
        come, go, either = (int(mask.sum()) for mask in (then & ~now, now & ~then, now | then))
        similarity = float((now & then).sum() / either) if either else 1.0
        assert told[kind] == collapse.LeftOut(come, go, similarity)


def test_the_graded_surface_is_the_grade_of_every_setting():
    delta, poisoned = changes(5, 60), np.arange(60) < 12
    ordered, thresholds = collapse.sorted_changes(delta), np.array([-9, -0.5, 0.5, 2], np.float32)
    counts, hits = (
        collapse.surface(part, thresholds) for part in (ordered, np.ascontiguousarray(ordered[:, poisoned]))
    )
    graded = collapse.graded_surface(counts, hits, 12)
    for k, h in np.ndindex(counts.shape):
        flagged = collapse.flagged(delta, float(thresholds[h]), k)
        right = (flagged & poisoned).sum()
        assert graded["true_positive_rate"][k, h] == right / 12
        assert graded["f1"][k, h] == pytest.approx(2 * right / (flagged.sum() + 12))
        assert (
            graded["precision"][k, h] == right / flagged.sum()
            if flagged.any()
            else np.isnan(graded["precision"][k, h])
        )
