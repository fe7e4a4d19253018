"""A plateau is where one step hardly changes the flagged set, and is found from counts alone."""

import numpy as np
import pytest

from core import collapse, plateau


def blurred(n: int = 400, poisons: int = 40, *, seed: int = 0) -> np.ndarray:
    """Changes of 12 copies: poisons fall far on each, the others by chance."""
    draw = np.random.default_rng(seed)
    delta = draw.standard_normal((12, n))
    delta[:, :poisons] = -100 + draw.standard_normal((12, poisons))
    return delta.astype(np.float32)


def test_the_gap_between_poisons_and_the_others_is_the_plateau():
    made = plateau.surface(collapse.sorted_changes(blurred()))
    found = made.plateau
    assert found is not None and found.cells[found.tolerance, found.column]
    assert made.counts[found.tolerance, found.column] == 40
    assert (made.counts[found.cells] == 40).mean() > 0.8


def test_a_region_is_left_where_one_step_changes_more_than_a_twentieth():
    counts = np.array([[30, 30, 40, 40, 41, 60], [30, 31, 40, 41, 42, 80]])
    found = plateau.plateau(counts, 100)
    assert found is not None and (found.fewest, found.most) == (40, 42)
    assert found.cells.tolist() == [[False, False, True, True, True, False]] * 2


def test_nothing_flagged_a_handful_and_far_too_many_are_no_plateaus():
    assert plateau.plateau(np.array([[0, 0, 0, 19, 19, 19, 30, 50, 81, 81, 81]]), 80) is None
    assert plateau.plateau(np.zeros((3, 9), np.int64), 80) is None


def test_the_similarity_of_neighbours_is_that_of_the_sets_themselves():
    ordered = collapse.sorted_changes(np.random.default_rng(1).standard_normal((6, 50)).astype(np.float32))
    made = plateau.surface(ordered)
    sets = np.array(
        [[collapse.order_statistic(ordered, k) < h for h in made.thresholds] for k in range(len(made.counts))]
    )
    assert np.array_equal(sets.sum(2), made.counts)
    both, either = (sets[:, :-1] & sets[:, 1:]).sum(2), (sets[:, :-1] | sets[:, 1:]).sum(2)
    across = 1 - np.divide(both, either, out=np.ones(both.shape), where=either > 0)
    alone = plateau.instability(made.counts[2:3])
    assert alone[0, 1:-1] == pytest.approx(np.maximum(across[2, :-1], across[2, 1:]))


def test_the_centre_of_a_crooked_region_lies_inside_it():
    counts = np.full((5, 9), 50)
    counts[1:4, 1:8] = 99  # a ring
    counts[1, 4] = 50
    found = plateau.plateau(counts, 60)
    assert found is not None and found.cells[found.tolerance, found.column]
    assert counts[found.tolerance, found.column] == 50


def test_along_one_line_the_longest_stretch_wins():
    statistic = np.sort(np.r_[np.full(30, -9.0), np.full(10, -5.0), np.linspace(1, 2, 300)]).astype(
        np.float32
    )
    steps = np.arange(-12, 3, dtype=np.float32)
    found = plateau.along(statistic, steps, 100)
    assert found is not None and (found.low, found.high, found.fewest, found.most) == (-4.0, 1.0, 40, 40)


def test_a_label_whose_images_are_all_flagged_is_no_plateau_of_the_contrast():
    draw = np.random.default_rng(2)
    suspicion = np.full(1000, -40.0)
    suspicion[:150] = draw.normal(-20, 3, 150)
    suspicion[:30] = draw.normal(8, 1, 30)
    line = plateau.of_contrast(suspicion.astype(np.float32))
    assert line.plateau is not None and line.plateau.most < 75
    assert -line.plateau.high < 0 < -line.plateau.low + 8


@pytest.mark.parametrize("make", [plateau.of_changes, plateau.of_contrast, plateau.of_collapse])
def test_where_all_images_are_alike_there_is_no_plateau(make):
    line = make(np.zeros(50, np.float32))
    assert line.plateau is None and len(line.statistic) == 50
