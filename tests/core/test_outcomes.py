"""Is unlearning asked for, made, found again and judged as it was asked, and nothing else?"""

import csv
import io
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load

from core import cases, runs, sets
from core.artifacts import Detection
from core.detectors.influence_threshold import InfluenceThreshold
from core.detectors.reviewed import Reviewed
from core.pipeline import plan
from core.unlearned import comparing, outcome_figures, outcome_files, outcome_jobs, outcomes, rivals
from core.unlearned.outcomes import Asked
from core.unlearners.catastrophic_forgetting import CatastrophicForgetting
from core.unlearners.exact import Exact
from core.unlearning import emptied, unlearn

QUICK = CatastrophicForgetting(epochs=1)


@pytest.fixture
def case(tiny, tiny_root, store_root):
    """The tiny investigation, finished, in this test's own store."""
    shutil.copytree(tiny_root, store_root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    run = runs.record(tiny.experiment, runs.open_store())
    return cases.find(run.id, runs.open_store())


@pytest.fixture
def found(case):
    return cases.outcomes(case, runs.open_store())


@pytest.fixture
def work(case, store_root):
    """Does the job of unlearning and returns what the case has then."""

    def done(rule, unlearner=QUICK, count=1, role="flags", of=""):
        told = outcome_jobs.spec(case.plan, Asked(rule, unlearner, 0, role, of), count, store=str(store_root))
        outcome_jobs.run_job(json.loads(json.dumps(told)))
        return cases.outcomes(case, runs.open_store(computes=False))

    return done


def test_the_recipes_own_seed_gives_the_keys_of_the_pipeline(case):
    for asked in outcomes.of_plan(case.plan):
        made, name = outcomes.steps(case.plan, asked), f"{asked.rule.name}/{asked.unlearner.name}"
        assert made.model.key == case.plan.cleaned[name].key
        assert made.report.key == case.plan.after[name].key


def test_another_seed_is_another_model_of_the_same_victim(case):
    first, second = (outcomes.steps(case.plan, Asked(InfluenceThreshold(), QUICK, seed)) for seed in (0, 1))
    assert first.model.key != second.model.key and first.found.key == second.found.key
    assert case.plan.victim in first.model.inputs and case.plan.victim in second.model.inputs


def test_a_job_makes_every_seed_and_all_are_found_after_a_restart(case, found, work):
    after = work(case.run.experiment.detectors[0], count=2)
    new = [o for o in after if o.asked.id not in {x.asked.id for x in found}]
    assert sorted(o.asked.seed for o in new) == [0, 1]
    assert all(o.forgotten is not None and len(o.forgotten.predictions) == o.flagged for o in new)
    again = cases.find(case.id, runs.open_store(computes=False))
    assert len(cases.outcomes(again, runs.open_store(computes=False))) == len(found) + 2


def test_a_job_does_not_repeat_what_is_there(case, work, store_root):
    rule, unlearner = case.run.experiment.detectors[0], case.run.experiment.unlearners[1]
    before = sorted(p.name for p in (store_root / "unlearn").iterdir())
    work(rule, unlearner)
    assert sorted(p.name for p in (store_root / "unlearn").iterdir()) == before


def test_a_job_goes_on_where_it_was_stopped(case, work, store_root):
    work(case.run.experiment.detectors[0], count=2)
    asked = Asked(case.run.experiment.detectors[0], QUICK, 1)
    shutil.rmtree((made := outcomes.steps(case.plan, asked).report).store.find(made))
    kept = {p: p.stat().st_mtime_ns for p in (store_root / "unlearn").iterdir()}
    assert len([o for o in work(asked.rule, count=2) if o.asked.id == asked.id]) == 2
    assert {p: p.stat().st_mtime_ns for p in (store_root / "unlearn").iterdir()} == kept


def test_notes_that_make_no_sense_are_left_out(case, found):
    folder = outcome_jobs.folder(case.plan)
    folder.mkdir(parents=True)
    (folder / "a-0.json").write_text("{}")
    (folder / "b-0.json").write_text("not json")
    asked = Asked(Reviewed(), QUICK, 0).settings
    (folder / "c-0.json").write_text(json.dumps({"created": "", "seed": 0, **asked, "role": "magic"}))
    assert outcome_jobs.noted(case.plan) == []
    assert len(cases.outcomes(case, runs.open_store())) == len(found)


def test_the_true_poisons_are_removed_for_the_oracle(case, work):
    [oracle] = [o for o in work(Reviewed(), role="oracle") if o.asked.role == "oracle"]
    assert oracle.digest == sets.digest_of(case.plan.poisoning.value.indices)


def test_what_is_missing_goes_by_the_set_and_the_settings(case, found):
    rule, unlearner = case.run.experiment.detectors[0], case.run.experiment.unlearners[0]
    digest = found[0].digest
    assert outcomes.missing_seeds(found, Asked(rule, unlearner, 0), digest, [0, 1]) == [1]
    assert outcomes.missing_seeds(found, Asked(rule, QUICK, 0), digest, [0]) == [0]
    assert outcomes.missing_seeds(found, Asked(rule, unlearner, 0), "another", [0]) == [0]


@pytest.mark.parametrize("count", [0, 6])
def test_more_seeds_than_five_are_refused(case, count):
    with pytest.raises(ValueError, match=f"seeds={count}: expected 1 to 5"):
        outcomes.seeds(case.run.experiment, count)


def test_deletion_change_counts_flagged_images_that_are_read_otherwise(case, work):
    [made] = [o for o in work(case.run.experiment.detectors[0]) if o.unlearner == QUICK]
    labels = case.plan.poisoned.value.train.labels[made.made.found.value.flagged]
    assert made.forgotten.deletion_change == (made.forgotten.predictions != labels).mean()


def test_an_emptied_class_is_known_before_it_fails(case):
    data = case.plan.poisoned.value
    flagged = data.train.labels == 4
    assert emptied(data.train.labels, flagged) == [4]
    assert emptied(data.train.labels, np.zeros(len(flagged), bool)) == []
    with pytest.raises(ValueError, match="empties"):
        unlearn(
            Exact(),
            case.run.experiment.recipe,
            case.run.experiment.model,
            case.plan.victim.value,
            data,
            Detection(flagged.astype(np.float32), flagged),
        )


def test_a_random_rival_has_the_same_labels_and_no_flagged_image():
    labels, flagged = np.repeat([0, 1, 2], 10), np.zeros(30, bool)
    flagged[[0, 1, 12]] = True
    drawn = rivals.random_like(labels, flagged, "a")
    assert np.bincount(labels[drawn]).tolist() == [2, 1] and not flagged[drawn].any()
    assert np.array_equal(drawn, rivals.random_like(labels, flagged, "a"))
    assert any(not np.array_equal(drawn, rivals.random_like(labels, flagged, name)) for name in "bcde")


def test_a_random_rival_takes_what_there_is_of_a_label_with_few_others():
    labels, flagged = np.array([0, 0, 0, 1]), np.array([True, True, False, False])
    assert rivals.random_like(labels, flagged, "").tolist() == [2]
    assert rivals.random_like(labels, np.zeros(4, bool), "").tolist() == []
    assert rivals.others_of(labels, flagged, [0]).tolist() == [2]


def test_figures_of_seeds_are_told_with_their_range(case, found):
    first = found[0]
    better = replace(
        first,
        asked=replace(first.asked, seed=1),
        report=replace(first.report, test_accuracy=first.report.test_accuracy + 0.02),
        seconds=first.seconds + 2,
    )
    [result] = outcome_figures.results([better, first], case.plan.queries.value)
    accuracy = result.figures["test_accuracy"]
    assert result.seeds == [0, 1] and result.first is first
    assert accuracy.n == 2 and math.isclose(accuracy.most - accuracy.least, 0.02)
    assert math.isclose(accuracy.mean, first.report.test_accuracy + 0.01)
    assert math.isclose(result.seconds.mean, first.seconds + 1)


def test_a_figure_that_nobody_knows_is_none(case, found):
    told = outcome_figures.figures(
        replace(found[0].report, poison_success_rate=math.nan, utility=None), None, case.plan.queries.value
    )
    assert told["poison_success_rate"] is told["utility"] is told["deletion_change"] is None
    assert outcome_figures.spread([None, None]) is None


def test_still_misread_counts_picked_images_with_their_old_label(case):
    before = outcome_figures.figures(case.plan.before.value, None, case.plan.queries.value)
    assert before["still_misread"] == 1.0


def test_the_frontier_is_what_nothing_else_beats():
    points = [(1.0, 0.99), (0.0, 0.90), (0.2, 0.95), (0.2, 0.94), (0.5, 0.95), (0.0, 0.80)]
    assert outcome_figures.frontier(points) == [1, 2, 0]
    assert outcome_figures.frontier([]) == []


def test_a_forecast_goes_by_the_same_method_or_by_the_victim(case, found):
    known = found[0]
    assert outcome_figures.expected(case.plan, found, known.unlearner, 10) == known.seconds
    trained, n = case.plan.victim.value.seconds, len(case.plan.dataset.value.train)
    guess = outcome_figures.expected(case.plan, [], QUICK, 30)
    assert math.isclose(guess, trained * 1 / 12 * (n - 30) / n)
    assert outcome_figures.cost_range(10, 3) == (15, 60)


def test_the_table_as_csv_has_the_shown_figures_and_no_formula(case, found):
    results = outcome_figures.results(found, case.plan.queries.value)
    victim = outcome_figures.figures(case.plan.before.value, None, case.plan.queries.value)
    named = [({"model": "=1+1"}, r) for r in results]
    content = outcome_figures.table_csv(named, ["test_accuracy"], victim)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["model"] for row in rows] == ["victim", "'=1+1", "'=1+1"]
    assert float(rows[1]["test_accuracy mean"]) == results[0].figures["test_accuracy"].mean
    assert not any("poison" in column for column in rows[0])


