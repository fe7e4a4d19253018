"""Is influence in the sandbox what it is said to be, and does the address bring back what was drawn?"""

import itertools
import time

import numpy as np
import pytest

from core.learn import sandbox
from core.learn.sandbox_answer import N_COPIES, answer, copies
from core.learn.sandbox_scene import LONGEST, MOST_PLACED, PLACED, Scene, attacked, drawn

KINDS = ("linear", "quadratic", "radial")


def fitted(kind="radial", classes=3, penalty=0.1, n=45):
    random = np.random.default_rng(3)
    labels = random.integers(0, classes, n)
    at = random.normal(size=(n, 2)) + np.array([[-1, 0], [1, 0], [0, 1]])[labels]
    return sandbox.fit(sandbox.features(at, kind), labels, classes=classes, penalty=penalty)


@pytest.mark.parametrize(
    ("kind", "classes", "penalty"), list(itertools.product(KINDS, (2, 3), (0.01, 0.1, 10)))
)
def test_newton_reaches_the_optimum_within_twenty_steps(kind, classes, penalty):
    found = fitted(kind, classes, penalty)
    assert np.abs(found.gradient).max() < 1e-8
    assert found.steps < 20


def test_the_hessian_is_the_derivative_of_the_gradient():
    of, step = fitted("quadratic"), 1e-6
    for place in (0, 5, 17):
        moved = of.weights.ravel().copy()
        moved[place] += step
        there = sandbox.Fitted(of.seen, of.labels, of.penalty, moved.reshape(of.weights.shape), 0)
        slope = (there.gradient - of.gradient).ravel() / step
        np.testing.assert_allclose(of.hessian[place], slope, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_training_without_all_points_at_once_is_training_without_each(kind):
    of = fitted(kind)
    together = sandbox.left_out(of)
    for i in (0, 7, 44):
        alone = sandbox.without(of, np.arange(45) == i)
        np.testing.assert_allclose(together[i], alone.weights, atol=1e-5)


def test_points_that_the_shared_steps_cannot_bring_home_are_trained_by_themselves():
    of = fitted(penalty=0.01)
    np.testing.assert_allclose(sandbox.left_out(of, steps=1), sandbox.left_out(of), atol=1e-5)


def test_influence_is_the_margin_that_leaving_a_point_out_costs():
    of = fitted(penalty=1.0)
    query = sandbox.features(np.array([[0.2, 0.1], [-1.0, 0.5]]), "radial")
    labels = of.probabilities(query).argmax(1)
    truth = sandbox.true_effect(of, query, labels, sandbox.left_out(of))
    estimate = sandbox.influence(of, query, labels)
    assert np.corrcoef(estimate.ravel(), truth.ravel())[0, 1] > 0.99


def test_influence_becomes_exact_as_a_point_matters_less():
    gaps = []
    for penalty in (0.1, 1.0, 10.0):
        of = fitted("quadratic", penalty=penalty)
        query, labels = of.seen[:1], np.array([0])
        truth = sandbox.true_effect(of, query, labels, sandbox.left_out(of))
        gaps.append(np.abs(sandbox.influence(of, query, labels) - truth).max() / np.abs(truth).max())
    assert gaps[0] > gaps[1] > gaps[2]


def test_a_copy_of_the_test_point_with_its_label_supports_it_and_with_another_argues_against_it():
    scene = Scene(placed=((0, -170, 60), (1, -170, 60)))
    found = answer(scene, 0)
    same, other = found.influence[found.points.placed]
    assert found.reading.label == 0
    assert same > 0 > other
    assert found.truth[found.points.placed][0] > 0 > found.truth[found.points.placed][1]


def test_damping_spoils_the_agreement():
    exact = answer(Scene(), 0)
    damped = answer(Scene(damping=10), 0)
    assert damped.agreement < exact.agreement
    np.testing.assert_array_equal(exact.truth, damped.truth)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_cluster_of_wrong_labels_fools_bumps_and_collapses_and_is_forgotten(classes):
    hits = wrong = 0
    for seed in range(5):
        found = answer(attacked(Scene(classes=classes), "cluster", seed), seed)
        hits += (found.flagged & found.planted).sum() / found.planted.sum() / 5
        wrong += (found.flagged & ~found.planted).sum() / 5
        assert (found.reading.label, found.after.label) == (1, 0)
        assert found.after.accuracy > found.reading.accuracy
    assert hits > 0.75
    assert wrong < 2.5


def test_relabelling_alone_flags_honest_points_too():
    scene = attacked(Scene(), "cluster", 0)
    both, alone = (answer(scene.changed(copies=kind), 0) for kind in ("both", "relabel"))
    assert (alone.flagged & ~alone.planted).sum() > 10 > (both.flagged & ~both.planted).sum()


def test_copies_are_moved_relabelled_or_both_and_the_same_for_a_seed():
    here = np.array(Scene().test) / 100
    for kind in ("both", "move", "relabel"):
        at, labels = copies(Scene(copies=kind), 4, 1)
        assert (labels == 1).all() == (kind == "move")
        assert (at == here).all() == (kind == "relabel")
        assert len(at) == N_COPIES
        np.testing.assert_array_equal(at, copies(Scene(copies=kind), 4, 1)[0])


def test_an_answer_is_fast_enough_for_a_gesture():
    scene = Scene(classes=3, placed=tuple((i % 3, 9 * i - 250, 100 - 7 * i) for i in range(MOST_PLACED)))
    answer(scene, 99)
    began = time.perf_counter()
    found = answer(scene.changed(test=(10, 10)), 99)
    assert len(found.points) == 105
    assert found.delta.shape == (N_COPIES, 105)
    assert time.perf_counter() - began < 0.5  # 0.05 s on an idle core; wide for a busy one


def random_scene(random):
    own = len(drawn(2, 0))
    rows = [int(i) for i in random.choice(own, 6, replace=False)]
    place = lambda: (int(random.integers(-300, 301)), int(random.integers(-300, 301)))  # noqa: E731
    return Scene(
        features=str(random.choice(KINDS)),
        penalty=int(random.integers(-30, 21)),
        threshold=float(f"{random.normal():.4g}"),
        tolerance=int(random.integers(0, 11)),
        test=place(),
        moved=[(i, *place()) for i in rows[:2]],
        relabelled=[(i, 1) for i in rows[2:4]],
        removed=[(i,) for i in rows[4:]],
        placed=[(int(random.integers(0, 2)), *place()) for _ in range(random.integers(0, 9))],
    )


def test_an_address_gives_back_the_scene_that_wrote_it():
    random = np.random.default_rng(0)
    for _ in range(100):
        scene = random_scene(random)
        assert Scene.parse(scene.text) == scene
    assert Scene.parse("") == Scene()


def test_the_largest_scene_fits_into_an_address():
    own = len(drawn(3, 0))
    scene = Scene(
        classes=3,
        moved=[(i, -299, -299) for i in range(own)],
        relabelled=[(i, 2) for i in range(own)],
        placed=[(1, -299, -299)] * MOST_PLACED,
    )
    assert len(scene.text) <= LONGEST
    assert Scene.parse(scene.text) == scene


@pytest.mark.parametrize(
    "text",
    [
        "k9",
        "x1",
        "a1",
        "a1.2",
        "fcubic",
        "m0.1",
        "kk",
        "<b>",
        "a1.1.1_" * 80,
        "t1",
        "cnan",
        "e99",
        "w-",
        "d-",
    ],
)
def test_an_address_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError):
        Scene.parse(text)


