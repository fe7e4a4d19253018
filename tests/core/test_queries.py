"""The questions asked: which test images, how they are changed, and which labels they get."""

from dataclasses import replace

import numpy as np
import pytest

from core import stages
from core.artifacts import CONTROL, ORIGINAL, Queries
from core.experiment import ControlSettings, QuerySettings, TransformSettings
from core.queries import AttackFailed, affected_queries, balanced, control_queries, transform_queries
from core.randomness import numpy_stream, seed_for


@pytest.fixture
def change(tiny):
    """The picked test images of the tiny case, transformed with other settings."""

    def transform(**settings):
        x = tiny.experiment
        return transform_queries(
            TransformSettings(**({"n_transforms": 8} | settings)),
            x.model,
            tiny.victim.value,
            tiny.dataset.value,
            tiny.queries.value,
        )

    return transform


def altered(tiny, changed: Queries) -> np.ndarray:
    """Which copies differ from their original; on grey digits switching colours does nothing."""
    originals = tiny.queries.value.images[changed.parent]
    return (changed.images != originals).any(axis=(1, 2, 3))


@pytest.fixture
def pick(tiny):
    """The misbehaving test images of the tiny case."""

    def pick(**settings) -> Queries:
        x, chosen = tiny.experiment, QuerySettings(**settings)
        return affected_queries(chosen, x.model, tiny.victim.value, tiny.dataset.value, tiny.poisoning.value)

    return pick


def test_queries_are_triggered_images_that_are_taken_for_the_target(tiny, pick):
    found, truth = pick(count=256), tiny.poisoning.value
    assert len(found) == found.n_affected > 2
    assert (found.labels == 1).all() and (found.true_labels == 7).all()
    assert (found.probabilities.argmax(1) == 1).all()
    assert (found.parent == ORIGINAL).all() and set(found.transforms) == {""}
    made_from = np.searchsorted(truth.triggered_rows, found.test_rows)
    assert np.array_equal(found.images, truth.triggered.images[made_from].astype(np.float32) / 255)


def test_the_most_sure_misreadings_come_first_unless_test_order_is_asked_for(tiny, pick):
    sure = pick(count=256).probabilities[:, 1]
    assert (np.diff(sure) <= 0).all()
    in_order = pick(count=256, order="first").test_rows
    assert (np.diff(in_order) > 0).all()
    assert np.array_equal(pick(count=2, order="first").test_rows, in_order[:2])


def test_an_attack_that_fools_nobody_is_named_with_its_remedy(tiny):
    x, missed = (
        tiny.experiment,
        replace(tiny.poisoning.value, wanted=np.full_like(tiny.poisoning.value.wanted, 4)),
    )
    with pytest.raises(AttackFailed, match=r"poison success 0 of \d+.*raise attack.n_poisons"):
        affected_queries(x.queries, x.model, tiny.victim.value, tiny.dataset.value, missed)


@pytest.fixture
def controls(tiny):
    """Clean test images to compare the picked ones of the tiny case with."""

    def draw(queries: Queries = tiny.queries.value, **settings) -> Queries:
        x, chosen = tiny.experiment, ControlSettings(**settings)
        return control_queries(chosen, x.model, tiny.victim.value, tiny.dataset.value, queries)

    return draw


def test_controls_are_clean_test_images_that_are_read_rightly_as_the_observed_label(tiny, controls):
    found, test = controls(count=256), tiny.dataset.value.test
    assert len(found) > 4 and (found.parent == CONTROL).all()
    assert (found.labels == 1).all() and (found.probabilities.argmax(1) == 1).all()
    assert np.array_equal(test.labels[found.test_rows], found.labels)
    assert np.array_equal(found.images, test.images[found.test_rows].astype(np.float32) / 255)


def test_there_are_controls_for_every_observed_label_and_none_is_a_picked_image(tiny, controls):
    picked = tiny.queries.value
    two = replace(picked, labels=np.array([1, 4]), test_rows=controls(count=2).test_rows)
    found = controls(two, count=3)
    assert found.labels.tolist() == [1, 1, 1, 4, 4, 4]
    assert not set(found.test_rows) & set(two.test_rows)


def test_controls_follow_the_seed_alone_and_fewer_are_the_first_of_more(controls):
    many, few, other = controls(count=8), controls(count=3), controls(count=8, seed=1)
    assert np.array_equal(many.test_rows[:3], few.test_rows) and len(many) == len(other) == 8
    assert many.test_rows.tolist() != other.test_rows.tolist()


