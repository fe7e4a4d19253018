"""Are the questions of the guided case answered by what was measured, and is a committed set graded rightly?"""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from core import cases, collapse, runs, truth
from core.learn import lessons, lessons_verdict
from core.learn.lessons import Choice, Number, Picking
from core.learn.lessons_verdict import Committed


@pytest.fixture
def case(tiny, tiny_root, store_root):
    shutil.copytree(tiny_root, store_root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    return cases.find(runs.record(tiny.experiment, runs.open_store()).id, runs.open_store())


@pytest.fixture
def evidence(case):
    return lessons.evidence(case, 0)


def test_a_lesson_needs_a_finished_case_whose_truth_is_known_and_open(case, make_experiment):
    assert lessons.suited(case)
    assert not lessons.suited(replace(case, sealed=True))
    begun = runs.record(make_experiment(title="begun", attack={"seed": 5}), runs.open_store())
    assert not lessons.suited(cases.find(begun.id, runs.open_store()))


def test_a_mistake_that_is_usual_is_told_from_one_that_was_taught(evidence):
    rare, usual = np.zeros(10, np.int64), np.zeros(10, np.int64)
    rare[7], usual[7], usual[1] = 20, 10, 10
    assert lessons.why(replace(evidence, reads=rare)).right == 2
    assert lessons.why(replace(evidence, reads=usual)).right == 1
    assert "Of 20 clean test images of “7”, the classifier reads 10 as “1”" in (
        lessons.why(replace(evidence, reads=usual)).told
    )


def test_the_three_most_influential_are_among_twelve_different_images(evidence):
    question = lessons.supporters(evidence)
    assert len(set(question.rows)) == 12
    assert question.right == set(np.argsort(-evidence.scores)[:3].tolist())
    assert question.right <= set(question.rows)
    assert question == lessons.supporters(evidence)


def test_those_that_fall_on_every_copy_are_the_right_ones(evidence):
    question = lessons.falling(evidence)
    votes = collapse.votes(evidence.delta, 0.0)
    assert 0 < len(question.right) <= 3 < len(question.rows) <= 6
    assert all((votes[i] == 8) == (i in question.right) for i in question.rows)
    assert (evidence.scores[list(question.rows)] > 0).all()
    assert (evidence.labels[list(question.rows)] == evidence.read).all()


def test_survivors_only_ever_become_fewer_and_end_with_the_papers_flags(evidence):
    left = lessons.survivors(evidence)
    assert (np.diff(left) <= 0).all()
    assert left[-1] == collapse.flagged(evidence.delta, 0.0, 0).sum()
    assert lessons.lasting(evidence).value == left[-1]


@pytest.mark.parametrize(
    ("guess", "right"), [({1, 2, 3}, True), ({1, 2, 9}, True), ({1, 8, 9}, False), (set(), False)]
)
def test_picking_may_miss_one(guess, right):
    question = Picking("", (1, 2, 3, 8, 9), frozenset({1, 2, 3}), (), 1, "")
    assert question.is_right(frozenset(guess)) == right


@pytest.mark.parametrize(
    ("value", "guess", "right"),
    [(78, 40, True), (78, 156, True), (78, 30, False), (0, 0, True), (0, 9, False)],
)
def test_a_guessed_count_is_right_within_a_factor_of_two(value, guess, right):
    assert Number("", value, 999, "").is_right(guess) == right


def test_a_guessed_share_is_right_within_ten_points():
    question = Number("", 4.0, 100, "", within=10)
    assert [question.is_right(guess) for guess in (0, 14, 15)] == [True, True, False]


def test_equally_good_sets_are_equally_right():
    question = Choice("", ("a", "b", "c"), 1, "", frozenset({1, 2}))
    assert [question.is_right(i) for i in range(3)] == [False, True, True]


def test_a_committed_set_is_graded_beside_every_detector_that_has_run(case, evidence):
    known = truth.of(case.plan)
    mine = Committed(0.0, 1)
    ranked = lessons_verdict.entries(case, evidence, mine, known)
    assert [entry.name for entry in ranked] == ["Your set", "Delta-Influence", "EK-FAC threshold"]
    assert ranked[0].flagged == mine.flagged(evidence).sum() == ranked[1].flagged
    assert ranked[0].hits == (mine.flagged(evidence) & known.poisoned).sum()
    question = lessons_verdict.best(ranked)
    assert question.is_right(0) and question.is_right(1)
    assert f"{ranked[0].hits} poisons among {ranked[0].flagged} images" in question.told


def test_a_set_of_nothing_is_graded_without_a_precision(case, evidence):
    [mine, *_] = lessons_verdict.entries(case, evidence, Committed(-1e30, 0), truth.of(case.plan))
    assert (mine.flagged, mine.precision) == (0, None)
    assert "nothing to be right" in lessons_verdict.expectation(mine, 0.8)
    assert "precision –" in lessons_verdict.summary({}, mine)


def test_the_outcome_of_the_very_set_is_shown_and_told_from_that_of_another(case, evidence):
    found = cases.outcomes(case, runs.open_store())
    mine, other = Committed(0.0, 1).flagged(evidence), Committed(-1e30, 0).flagged(evidence)
    outcome = lessons_verdict.example(found, case, mine)
    assert outcome.unlearner.name == "exact"
    assert lessons_verdict.is_of(outcome, case, mine)
    assert not lessons_verdict.is_of(lessons_verdict.example(found, case, other), case, other)
    assert lessons_verdict.example([], case, mine) is None


def test_what_is_left_of_the_poison_is_what_the_report_says(case, evidence):
    found = cases.outcomes(case, runs.open_store())
    outcome = lessons_verdict.example(found, case, Committed(0.0, 1).flagged(evidence))
    question = lessons_verdict.afterwards(case.plan.before.value, outcome)
    assert question.value == 100 * outcome.report.poison_success_rate
    assert f"{outcome.report.test_accuracy:.1%}" in question.told
    assert ("gone" in question.told) == (outcome.report.poison_success_rate < 0.05)


def test_the_summary_counts_right_guesses(case, evidence):
    [mine, *_] = lessons_verdict.entries(case, evidence, Committed(0.0, 1), truth.of(case.plan))
    told = lessons_verdict.summary({1: True, 2: False, 3: True}, mine)
    assert "right in 2 of 3" in told
    assert f"{mine.flagged} images" in told
    assert "did not commit" in lessons_verdict.summary({1: True}, None)
    assert "no guesses" in lessons_verdict.summary({}, mine)
