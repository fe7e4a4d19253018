"""Does a blind copy keep the truth, hold people to what they committed, and score them rightly?"""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core import casebook, cases, metrics, runs, sets
from core import truth as truths
from core.__main__ import main
from core.blind import challenge_scores, challenges, commitments, renumbered
from core.blind.challenges import Wanted
from core.collapse import order_statistic, sorted_changes
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.reviewed import Reviewed
from core.engine import questions
from core.store import Store


@pytest.fixture
def case(tiny, tiny_root) -> cases.Case:
    store = Store(tiny_root, computes=False)
    run = runs.Run(runs.identifier(tiny.experiment), tiny.experiment, "2026-01-01T00:00:00Z", False)
    return cases.Case(run, cases.plan(tiny.experiment, store), (run,))


@pytest.fixture
def challenge(case, tmp_path) -> challenges.Challenge:
    return challenges.make(tmp_path, case, Wanted("Exercise 1"))


@pytest.fixture
def blind(case, challenge) -> cases.Case:
    return challenges.case_of(challenge, case.plan.dataset.store)


def test_every_place_shows_the_image_label_scores_and_features_of_its_row(case, blind):
    plain, shown, order = case.plan, blind.plan, blind.real_rows(range(300))
    assert sorted(order) == list(range(300)) and not np.array_equal(order, np.arange(300))
    for name in ("dataset", "poisoned"):
        before, after = getattr(plain, name).value.train, getattr(shown, name).value.train
        assert np.array_equal(np.asarray(after.images), before.images[order])
        assert np.array_equal(after.labels, before.labels[order])
    assert np.array_equal(np.asarray(shown.scores.value.values), plain.scores.value.values[:, order])
    assert np.array_equal(shown.scores.value.delta(1), plain.scores.value.delta(1)[:, order])
    found, known = (p.detections["influence_threshold"].value for p in (shown, plain))
    assert np.array_equal(found.flagged, known.flagged[order])
    assert np.array_equal(found.suspicion, known.suspicion[order])


def test_the_truth_of_a_revealed_copy_is_that_of_the_case(case, blind):
    real, shown = truths.required(case.plan), truths.required(blind.plan)
    assert np.array_equal(shown.poisoned, real.poisoned[blind.order])
    assert np.array_equal(blind.places(blind.real_rows([5, 2, 7])), [5, 2, 7])


@pytest.mark.parametrize("rule", [Contrast(), DeltaInfluence(threshold=-0.5, tolerance=2), "reviewed"])
def test_a_rule_flags_the_same_images_under_their_new_numbers(rule, case, blind):
    rule = Reviewed(digest=sets.keep([3, 30, 299])) if rule == "reviewed" else rule
    assert np.array_equal(verdict(blind.plan, rule).flagged, verdict(case.plan, rule).flagged[blind.order])


@pytest.mark.parametrize(
    "key",
    [4, -1, slice(3, 9), np.array([7, 0, 7]), np.arange(40) % 3 == 0, (slice(2, 5), 0), (5, ..., 1), [1, 2]],
    ids=str,
)
def test_a_reordered_array_reads_like_its_copy(key):
    base, order = np.arange(40 * 6 * 5).reshape(40, 6, 5), renumbered.order_of("ab", 40)
    lazy, copied = renumbered.Reordered(base, order), base[order]
    assert np.array_equal(lazy[key], copied[key])
    assert (lazy.shape, lazy.dtype, len(lazy)) == (copied.shape, copied.dtype, len(copied))


@pytest.mark.parametrize(
    "key",
    [2, slice(1, 3), [0, 4], (slice(None), [3, 1]), (1, 5), (slice(0, 2), np.arange(40) > 30), (..., 3)],
)
def test_reordered_columns_read_like_their_copy(key):
    base, order = np.arange(6 * 40).reshape(6, 40), renumbered.order_of("cd", 40)
    assert np.array_equal(renumbered.Reordered(base, order, axis=1)[key], base[:, order][key])


def test_pixels_and_scores_are_not_copied(case, blind):
    assert blind.plan.scores.value.values.base is case.plan.scores.value.values
    assert blind.plan.poisoned.value.train.images.base is case.plan.poisoned.value.train.images


def test_over_many_secrets_a_place_tells_nothing_of_being_a_poison():
    n, poisoned, drawn = 300, np.arange(300) < 25, 400
    found = [poisoned[renumbered.order_of(f"{seed:032x}", n)] for seed in range(drawn)]
    shares = np.mean(found, axis=0)  # of copies in which each place is a poison
    spread = np.sqrt(25 / 300 * 275 / 300 / drawn)
    assert np.abs(shares - 25 / 300).max() < 4.5 * spread
    ranks = [np.corrcoef(np.arange(n), mask)[0, 1] for mask in found]
    assert abs(np.mean(ranks)) < 4.5 / np.sqrt(n * drawn)


