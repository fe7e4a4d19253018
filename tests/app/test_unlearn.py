"""Is every set unlearned as asked, every outcome told with its own figures, and nothing told that may not be?"""

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load

from app import results
from app.panels.unlearning import outcome_files, outcomes
from app.panels.unlearning.outcome_compare import After
from app.panels.unlearning.outcome_names import labels
from app.state import View, parameters_of
from core import cases, jobs, runs, sets
from core.blind import challenges
from core.detectors.influence_threshold import InfluenceThreshold
from core.detectors.reviewed import Reviewed
from core.jobs.launch import jobs_dir, supervisor_lock
from core.unlearned import comparing, outcome_figures, outcome_jobs
from core.unlearned import outcomes as made
from core.unlearned.outcomes import Asked
from core.unlearners.catastrophic_forgetting import CatastrophicForgetting

QUICK = CatastrophicForgetting(epochs=1)
HIDDEN = ("poison success", "clean-label", "manipulated", "utility", "true poisons", "5 %")


@pytest.fixture
def nobody_works(store_root):
    """Jobs are queued and stay so: the right to supervise this store is held here, so no process starts."""
    jobs_dir(store_root).mkdir(parents=True, exist_ok=True)
    with supervisor_lock(jobs_dir(store_root)) as mine:
        assert mine
        yield


@pytest.fixture
def found(case):
    return cases.outcomes(case, runs.open_store())


@pytest.fixture
def asked(store_root):
    """What the queued jobs are asked to do, oldest first."""
    return lambda: [json.loads(job.spec) for job in reversed(jobs.table(store_root).list())]


@pytest.fixture
def at_own_rule(case):
    """The address at which the case's own outcomes are those of the set in use."""
    rule = case.run.experiment.detectors[0]
    return parameters_of(View(case=case.id, rule="delta", threshold=rule.threshold, tolerance=rule.tolerance))


def press(at, label):
    return next(b for b in at.button if b.label == label).click().run()


def button(at, label):
    [one] = [b for b in at.button if b.label == label]
    return one


def table(at):
    return next(d.value for d in at.dataframe if "removed" in d.value).to_dict("records")


def small_set(case, count=6):
    """Some images that leave every class its own."""
    return made.kept_set(range(count))


def test_a_reviewed_set_is_counted_and_unlearned(visit, case, asked, nobody_works):
    chosen = small_set(case)
    at = visit("unlearn", case=case.id, flags=f"set-{chosen.digest}")
    assert not at.exception
    assert any("Forget the 6 images" in h.value for h in at.subheader)
    assert any("added" in c.value and "left out" in c.value for c in at.caption)
    at = press(at, "Unlearn")
    assert not at.exception
    assert [told["asked"]["rule"] for told in asked()] == [chosen.model_dump(mode="json")] * 2
    assert {told["scores"] for told in asked()} == {case.plan.scores.key}


def test_choosing_a_detector_is_in_the_address(visit, case_id, view_of):
    at = visit("unlearn", case=case_id)
    [box] = [b for b in at.selectbox if b.label == "Flagged by"]
    assert len(box.options) == 3
    at = box.select("influence_threshold").run()
    assert view_of(at).flags == "influence_threshold"
    assert view_of(visit("unlearn", **at.query_params)) == view_of(at)


def test_a_set_that_empties_a_class_is_refused_before_it_starts(visit, case):
    flagged = case.plan.detections["influence_threshold"].value.flagged
    at = visit("unlearn", case=case.id, flags="influence_threshold")
    assert any(f"Forget the {int(flagged.sum())} image" in h.value for h in at.subheader)
    assert "no image of “7” would be left" in at.error[0].value
    assert button(at, "Unlearn").disabled


@pytest.mark.parametrize("flags", ["set-" + "0" * 32, "set-../../x", "nobody"])
def test_a_link_to_a_set_that_is_not_here_takes_the_rule(flags, visit, case_id):
    at = visit("unlearn", case=case_id, flags=flags)
    assert not at.exception
    assert "is not here" in at.warning[0].value


def test_an_altered_set_is_named_and_not_used(visit, case):
    chosen = small_set(case)
    (sets.folder() / f"{chosen.digest}.json").write_text("[1]")
    at = visit("unlearn", case=case.id, flags=f"set-{chosen.digest}")
    assert not at.exception
    assert "was altered" in at.error[0].value
    assert not any(b.label == "Unlearn" for b in at.button)


