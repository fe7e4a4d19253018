"""The study of the calibrated cut-off: what a row holds, and when its claims are true."""

import pytest

from core.studies import contrast
from core.studies.laboratory.lab import Lab

GOOD = {"precision": 0.95, "precision_in_target_label": 0.95, "true_positive_rate": 0.97, "flagged": 40.0}


@pytest.fixture(scope="module")
def rows(tiny) -> dict:
    """Two rows of the tiny case."""
    lab, every = Lab(tiny.experiment, tiny.dataset.store), contrast.CalibratedContrast().rows()
    return {name: every[name](lab) for name in ("delta_influence", "contrast/1")}


def test_a_row_holds_every_figure_of_the_study(rows):
    assert set(contrast.CalibratedContrast.figures) <= set(rows["contrast/1"])
    assert 0 <= rows["contrast/1"]["surely_flagged"] <= 1
    assert 0 < rows["contrast/1"]["repeated"] <= 1 and 0 < rows["delta_influence"]["repeated"] <= 1


def test_on_the_tiny_case_the_contrast_orders_the_label_better(rows):
    assert contrast.better_order(rows) is True


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"precision_in_target_label": 0.89}, False),
        ({"true_positive_rate": 0.94}, False),
        ({"precision": None, "precision_in_target_label": None, "true_positive_rate": 0.0}, False),
    ],
)
def test_the_aim_is_reached_only_when_all_three_figures_are(change, holds):
    assert contrast.reached({"contrast/4": GOOD | change}) is holds
    assert contrast.reached({}) is None


@pytest.mark.parametrize(
    ("change", "holds"),
    [({}, True), ({"precision": 0.94}, False), ({"precision": None, "flagged": 0.0}, True)],
)
def test_the_stated_share_of_false_flags_is_kept(change, holds):
    assert contrast.honest({"contrast/4": GOOD | change}) is holds
    assert contrast.honest({}) is None