def test_keys_of_a_copy_are_its_own_and_the_store_still_finds_everything(case, challenge, blind):
    other = challenges.case_of(replace(challenge, secret="another"), case.plan.dataset.store)
    names = ("dataset", "poisoned", "victim", "queries", "scores", "before")
    for name in names:
        keys = {getattr(c.plan, name).key for c in (case, blind, other)}
        assert len(keys) == 3 and getattr(blind.plan, name).done
    assert not blind.unfinished
    assert questions.about_scores(blind.plan).key == case.plan.scores.key
    assert questions.layers(blind.plan, (0, 7)).key == questions.layers(case.plan, (0, 7)).key


def test_a_copy_carries_nothing_of_the_cases_own_words(case, challenge, tmp_path):
    assert challenge.id not in case.id and case.id not in challenge.id
    assert (challenge.experiment.title, challenge.experiment.description) == ("Exercise 1", "")
    again = challenges.again(tmp_path, challenge)
    assert again.secret != challenge.secret and again.id != challenge.id and again.sealed
    assert challenge.secret not in repr(challenge)


@pytest.mark.parametrize("title", ["", " ", "x" * 81, "A BadNet exercise", "bad net!", "Bad-Net"])
def test_a_title_that_is_empty_too_long_or_names_the_attack_is_refused(title, case, tmp_path):
    with pytest.raises(ValueError, match="title="):
        challenges.make(tmp_path, case, Wanted(title))
    assert challenges.every(tmp_path) == []


def test_a_copy_of_a_copy_is_refused(blind, tmp_path):
    with pytest.raises(ValueError, match="finished case of ours"):
        challenges.make(tmp_path, blind, Wanted("Exercise 2"))


def test_a_challenge_is_read_back_as_it_was_made_and_can_be_removed_and_restored(case, tmp_path):
    wanted = Wanted("Exercise 9", frozenset({"threshold", "tolerance"}), {"rule": "delta", "th": "-0.5"})
    made = challenges.make(tmp_path, case, wanted)
    assert challenges.find(tmp_path, made.id) == made
    assert challenges.start(tmp_path, made.id) == (wanted.view, wanted.locked)
    challenges.remove(tmp_path, made.id)
    assert challenges.find(tmp_path, made.id) is None and challenges.every(tmp_path) == []
    challenges.restore(tmp_path, made.id)
    assert challenges.every(tmp_path) == [made]


def test_revealing_is_for_good_and_keeps_its_first_time(challenge, tmp_path):
    challenges.reveal(tmp_path, challenge.id)
    first = challenges.find(tmp_path, challenge.id)
    challenges.reveal(tmp_path, challenge.id)
    assert not first.sealed and challenges.find(tmp_path, challenge.id) == first


def test_sets_that_people_chose_with_the_truth_are_no_outcomes_of_a_sealed_copy(blind):
    def outcome(role: str, rule):
        return SimpleNamespace(asked=SimpleNamespace(role=role), detector=rule)

    in_the_case, in_another_copy = Reviewed(digest=sets.keep([3, 7])), Reviewed(digest=sets.keep([3, 7], "b"))
    own, gone = Reviewed(digest=sets.keep([3, 7], blind.salt)), Reviewed(digest="0" * 32)
    cases_ = [("flags", Contrast()), ("flags", own), ("random", own), ("oracle", Contrast())]
    cases_ += [("flags", rule) for rule in (in_the_case, in_another_copy, gone)]
    told = [cases._tells_nothing(outcome(*one), blind.salt) for one in cases_]
    assert told == [True, True, True, False, False, False, False]


def test_variants_of_a_copy_carry_its_name_and_not_their_own(blind):
    assert {(run.id, run.title) for run in blind.variants} == {(blind.id, "Exercise 1")}


def committed(root, challenge, rows=(4, 2, 9), analyst="Ada"):
    return commitments.commit(root, challenge.id, analyst=analyst, rows=rows, rule={"name": "contrast"})


def test_a_commitment_is_the_digest_of_salt_rows_and_rule(challenge, tmp_path):
    made = committed(tmp_path, challenge)
    assert commitments.of_challenge(tmp_path, challenge.id) == [made] and made.sound
    assert made.rows == (2, 4, 9)
    again = committed(tmp_path, challenge)
    assert again.digest != made.digest  # the salt is new, so equal sets cannot be told
    assert commitments.counting([made, again]) == [again]