def test_an_own_list_becomes_the_set_of_the_address(visit, case, view_of):
    at = visit("unlearn", case=case.id)
    [box] = at.get("file_uploader")
    at = box.set_value(("mine.csv", b"index\n3\n1\n", "text/csv")).run()
    assert view_of(at).flags == f"set-{sets.digest_of([1, 3])}"
    assert any("Forget the 2 images" in h.value for h in at.subheader)


def test_an_own_list_that_makes_no_sense_is_refused_in_words(visit, case, view_of):
    at = visit("unlearn", case=case.id)
    [box] = at.get("file_uploader")
    at = box.set_value(("mine.json", b"[300]", "application/json")).run()
    assert "image 300" in at.error[0].value.replace("\\", "") and not at.exception
    assert view_of(at).flags == ""


def test_settings_of_an_unlearner_can_be_changed_for_one_job(visit, at_own_rule, asked, nobody_works):
    at = visit("unlearn", **at_own_rule)
    assert at.success
    [epochs] = [n for n in at.number_input if "catastrophic_forgetting" in n.key and "epochs" in n.key]
    at = epochs.set_value(1).run()
    assert not at.success
    press(at, "Unlearn")
    [told] = asked()
    assert told["asked"]["unlearner"]["epochs"] == 1


def test_other_seeds_are_asked_for_and_what_exists_is_not(visit, at_own_rule, asked, nobody_works):
    at = visit("unlearn", **at_own_rule)
    at = next(s for s in at.slider if "seeds" in s.label).set_value(3).run()
    costs = next(d.value for d in at.dataframe if "seeds to run" in d.value)
    assert costs["seeds to run"].tolist() == [2, 2]
    assert all(" to " in told for told in costs["time"])
    press(at, "Unlearn")
    assert [told["seeds"] for told in asked()] == [[0, 1, 2], [0, 1, 2]]


def test_the_same_work_twice_is_one_job_and_can_be_cancelled(visit, case, store_root, nobody_works):
    chosen = small_set(case)
    for _ in range(2):
        at = press(visit("unlearn", case=case.id, flags=f"set-{chosen.digest}"), "Unlearn")
    assert len(jobs.table(store_root).list()) == 2  # one for each method
    at = visit("unlearn", case=case.id)
    assert any("queued" in m.value for m in at.markdown)
    at = press(at, "Cancel")
    assert not at.exception
    assert sorted(job.state for job in jobs.table(store_root).list()) == ["cancelled", "queued"]
    assert any(b.label == "Try again" for b in visit("unlearn", case=case.id).button)


def test_a_finished_job_is_found_by_everybody_who_opens_the_case(visit, case, store_root, found):
    chosen = small_set(case)
    for count in (1, 2):
        told = outcome_jobs.spec(case.plan, Asked(chosen, QUICK, 0), count, store=str(store_root))
        outcome_jobs.run_job(told)
    at = visit("unlearn", case=case.id, flags=f"set-{chosen.digest}")
    mine = table(at)[1]
    assert mine["removed"] == "this set (6 images)" and mine["seeds"] == "0, 1 (n = 2)"
    assert "–" in mine["range of test accuracy"] and 0 <= mine["deletion change"] <= 1
    assert "another set" in table(visit("unlearn", case=case.id))[-1]["removed"]


def test_the_table_has_every_figure_of_the_reports(visit, at_own_rule, case):
    rows = table(visit("unlearn", **at_own_rule))
    reports = {"victim": case.plan.before.value}
    reports |= {type(o.unlearner).title: o.report for o in cases.outcomes(case, runs.open_store())}
    assert len(rows) == 3
    for row in rows:
        told = outcome_figures.figures(reports[row["method"]], None, case.plan.queries.value)
        for name, (title, _) in outcomes.FIGURES.items():
            assert row[title] == told[name] or (told[name] is None and row[title] != row[title])