def picture(points, test=(-1.7, 0.6)):
    rows = zip(points.ids.tolist(), *points.at.T.tolist(), points.labels.tolist(), strict=True)
    return {"points": [list(row) for row in rows], "test": list(test)}


def test_a_picture_that_nobody_touched_is_the_same_scene():
    for scene in (Scene(), attacked(Scene(), "cluster", 5), attacked(Scene(), "flips", 5)):
        assert scene.redrawn(picture(scene.points(5)), 5) == scene


def test_gestures_are_told_apart_by_what_they_leave_behind():
    shown = picture(Scene().points(0))
    shown["points"][3][1:3] = [0.5, -0.25]
    shown["points"][4][3] = 1
    del shown["points"][5]
    shown["points"].append([PLACED, 9.0, 0.0, 1])
    scene = Scene().redrawn(shown | {"test": [1, 2]}, 0)
    assert scene.moved == ((3, 50, -25),)
    assert (scene.relabelled, scene.removed) == (((4, 1),), ((5,),))
    assert scene.placed == ((1, 300, 0),)  # inside the field
    assert scene.test == (100, 200)


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"points": 3, "test": [0, 0]},
        {"points": [], "test": [0]},
        {"points": [[1, 2]], "test": [0, 0]},
        {"points": [], "test": [float("nan"), 0]},
        {"points": [[PLACED + i, 0, 0, 1] for i in range(MOST_PLACED + 1)], "test": [0, 0]},
    ],
    ids=str,
)
def test_a_picture_that_makes_no_sense_is_refused(nonsense):
    with pytest.raises(ValueError):
        Scene().redrawn(nonsense, 0)


def test_rows_and_labels_that_a_scene_does_not_have_change_nothing():
    strange = Scene.parse("k2_m59.0.0_l58.1_d57_a7.0.0_l0.9")
    assert len(strange.points(0)) == len(drawn(2, 0))
    assert answer(strange, 0).points.labels.max() == 1


def test_without_any_point_there_is_no_answer():
    empty = Scene(removed=[(i,) for i in range(len(drawn(2, 0)))])
    with pytest.raises(ValueError, match="no training point"):
        answer(empty, 0)
    lone = answer(empty.changed(placed=[(1, 0, 0)]), 0)
    assert lone.reading.label == 1
    assert lone.agreement is None


def test_a_classifier_without_a_penalty_or_with_unknown_features_is_refused():
    with pytest.raises(ValueError, match="penalty=0"):
        fitted(penalty=0)
    with pytest.raises(ValueError, match="linear, quadratic or radial"):
        sandbox.features(np.zeros((1, 2)), "cubic")
