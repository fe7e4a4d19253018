"""Does the page that explains the method show the contrast's calibration where there is one, and do without elsewhere?"""

import shutil

import pytest

from core import paths, runs
from core.pipeline import plan
from core.store import Store


@pytest.fixture
def bundled(tiny_root, tmp_path, monkeypatch):
    """Makes a finished experiment the bundled case."""

    def ship(experiment):
        store = Store(tmp_path / "bundled")
        shutil.copytree(tiny_root, store.root, ignore=shutil.ignore_patterns("locks", "runs"))
        runs.complete(plan(experiment, store))
        runs.record(experiment, store)
        monkeypatch.setattr(paths, "SHIPPED", store.root)

    return ship


def figures(at) -> list[str]:
    return [element.proto.id for element in at.get("plotly_chart")]


def test_the_calibration_of_the_bundled_case_is_drawn_with_the_poisons_marked(bundled, tiny, visit, words):
    bundled(tiny.experiment)
    at = visit("method")
    assert not at.exception and len(figures(at)) == 2
    told = words(at)
    assert "expected without an attack" in told and "other training images" in told
    assert "the 56 training images labelled “1”" in told and "25 images lie beyond the cut-off" in told


def test_poisons_are_not_marked_where_the_truth_is_hidden(bundled, tiny, visit, words):
    bundled(tiny.experiment)
    at = visit("method", truth="hide")
    assert not at.exception and len(figures(at)) == 2
    assert "other training images" not in words(at)


def test_a_bundled_case_without_controls_is_shown_without_its_calibration(
    bundled, make_experiment, visit, words
):
    bundled(make_experiment(controls={"count": 0}, unlearners=[]))
    at = visit("method")
    assert not at.exception and not at.error and len(figures(at)) == 1
    assert "Where it fails" in words(at) and "beyond the cut-off" not in words(at)


def test_with_nothing_bundled_the_page_has_words_alone(visit, words):
    at = visit("method")
    assert not at.exception and not figures(at)
    assert "H^{-1}" in words(at) and "not exact" in words(at)