def test_nothing_that_needs_the_truth_is_sent_while_it_is_hidden(visit, case, words, store_root):
    outcome_jobs.run_job(
        outcome_jobs.spec(case.plan, Asked(Reviewed(), QUICK, 0, "oracle"), 1, store=str(store_root))
    )
    shown = words(visit("unlearn", case=case.id))
    at = visit("unlearn", case=case.id, truth="hide")
    hidden = words(at)
    assert not at.exception
    assert all(word in shown for word in HIDDEN) and not any(word in hidden for word in HIDDEN)
    assert "picked images still misread" in hidden
    assert len(table(at)) == 3


def test_hidden_or_not_the_order_follows_what_may_be_known(case, found):
    good = replace(found[0].report, poison_success_rate=0.0, query_probabilities=victims(case))
    bad = replace(found[0].report, poison_success_rate=1.0, query_probabilities=1 - victims(case))
    both = [replace(o, report=r) for o, r in zip(found, (good, bad), strict=True)]
    ids = [o.asked.id for o in both]
    assert [r.id for r in outcomes.shown(case, both, both[0].digest, truth=True).results] == ids
    assert [r.id for r in outcomes.shown(case, both, both[0].digest, truth=False).results] == ids[::-1]


def victims(case):
    return np.eye(10, dtype=np.float32)[case.plan.queries.value.labels]


def test_rivals_are_queued_with_the_set_that_they_are_compared_with(
    visit, at_own_rule, found, asked, nobody_works
):
    at = visit("unlearn", **at_own_rule)
    press(at, "Compare with a random set")
    press(at, "Remove the true poisons")
    told = [t["asked"] for t in asked()]
    assert [t["role"] for t in told] == ["random", "random", "oracle", "oracle"]
    assert {t["of"] for t in told[:2]} == {found[0].digest} and {t["of"] for t in told[2:]} == {""}
    assert len(sets.read(told[0]["rule"]["digest"])) <= found[0].flagged


def test_what_was_not_measured_is_offered_to_be(visit, at_own_rule, asked, nobody_works):
    press(visit("unlearn", **at_own_rule), "Measure it")
    assert [told["seeds"] for told in asked()] == [[0], [0]]


def test_a_comparison_is_in_the_address_and_comes_back(visit, at_own_rule, view_of, found):
    at = visit("unlearn", **at_own_rule)
    [box] = [b for b in at.selectbox if b.label == "with"]
    other = next(o for o in box.options if o != at.session_state["compare-second"])
    at = box.set_value(
        next(x.asked.id for x in found if x.asked.id != at.session_state["compare-second"])
    ).run()
    assert other and not at.exception
    again = visit("unlearn", **at.query_params)
    assert view_of(again) == view_of(at)
    assert again.session_state["compare-second"] == at.session_state["compare-second"]


@pytest.mark.parametrize("text", ["", "a.b.c.d.e.f", "....-3", "x" * 200, ".victim.9.broken.999999"])
def test_any_address_of_a_comparison_opens(text, visit, at_own_rule):
    assert not visit("unlearn", **at_own_rule, after=text).exception
    assert After.of(After.of(text).text) == After.of(text)


def test_test_images_that_changed_are_counted_and_one_is_shown_large(visit, at_own_rule, case, words):
    before, after = (
        r.test_predictions
        for r in (case.plan.before.value, cases.outcomes(case, runs.open_store())[0].report)
    )
    compared = comparing.compare(case.plan.dataset.value.test.labels, before, after)
    assert len(compared.changed)
    first = cases.outcomes(case, runs.open_store())[0].asked.id
    row = int(compared.changed[0])
    at = visit("unlearn", **at_own_rule, after=f"{first}....{row}")
    assert not at.exception
    assert {m.label: m.value for m in at.metric}["Fixed"] == str(len(compared.fixed))
    assert f"Test image {row}, shows" in words(at) and any(b.label == "Close" for b in at.button)
    assert f"then as {case.plan.dataset.value.class_names[after[row]]}: {compared.what(row)}" in words(at)


def test_downloads_hold_the_model_its_record_and_the_table(visit, at_own_rule, found, monkeypatch):
    files = {}
    monkeypatch.setattr(
        outcome_files.st,
        "download_button",
        lambda label, content, **rest: files.update({rest["file_name"]: content()}),
    )
    assert not visit("unlearn", **at_own_rule).exception
    [weights] = [content for name, content in files.items() if name.endswith("safetensors")]
    [record] = [json.loads(content) for name, content in files.items() if name.endswith("json")]
    assert len(load(weights)) > 5 and record["removed"]["digest"] == found[0].digest
    rows = list(csv.DictReader(io.StringIO(files["unlearning.csv"].decode())))
    assert rows[0]["model"] == "victim" and len(rows) == 3


