"""Does an address bring back exactly the view that wrote it, and does no address break a page?"""

import numpy as np
import pytest

from app.state import View, fitted, parameters_of, parse
from app.words import escaped

SIZE = {"queries": 4, "copies": 50, "images": 1000}


def random_view(random: np.random.Generator) -> View:
    return View(
        case=f"{random.integers(16**12):012x}",
        query=int(random.integers(0, 5)),
        threshold=float(np.float32(random.standard_t(1))),
        tolerance=int(random.integers(0, 11)),
        truth=str(random.choice(["show", "hide"])),
        show=str(random.choice(["flagged", "missed", "influential"])),
        tab=str(random.choice(["images", "copies", "matrix", "surface"])),
        page=int(random.integers(1, 9)),
        image=int(random.integers(-1, 50_000)),
        poison=int(random.integers(0, 500)),
        trigger=int(random.integers(0, 500)),
        look=str(random.choice(["stored", "clean", "change"])),
        factor=str(random.choice(["auto", "1", "4", "16"])),
        flags=str(random.choice(["", "influence_threshold"])),
    )


def same(one: View, other: View) -> bool:
    """Equal as the page uses them: thresholds are compared in float32."""
    thresholds = np.float32(one.threshold) == np.float32(other.threshold)
    return bool(thresholds) and vars(one) | {"threshold": 0} == vars(other) | {"threshold": 0}


def test_an_address_gives_back_the_view_that_wrote_it():
    random = np.random.default_rng(0)
    for view in (random_view(random) for _ in range(300)):
        again, remarks = parse(parameters_of(view))
        assert same(again, view)
        assert remarks == []
        assert parameters_of(again) == parameters_of(view)


@pytest.mark.parametrize("typed", [-0.02, 0.1, 1e-30, -3.4e38, 5.0, 1 / 3])
def test_a_threshold_keeps_every_bit_of_its_float32_in_the_address(typed):
    threshold = float(np.float32(typed))
    view, _ = parse(parameters_of(View(case="a", threshold=threshold)))
    assert np.float32(view.threshold) == np.float32(threshold)


def test_defaults_are_left_out_of_the_address():
    assert parameters_of(View()) == {}
    assert parameters_of(View(case="a", margin=-0.5)) == {"case": "a", "m": "-0.5"}
    papers = View(case="a", rule="delta", threshold=-0.02)
    assert parameters_of(papers) == {"case": "a", "th": "-0.02", "rule": "delta"}


def test_a_link_with_a_threshold_and_no_rule_means_the_papers():
    assert parse({"case": "a", "th": "-0.02"})[0].rule == "delta"
    both = View(case="a", rule="contrast", threshold=-0.02)
    assert parse(parameters_of(both))[0] == both


@pytest.mark.parametrize(
    "part",
    [
        {"th": "nan"},
        {"th": "inf"},
        {"th": "1e39"},
        {"th": ""},
        {"tol": "1.5"},
        {"tol": "two"},
        {"q": "0x1"},
        {"i": "None"},
        {"page": "first"},
        {"truth": "zzz"},
        {"p": "first"},
        {"t": "1.5"},
        {"look": "zzz"},
        {"factor": "3"},
    ],
)
def test_a_part_that_makes_no_sense_is_remarked_on_and_gives_the_default(part):
    view, remarks = parse({"case": "a", "tab": "surface", **part})
    assert view == View(case="a", tab="surface")
    assert len(remarks) == 1
    assert escaped(repr(next(iter(part.values())))) in remarks[0]


def test_each_wrong_part_gets_its_own_remark_and_the_others_still_count():
    view, remarks = parse({"case": "a", "th": "nan", "tol": "x", "q": "2"})
    assert view == View(case="a", query=2)
    assert len(remarks) == 2


def test_a_link_of_another_version_opens_the_case_with_its_defaults():
    view, remarks = parse({"v": "99", "case": "a", "th": "-0.02", "tol": "nonsense"})
    assert view == View(case="a")
    assert len(remarks) == 1
    assert "another version" in remarks[0]


def test_unknown_parts_of_an_address_are_ignored():
    assert parse({"case": "a", "utm_source": "mail", "__class__": "x"}) == (View(case="a"), [])


def test_overlong_values_are_cut():
    view, _ = parse({"case": "a" * 10_000})
    assert len(view.case) == 64


@pytest.mark.parametrize(
    ("forged", "used"),
    [
        ({"query": 99}, {"query": 0}),
        ({"query": -5}, {"query": 0}),
        ({"tolerance": 999}, {"tolerance": 49}),
        ({"tolerance": -3}, {"tolerance": 0}),
        ({"image": -5}, {"image": -1}),
        ({"image": 1000}, {"image": -1}),
        ({"image": 999, "tolerance": 49, "query": 3}, {"image": 999, "tolerance": 49, "query": 3}),
    ],
)
def test_numbers_that_a_case_does_not_have_are_brought_inside_it(forged, used):
    assert fitted(View(case="a", **forged), **SIZE) == View(case="a", **used)
