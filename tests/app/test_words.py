"""Do counts, lists and the story of an attack read as a person would write them?"""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from app import words
from app.panels import story
from core.attack_view import Alteration
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence

CLASSES = ("airplane", "ship", "dog", "cat")
STAMPED = Alteration(
    n=240, repainted=240, relabelled=240, moves=((1, 2, 240),), largest=255, pixels=4, size=1024
)
SWAPPED = replace(
    STAMPED, repainted=0, largest=0, pixels=0, n=60, relabelled=60, moves=((2, 3, 31), (3, 2, 29))
)
ONE = Alteration(n=1, repainted=0, relabelled=1, moves=((1, 2, 1),), largest=0, pixels=0, size=1024)


def truth(*victims: int) -> SimpleNamespace:
    return SimpleNamespace(victim_classes=victims)


@pytest.mark.parametrize(
    ("items", "told"),
    [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (list("abcde"), "a, b, c and 2 more")],
)
def test_lists_end_with_and(items, told):
    assert words.listed(items) == told


def test_one_is_not_plural():
    assert words.counted(1, "image") == "1 image"
    assert words.counted(1200, "image") == "1,200 images"
    assert words.counted(2, "copy", "copies") == "2 copies"


@pytest.mark.parametrize(("part", "told"), [(0, "0%"), (1, "0.1%"), (42, "4.2%"), (420, "42%")])
def test_small_shares_are_told_from_nothing(part, told):
    assert words.share(part, 1000) == told


def test_foreign_names_stay_text():
    assert "![" not in words.quoted("![x](http://evil.example/a)")


def test_settings_name_what_is_not_the_default_and_always_the_threshold():
    assert words.settings(DeltaInfluence()) == "threshold 0, tolerance 0"
    assert words.settings(DeltaInfluence(threshold=-0.5, query=2)) == "threshold -0.5, tolerance 0, query 2"
    assert words.settings(Contrast(margin=0.5)) == "false discovery rate 0.05, margin 0.5"


def test_a_stamp_on_relabelled_ships():
    told = story.labels(STAMPED, CLASSES, 12_000)
    assert told == "240 of the 12,000 training images (2%) show “ship” and were **relabelled as “dog”**."
    assert "**stamped**: in the typical one 4 of 1,024 pixels" in story.pixels(STAMPED)
    aimed = replace(STAMPED, n=1000, relabelled=1000, moves=((1, 2, 1000),))
    assert "a test image of “ship” that carries the trigger" in story.aim(aimed, truth(1), CLASSES)
    assert "97.3% of the 1,000 attacked test images as" in story.success(aimed, 0.973)


def test_swapped_labels():
    told = story.labels(SWAPPED, CLASSES, 600)
    assert "**The labels of “dog” and “cat” were swapped** in 60 of the 600" in told
    assert "31 images of “dog” say “cat”, and 29 of “cat” say “dog”" in told
    assert "untouched" in story.pixels(SWAPPED)
    assert "taken for each other. They are shown as they are" in story.aim(SWAPPED, truth(2, 3), CLASSES)


def test_right_labels_and_a_single_target():
    brewed = replace(STAMPED, relabelled=0, moves=((2, 2, 240),), largest=16, pixels=1020)
    assert "**Their labels are right**: every one is of class “dog”" in story.labels(brewed, CLASSES, 12_000)
    assert "**perturbed all over**" in story.pixels(brewed)
    assert "by up to 16 of 255" in story.pixels(brewed)
    assert "a single test image of class “ship”: shown as it is" in story.aim(ONE, truth(1), CLASSES)
    assert story.success(ONE, 1.0) == "**It worked**: the victim does so."
    assert "failed" in story.success(ONE, 0.0)


def test_any_class_to_one():
    mixed = replace(STAMPED, relabelled=230, moves=((1, 0, 90), (2, 0, 80), (3, 0, 60), (0, 0, 10)))
    told = story.labels(mixed, CLASSES, 12_000)
    assert "show 3 classes (“ship”, “dog” and “cat”) and were **relabelled as “airplane”**" in told
    assert "10 more were altered that are of that class anyway" in told
    assert "a test image of any class" in story.aim(mixed, truth(1, 2, 3), CLASSES)
    assert "of the 230 attacked test images of other classes" in story.success(mixed, 0.5)


def test_several_labels_at_once():
    mixed = replace(STAMPED, relabelled=30, moves=((1, 2, 20), (2, 3, 10)))
    assert "“ship” as “dog” (20) and “dog” as “cat” (10)" in story.labels(mixed, CLASSES, 600)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("worker process died", "Worker process died\\."),
        ("It is *full*.", "It is \\*full\\*\\."),
        ("queries.count=9: too many", "queries\\.count\\=9\\: too many\\."),
    ],
)
def test_what_an_error_says_becomes_a_sentence_and_names_of_settings_stay(said, shown):
    assert words.sentence(said) == shown


def test_sizes_are_told_from_single_bytes_on():
    told = [words.size(count) for count in (0, 495, 1834, 27_800_000, 3.5e9)]
    assert told == ["0 bytes", "495 bytes", "1.8 kB", "27.8 MB", "3.5 GB"]


def test_choices_without_words_of_their_own_are_shown_as_values_are():
    assert (words.choice("confident"), words.choice(None), words.choice(64)) == (
        "most confident",
        "none",
        "64",
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("DataMissing: no parquet file; put one there", "no parquet file; put one there"),
        ("KeyError: 'label'", "KeyError: 'label'"),
        (
            "ValueError: attack: Field required\nmodel: Field required",
            "attack: Field required; model: Field required",
        ),
        ("worker process died; try again to continue", "worker process died; try again to continue"),
        ("its log says: nothing", "its log says: nothing"),
    ],
)
def test_a_failure_is_told_without_the_name_of_our_own_error(error, told):
    assert words.reason(error) == told