def test_the_cleaned_model_comes_back_from_its_file(case, found):
    made = found[0].made.model
    weights = load(outcome_files.weights(made))
    assert weights.keys() == made.value.weights.keys()
    assert all(np.array_equal(weights[name], made.value.weights[name]) for name in weights)


def test_the_record_of_a_sealed_case_tells_no_digest_of_rows(case):
    found = cases.outcomes(case, case.plan.dataset.store)[0]
    told = outcome_files.provenance(case.plan, found, {}, sealed=True).decode()
    wrong = (found.digest, found.made.model.key, case.plan.victim.key)
    assert '"images"' in told and not [digest for digest in wrong if digest in told]


def test_the_record_of_a_model_names_its_set_and_nothing_of_the_attack(case, found):
    text = outcome_files.provenance(case.plan, found[0], {"test_accuracy": 0.5}).decode()
    told = json.loads(text)
    assert told["removed"]["digest"] == found[0].digest and told["figures"] == {"test_accuracy": 0.5}
    assert told["key"] == found[0].made.model.key and told["seed"] == 0
    assert not any(word in text for word in ("badnet", "attack", "poison", "victim_class"))


def test_fixed_broken_and_other_are_told_apart():
    labels, first, second = np.array([0, 1, 2, 3, 4]), np.array([0, 2, 2, 1, 4]), np.array([0, 1, 1, 2, 4])
    found = comparing.compare(labels, first, second)
    assert (found.fixed.tolist(), found.broken.tolist(), found.other.tolist()) == ([1], [2], [3])
    assert found.changed.tolist() == [1, 2, 3]
    assert [found.what(row) for row in range(5)] == ["same", "fixed", "broken", "other", "same"]


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (4, 0, 0.125), (0, 10, 2 / 1024), (2, 8, 112 / 1024), (1200, 1000, 2.2e-5)],
)
def test_p_is_that_of_mcnemars_exact_test(fixed, broken, p):
    assert math.isclose(comparing.mcnemar(fixed, broken), p, rel_tol=0.05 if fixed > 1000 else 1e-12)


def test_a_picked_image_has_outcomes_of_its_own(case):
    other = plan(case.run.experiment.changed(queries={"count": 1}), runs.open_store())
    outcome_jobs.note(other, Asked(InfluenceThreshold(), QUICK, 0))
    assert outcome_jobs.noted(case.plan) == [] and len(outcome_jobs.noted(other)) == 1