@pytest.mark.parametrize("column, value", [("flagged", "[2, 4]"), ("rule", "{}"), ("salt", "00")])
def test_a_commitment_that_is_altered_in_the_book_is_found_out_and_not_scored(
    column, value, challenge, blind, tmp_path
):
    committed(tmp_path, challenge)
    honest = committed(tmp_path, challenge, analyst="Bea")
    with casebook.writing(tmp_path) as book:
        book.execute(f"UPDATE commitments SET {column} = ? WHERE analyst = 'Ada'", [value])
    found = commitments.of_challenge(tmp_path, challenge.id)
    assert [c.sound for c in found] == [False, True]
    board = challenge_scores.scoreboard(blind, truths.required(blind.plan), found)
    assert [(row["analyst"], row["f1"] is None) for row in board] == [("Bea", False), ("Ada", True)]
    assert found[1] == honest


def test_nothing_is_committed_after_the_reveal_nor_told_before_it(challenge, tmp_path):
    made = committed(tmp_path, challenge)
    with pytest.raises(ValueError, match="is sealed"):
        commitments.record(made, challenge)
    challenges.reveal(tmp_path, challenge.id)
    with pytest.raises(ValueError, match="the truth is out"):
        committed(tmp_path, challenge)
    told = commitments.record(made, challenges.find(tmp_path, challenge.id))
    assert commitments.fault(json.loads(json.dumps(told)), made.short) == ""


@pytest.mark.parametrize("analyst", ["", "  \n ", "x" * 61])
def test_a_commitment_needs_a_name(analyst, challenge, tmp_path):
    with pytest.raises(ValueError, match="analyst="):
        committed(tmp_path, challenge, analyst=analyst)


def test_the_command_line_verifies_a_record_and_detects_tampering(challenge, tmp_path, capsys):
    made = committed(tmp_path, challenge)
    challenges.reveal(tmp_path, challenge.id)
    told = commitments.record(made, challenges.find(tmp_path, challenge.id))
    file = tmp_path / "commitment.json"
    for changes, wrong in (
        ({}, ""),
        ({"rows": [2, 4]}, "was altered"),
        ({"rule": "{}"}, "was altered"),
        ({"digest": "0" * 64}, "was altered"),
        ({"rows": "many"}, "whole numbers"),
        ({"rows": None}, "whole numbers"),
    ):
        file.write_text(json.dumps(told | changes))
        with pytest.raises(SystemExit) as ended:
            main(["verify-commitment", str(file), "--digest", made.short])
        assert (ended.value.code or 0) == bool(wrong) and wrong in capsys.readouterr().err


def test_another_commitments_record_is_not_the_one_that_was_noted(challenge, tmp_path):
    one, two = committed(tmp_path, challenge), committed(tmp_path, challenge)
    challenges.reveal(tmp_path, challenge.id)
    told = commitments.record(two, challenges.find(tmp_path, challenge.id))
    assert "another commitment" in commitments.fault(told, one.short)
    assert "no record" in commitments.fault(["a list"])


def test_the_best_setting_is_the_best_of_all_thresholds_and_tolerances(blind):
    ordered = sorted_changes(blind.plan.scores.value.delta(0))
    poisoned = truths.required(blind.plan).poisoned
    best = challenge_scores.best_setting(ordered, poisoned)
    tried = [
        metrics.grade(statistic < np.nextafter(value, np.float32(np.inf)), poisoned)["f1"]
        for tolerance in range(len(ordered))
        for statistic in [order_statistic(ordered, tolerance)]
        for value in np.unique(statistic)
    ]
    assert metrics.grade(best.flagged, poisoned)["f1"] == max(tried)
    rule = DeltaInfluence(threshold=best.threshold, tolerance=best.tolerance)
    assert np.array_equal(rule.judge(ordered).flagged, best.flagged)


def test_the_committed_set_is_graded_beside_the_detectors_and_the_best_setting(challenge, blind, tmp_path):
    truth = truths.required(blind.plan)
    places = np.flatnonzero(truth.poisoned)[:-3].tolist() + np.flatnonzero(~truth.poisoned)[:2].tolist()
    mine = committed(tmp_path, challenge, rows=blind.real_rows(places))
    rows = challenge_scores.comparison(blind, truth, sorted_changes(blind.plan.scores.value.delta(0)), mine)
    assert [row["f1"] or 0 for row in rows] == sorted((row["f1"] or 0 for row in rows), reverse=True)
    assert {row["kind"] for row in rows} == {"committed", "detector", "oracle"}
    [own] = [row for row in rows if row["kind"] == "committed"]
    assert (own["flagged"], own["true_positives"]) == (24, 22)
    assert own["precision"] == 22 / 24 and own["f1"] == 2 * 22 / (24 + 25)
    missed, false = challenge_scores.mistakes(truth, challenge_scores.mask_of(blind, mine.rows))
    assert (
        (len(missed), len(false)) == (3, 2)
        and truth.poisoned[missed].all()
        and not truth.poisoned[false].any()
    )