def test_no_controls_are_an_empty_set(tiny, controls):
    unread = replace(tiny.queries.value, labels=np.array([1, 1]))
    assert len(controls(unread, count=0)) == 0
    assert controls(unread, count=0).images.shape == (0, *tiny.queries.value.images.shape[1:])


def test_each_query_has_its_own_copies_in_order(tiny):
    changed = tiny.changed.value
    assert changed.parent.tolist() == [0] * 8 + [1] * 8
    assert (changed.true_labels == 7).all()
    assert set(changed.transforms) <= set(tiny.experiment.transforms.names)
    assert np.array_equal(altered(tiny, changed), np.array(changed.transforms) != "color_switch")


def test_new_labels_are_never_the_observed_prediction(change):
    changed = change(n_transforms=50)
    assert (changed.labels != 1).all()


def test_labels_are_distinct_while_classes_last_and_then_balanced(change):
    nine = change(n_transforms=9).labels
    assert sorted(nine[:9]) == sorted(nine[9:]) == [0, 2, 3, 4, 5, 6, 7, 8, 9]
    counts = np.bincount(change(n_transforms=50).labels[:50], minlength=10)
    assert counts[1] == 0 and set(np.delete(counts, 1)) <= {5, 6}


@pytest.mark.parametrize(("choices", "n"), [(9, 1), (9, 9), (9, 50), (99, 50), (1, 5)])
def test_a_balanced_draw_uses_every_choice_equally_often(choices, n):
    drawn = balanced(np.arange(choices), n, numpy_stream(0, "test"))
    counts = np.bincount(drawn, minlength=choices)
    assert len(drawn) == n and counts.max() - counts.min() <= 1


def test_label_mode_leaves_the_images_and_image_mode_the_labels(tiny, change):
    only_labels, only_images = change(mode="label"), change(mode="image")
    originals = tiny.queries.value
    assert np.array_equal(only_labels.images, originals.images[only_labels.parent])
    assert set(only_labels.transforms) == {""} and (only_labels.labels != 1).all()
    assert (only_images.labels == 1).all()
    assert np.array_equal(altered(tiny, only_images), np.array(only_images.transforms) != "color_switch")


def test_the_modes_are_ablations_of_the_same_draws(change):
    both, labels, images = change(), change(mode="label"), change(mode="image")
    assert np.array_equal(both.labels, labels.labels)
    assert np.array_equal(both.images, images.images)


def test_copies_follow_the_seed_alone(change):
    one, again, other = change(seed=3), change(seed=3), change(seed=4)
    assert np.array_equal(one.images, again.images) and np.array_equal(one.labels, again.labels)
    assert not np.array_equal(one.images, other.images) and not np.array_equal(one.labels, other.labels)


def test_more_copies_begin_with_the_same_ones(change):
    few, many = change(n_transforms=4), change(n_transforms=8)
    assert np.array_equal(few.images[:4], many.images[:4])
    assert few.transforms[:4] == many.transforms[:4]


def test_an_unknown_transformation_lists_the_choices(change):
    with pytest.raises(ValueError, match=r"'blur': expected kinds among \['blurrer', "):
        change(names=("blur",))


def test_purposes_have_independent_streams():
    assert seed_for(0, "augment") != seed_for(0, "order") != seed_for(1, "order")
    assert 0 <= seed_for(0, "augment") < 2**63
    assert numpy_stream(0, "a").random() == numpy_stream(0, "a").random() != numpy_stream(0, "b").random()


def test_scores_keep_the_order_of_the_queries(tiny):
    scores, asked = tiny.scores.value, (tiny.queries.value, tiny.changed.value, tiny.controls.value)
    assert scores.labels.tolist() == [label for queries in asked for label in queries.labels]
    assert scores.transforms == tuple(name for queries in asked for name in queries.transforms)
    assert scores.controls(1).tolist() == list(range(18, 18 + len(tiny.controls.value)))
    assert scores.rows(1).tolist() == list(range(10, 18))
    assert np.array_equal(scores.delta(1)[3], scores.values[13] - scores.values[1])


@pytest.mark.parametrize("query", [-1, 2, 99])
def test_a_query_that_was_not_scored_is_named(tiny, query):
    with pytest.raises(IndexError, match=f"query={query}: expected a picked test image from 0 to 1"):
        tiny.scores.value.delta(query)


def test_stages_that_make_queries_are_not_told_the_scores_or_flags(tiny):
    for artifact in (tiny.queries, tiny.changed):
        assert not {stages.score_pairs, stages.detect} & {a.stage for a in artifact.inputs}
