"""Is agreement beyond chance counted as published, and explained where it is not defined?"""

import numpy as np
import pytest

from core.review.agreement import agreement, called_poison, of_table, share


def test_kappa_and_its_interval_are_those_of_a_published_table():
    # Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (2003), table 18.1: kappa 0.68, s.e. 0.087
    found = of_table(np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.raw == pytest.approx(0.89)
    assert found.kappa == pytest.approx(0.676, abs=5e-4)
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(0.0877, abs=5e-4)


def test_the_interval_is_as_wide_as_resampling_makes_it():
    table, stream = np.array([[40, 6, 4], [5, 60, 5], [4, 6, 20]]), np.random.default_rng(0)
    drawn = stream.multinomial(table.sum(), table.ravel() / table.sum(), 4000).reshape(-1, 3, 3)
    spread = np.std([of_table(t).kappa for t in drawn])
    found = of_table(table)
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(spread, rel=0.05)


def test_only_images_that_both_have_judged_count():
    found = agreement({1: "poison", 2: "keep", 3: "unsure"}, {2: "keep", 3: "poison", 9: "keep"})
    assert found.n == 2
    assert found.table.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert found.raw == 0.5


def test_what_is_not_defined_is_explained():
    nobody = agreement({1: "poison"}, {2: "keep"})
    assert (nobody.kappa, nobody.raw) == (None, None)
    assert "judged by both" in nobody.remark
    alike = agreement({1: "poison", 2: "poison"}, {1: "poison", 2: "poison"})
    assert (alike.kappa, alike.raw) == (None, 1.0)
    assert "chance" in alike.remark
    perfect = agreement({1: "poison", 2: "keep"}, {1: "poison", 2: "keep"})
    assert (perfect.kappa, perfect.low, perfect.high) == (1, 1, 1)
    assert "no width" in perfect.remark


def test_disagreement_below_chance_is_negative():
    assert of_table(np.array([[0, 30, 0], [30, 0, 0], [0, 0, 0]])).kappa == pytest.approx(-1)


def test_the_interval_of_a_share_stays_inside_zero_and_one():
    found = share(2, 40)
    assert (found.low, found.high) == (pytest.approx(0.0138, abs=1e-3), pytest.approx(0.165, abs=1e-3))
    assert share(0, 10).low == 0
    assert share(0, 0) is None


def test_the_base_rate_counts_judged_controls_alone():
    found = called_poison({1: "poison", 2: "keep", 3: "unsure", 9: "poison"}, [1, 2, 3, 4])
    assert (found.part, found.whole) == (1, 3)
    assert called_poison({9: "poison"}, [1, 2]) is None