def test_what_was_tried_is_told_with_the_chosen_setting_first(found):
    trials = [
        {"settings": {"alpha": a}, "deletion_change": c, "held_out_accuracy": 0.9, "score": s, "seconds": 1}
        for a, c, s in ((10, 1.0, 0.95), (1, 0.0, 0.45))
    ]
    rows = [outcomes._trial(number, trial) for number, trial in enumerate(trials)]
    assert [row[""] for row in rows] == ["chosen", ""]
    assert rows[0] == {
        "": "chosen",
        "alpha": 10,
        "deletion change": 1.0,
        "held-out accuracy": 0.9,
        "score": 0.95,
        "seconds": 1,
    }
    assert all(outcome.trials == () for outcome in found)


def test_no_two_outcomes_have_the_same_name(case, found):
    other = replace(found[0], asked=replace(found[0].asked, rule=InfluenceThreshold()), digest="other")
    again = replace(other, asked=replace(other.asked, rule=InfluenceThreshold(threshold=3)))
    known = outcome_figures.results([*found, other, again], case.plan.queries.value)
    names = list(labels(known, found[0].digest).values())
    assert names[:2] == ["EU", "CF"]
    assert names[2:] == [f"EU · {other.flagged} of EK-FAC", f"EU · {other.flagged} of EK-FAC (2)"]


def test_flags_that_are_not_computed_are_offered_to_be(visit, case, store_root):
    lost = case.plan.detections["influence_threshold"]
    shutil.rmtree(lost.store.find(lost))
    at = visit("unlearn", case=case.id, flags="influence_threshold")
    assert not at.exception
    assert "has not been computed yet" in at.info[0].value
    assert "Go on computing" in {b.label for b in at.button}
    at = visit("investigate", case=case.id, tab="detectors")
    assert not at.exception
    assert any("Not computed yet: EK-FAC threshold" in c.value for c in at.caption)


def test_a_sealed_case_tells_nothing_of_the_truth_and_queues_rows_of_the_data(
    visit, case, words, asked, store_root, nobody_works
):
    sealed = challenges.make(store_root, case, challenges.Wanted("Exercise"))
    shown = [3, 17, 40]
    real = results.case(sealed.id).real_rows(shown)
    at = visit("unlearn", case=sealed.id, v="1", flags=f"set-{sets.keep(real, sealed.secret)}")
    assert not at.exception
    assert not any(word in words(at) for word in HIDDEN)
    assert "Remove the true poisons" not in {b.label for b in at.button}
    assert any("Forget the 3 images" in h.value for h in at.subheader)
    at = press(press(at, "Unlearn"), "Compare with a random set")
    assert not at.exception
    digest = asked()[-1]["asked"]["rule"]["digest"]
    rival = sets.read(digest)
    assert digest != sets.digest_of(rival)  # or rows of the data could be guessed from it, one by one
    labels = case.plan.poisoned.value.train.labels
    assert np.array_equal(np.bincount(labels[rival]), np.bincount(labels[real])) and not set(rival) & set(
        real
    )
    outcome_jobs.run_job(asked()[0])
    assert (
        table(visit("unlearn", case=sealed.id, v="1", flags=f"set-{sets.keep(real, sealed.secret)}"))[1][
            "removed"
        ]
        == "this set (3 images)"
    )


def test_a_case_without_outcomes_says_so(visit, case, store_root):
    shutil.rmtree(store_root / "unlearn")
    at = visit("unlearn", case=case.id)
    assert not at.exception
    assert any("No unlearning has been computed" in i.value for i in at.info)
    assert results.store().computes is False


def test_a_test_of_this_machine_tells_the_memory_too(visit, case):
    at = visit("unlearn", case=case.id, flags=f"set-{small_set(case).digest}")
    at = press(at, "Test this machine first")
    assert not at.exception and not at.error
    costs = next(d.value for d in at.dataframe if "seeds to run" in d.value)
    assert all(told.endswith("GB") for told in costs["memory"])
    assert any("a test of this machine" in c.value for c in at.caption)
