"""Do the figures on the page equal the engine's for every gesture, and do they vanish with the truth?"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO, StringIO

import numpy as np
import pytest
import standing_in
import streamlit as st

from app import results
from app.state import View, parameters_of
from core import collapse, export, jobs, metrics, runs
from core import truth as truths
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.experiment import Experiment
from core.jobs.launch import jobs_dir, supervisor_lock

TABS = ("images", "copies", "matrix", "transforms", "surface", "classes", "training")
GRADES = {
    "True positive rate": "true_positive_rate",
    "Precision": "precision",
    "Precision in the target label": "precision_in_target_label",
    "Average precision": "average_precision",
    "… in the target label": "average_precision_in_target_label",
}


def shown(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def expected(case, view) -> dict[str, str]:
    """The same figures from the count rule itself, without the order statistics that the page uses."""
    p = case.plan
    delta = p.scores.value.delta(view.query)
    flagged = collapse.flagged(delta, float(np.float32(view.threshold)), view.tolerance)
    found = DeltaInfluence(tolerance=view.tolerance, query=view.query).detect(p.scores.value)
    figures = metrics.grade_detection(
        replace(found, flagged=flagged),
        truths.required(p).poisoned,
        p.poisoned.value.train.labels,
        p.poisoning.value.target_classes,
    )
    told = {label: figures[name] for label, name in GRADES.items()}
    return {"Flagged": f"{flagged.sum():,}"} | {k: "–" if v is None else f"{v:.1%}" for k, v in told.items()}


def own_rule(case) -> dict:
    """Threshold, tolerance and query that the case was computed with."""
    return {k: v for k, v in case.run.experiment.detectors[0].model_dump().items() if k != "name"}


def rule_of(view) -> DeltaInfluence:
    return DeltaInfluence(threshold=view.threshold, tolerance=view.tolerance, query=view.query)


@pytest.mark.parametrize("threshold", [-9000.0, -3.5, -0.02, 0.0, 1e-9, 250.0, 1e30])
def test_moving_the_threshold_gives_exactly_the_engines_figures(threshold, visit, case, commit, view_of):
    at = visit("investigate", case=case.id, rule="delta")
    at = commit(at, f"threshold-{case.id}-{view_of(at).query}", threshold)
    assert not at.exception
    assert np.float32(view_of(at).threshold) == np.float32(threshold)
    assert shown(at) == expected(case, view_of(at))


def test_a_threshold_on_an_images_own_change_does_not_flag_that_image(visit, case, commit, view_of):
    at = visit("investigate", case=case.id, tol="2")
    ordered = collapse.sorted_changes(case.plan.scores.value.delta(0))
    statistic = np.sort(collapse.order_statistic(ordered, 2))
    at = commit(at, f"threshold-{case.id}-0", float(statistic[20]))
    assert shown(at)["Flagged"] == "20"
    again = visit("investigate", **at.query_params)
    assert shown(again) == shown(at) == expected(case, view_of(at))


@pytest.mark.parametrize("tolerance", [0, 3, 7])
def test_the_tolerance_gives_exactly_the_engines_figures(tolerance, visit, case, view_of):
    at = visit("investigate", case=case.id, th="-0.02")
    [slider] = at.slider
    at = slider.set_value(tolerance).run()
    assert not at.exception
    assert view_of(at).tolerance == tolerance
    assert shown(at) == expected(case, view_of(at))


def contrasted(case, **settings) -> dict[str, str]:
    """The figures of the contrast, from the detector itself."""
    p = case.plan
    found = Contrast(**settings).detect(p.scores.value, p.poisoned.value)
    targets = p.poisoning.value.target_classes
    graded = metrics.grade_detection(
        found, truths.required(p).poisoned, p.poisoned.value.train.labels, targets
    )
    told = {label: graded[name] for label, name in GRADES.items()}
    return {"Flagged": f"{found.flagged.sum():,}"} | {
        k: "–" if v is None else f"{v:.1%}" for k, v in told.items()
    }


@pytest.mark.parametrize("margin", [0.0, -0.75, 1.5])
def test_a_case_opens_with_the_calibrated_contrast_and_its_cut_off_can_be_moved(
    margin, visit, case, commit, view_of
):
    at = visit("investigate", case=case.id)
    assert shown(at) == contrasted(case)
    at = commit(at, f"margin-{case.id}-all", -margin)
    assert view_of(at).margin == margin and shown(at) == contrasted(case, margin=margin)
    assert shown(visit("investigate", **at.query_params)) == shown(at)


def test_the_contrast_can_take_one_test_image_alone(visit, case, view_of):
    at = visit("investigate", case=case.id, using="one", q="1")
    assert view_of(at).using == "one"
    assert shown(at) == contrasted(case, query=1, most_queries=1)


def test_the_rule_of_the_paper_is_one_click_away(visit, case, view_of):
    at = visit("investigate", case=case.id)
    [rule] = [group for group in at.get("button_group") if group.label == "Rule"]
    at = rule.set_value("delta").run()
    assert view_of(at).rule == "delta" and shown(at) == expected(case, view_of(at))
    assert view_of(visit("investigate", case=case.id, th="-0.5")).rule == "delta"  # a link from before


def test_the_exported_contrast_is_found_again_by_its_command(visit, case):
    rule = Contrast(margin=0.5, most_queries=1)
    files = export.bundle(case.plan, rule)
    about = json.loads(files["flags.json"]())
    assert about["command"].endswith("--detector contrast --with margin=0.5 --with most_queries=1")
    flagged = verdict(case.plan, rule).flagged
    assert np.array_equal(np.load(BytesIO(files["flagged_indices.npy"]())), np.flatnonzero(flagged))
    rows = list(csv.DictReader(StringIO(files["flags.csv"]().decode())))
    assert len(rows) == flagged.sum() and all(float(row["contrast_above_cut_off"]) > 0.5 for row in rows)


def test_another_test_image_is_another_investigation(visit, case, commit, view_of):
    at = commit(visit("investigate", case=case.id, rule="delta", i="5"), f"queries-{case.id}", [1])
    assert (view_of(at).query, view_of(at).image) == (1, -1)
    assert shown(at) == expected(case, view_of(at))
    at = commit(at, f"threshold-{case.id}-1", -0.5)
    assert shown(at) == expected(case, view_of(at))


def test_every_gesture_is_in_the_address(visit, case_id, commit, view_of):
    at = commit(visit("investigate", case=case_id, rule="delta"), f"queries-{case_id}", [1])
    at = commit(at, f"threshold-{case_id}-1", -0.5)
    at = commit(at, f"gallery-{case_id}", {"primary": 17, "chosen": [], "pinned": None, "actions": []})
    assert view_of(visit("investigate", **at.query_params)) == view_of(at)
    assert (view_of(at).query, view_of(at).threshold, view_of(at).image) == (1, -0.5, 17)


def test_nothing_flagged_is_said_in_words(visit, case, commit):
    at = commit(visit("investigate", case=case.id, rule="delta"), f"threshold-{case.id}-0", -1e30)
    assert shown(at)["Flagged"] == "0"
    assert shown(at)["Precision"] == "–"
    assert any("Nothing is flagged" in info.value for info in at.info)
    for tab in TABS:
        assert not visit("investigate", **at.query_params | {"tab": tab}).exception


def pages_of_all_tabs(visit, words, case_id: str, truth: str) -> dict[str, str]:
    """Everything sent to the browser, tab by tab; files waiting for a download have random names."""
    found, at = {}, visit("cases")
    at.switch_page("views/investigate.py")
    for tab in TABS:
        at.query_params = {"case": case_id, "truth": truth, "tab": tab, "i": "3"}
        assert not at.run().exception
        found[tab] = re.sub(r'deferred_file_id: "\w+"', "", words(at))
    return found


def test_with_the_truth_hidden_nothing_on_the_page_depends_on_who_the_poisons_are(visit, words, case_id):
    hidden, told = (pages_of_all_tabs(visit, words, case_id, truth) for truth in ("hide", "show"))
    p = results.case(case_id).plan
    standing_in.put(p.poisoned, p.poisoned.value)  # the training images stay as they are
    attack, others = p.poisoning.value, np.setdiff1d(np.arange(300), p.poisoning.value.indices)[:11]
    fewer = replace(attack, indices=others, images=attack.images[:11], labels=attack.labels[:11])
    standing_in.put(p.poisoning, fewer)
    results._truths.clear()
    assert pages_of_all_tabs(visit, words, case_id, "hide") == hidden
    assert all(pages_of_all_tabs(visit, words, case_id, "show")[tab] != told[tab] for tab in TABS)


def test_hiding_the_truth_takes_away_grades_and_badges(visit, case_id, words):
    at = visit("investigate", case=case_id)
    [truth] = [group for group in at.get("button_group") if group.label == "Ground truth"]
    assert set(shown(at)) == {"Flagged", *GRADES}
    assert badges(at) <= {"poison", "clean"} != set()
    at = truth.set_value("hide").run()
    assert set(shown(at)) == {"Flagged"}
    assert badges(at) == {None}
    assert "badge[poison]" not in words(at)
    assert "badge[clean]" not in words(at)
    assert "poisons]" not in words(at)


def badges(at) -> set[str | None]:
    """Badges on the cards of the training images."""
    found = [json.loads(c.proto.json) for c in at.get("bidi_component") if "gallery-" in c.proto.id]
    return {item["badge"] for data in found for item in data["items"]}


@pytest.fixture
def downloads(monkeypatch):
    """What each download button would hand out."""
    kept = {}

    def button(label, content, **_):
        kept[label] = content() if callable(content) else content

    monkeypatch.setattr(st, "download_button", button)
    return kept


def test_downloads_hold_exactly_the_set_that_is_shown(visit, case, view_of, downloads):
    at = visit("investigate", case=case.id, th="-0.75", tol="2", q="1", truth="hide")
    assert not at.exception
    flagged = np.flatnonzero(rule_of(view_of(at)).detect(case.plan.scores.value).flagged)
    assert shown(at) == {"Flagged": str(len(flagged))}
    assert set(downloads) == {"flags.csv", "flagged_indices.npy"}
    visit("report", case=case.id, th="-0.75", tol="2", q="1")
    rows = list(csv.DictReader(StringIO(downloads["flags.csv"].decode())))
    assert sorted(int(row["index"]) for row in rows) == flagged.tolist()
    assert np.load(BytesIO(downloads["flagged_indices.npy"])).tolist() == flagged.tolist()
    assert np.flatnonzero(~np.load(BytesIO(downloads["keep_mask.npy"]))).tolist() == flagged.tolist()
    told = json.loads(downloads["flags.json"])
    assert len(told["flags"]) == len(flagged)
    assert told["rule"]["threshold"] == -0.75
    assert downloads["experiment.toml"].decode() == case.run.experiment.to_toml()


def test_the_command_shown_finds_the_same_set(visit, case, commit, view_of):
    ordered = collapse.sorted_changes(case.plan.scores.value.delta(0))
    edge = float(np.sort(collapse.order_statistic(ordered, 1))[33])
    at = commit(visit("investigate", case=case.id, rule="delta"), f"threshold-{case.id}-0", edge)
    [command] = [code for code in at.code if code.value.startswith("python -m core")]
    assert command.value == export.command(case.plan, rule_of(view_of(at)))
    told = dict(re.findall(r"--(\w+) (\S+)", command.value))
    rule = DeltaInfluence(threshold=float(told["threshold"]), tolerance=int(told["tolerance"]))
    assert str(rule.detect(case.plan.scores.value).flagged.sum()) == shown(at)["Flagged"]


def test_outcomes_are_shown_with_their_own_figures(visit, case):
    at = visit("unlearn", **parameters_of(View(case=case.id, rule="delta", **own_rule(case))))
    [table] = [d for d in at.dataframe if "removed" in d.value]
    rows = table.value.to_dict("records")
    assert [row["method"] for row in rows] == [
        "victim",
        "Exact retraining (EU)",
        "Catastrophic forgetting (CF)",
    ]
    reports = [case.plan.before.value, *(after.value for after in case.plan.after.values())]
    assert [row["poison success rate"] for row in rows] == [r.poison_success_rate for r in reports]
    assert [row["test accuracy"] for row in rows] == [r.test_accuracy for r in reports]
    assert "include exactly this set" in at.success[0].value
    assert [b.disabled for b in at.button if b.label == "Unlearn"] == [True]


def test_another_set_has_not_been_run_yet(visit, case_id, words):
    at = visit("unlearn", case=case_id, th="-0.02", tol="3")
    assert not at.success
    assert "Not yet run" in words(at)
    assert [b.disabled for b in at.button if b.label == "Unlearn"] == [False]


def test_nothing_flagged_is_nothing_to_forget(visit, case_id):
    at = visit("unlearn", case=case_id, th="-1e30")
    assert "nothing to forget" in at.info[0].value
    assert [b.disabled for b in at.button if b.label == "Unlearn"] == [True]


@pytest.fixture
def nobody_works(store_root) -> Iterator[None]:
    """Jobs are queued and stay so: the right to supervise this store is held here, so no process starts."""
    jobs_dir(store_root).mkdir(parents=True, exist_ok=True)
    with supervisor_lock(jobs_dir(store_root)) as mine:
        assert mine
        yield


def test_the_same_unlearning_asked_for_twice_is_one_job(visit, case, store_root, nobody_works):
    for _ in range(2):
        at = visit("unlearn", case=case.id, th="-0.02", tol="2")
        [begin] = [b for b in at.button if b.label == "Unlearn"]
        at = begin.click().run()
        assert not at.exception
    found = jobs.table(store_root).list()
    asked = [json.loads(job.spec)["asked"] for job in found]
    assert [job.state for job in found] == ["queued", "queued"]
    assert {told["rule"]["threshold"] for told in asked} == {-0.02}
    assert {told["unlearner"]["name"] for told in asked} == {u.name for u in case.run.experiment.unlearners}
    assert Experiment.checked(json.loads(found[0].spec)["experiment"]) == case.run.experiment


def test_a_queued_job_can_be_cancelled_and_asked_for_again(visit, case_id, store_root, nobody_works):
    at = visit("unlearn", case=case_id, th="-0.02")
    next(b for b in at.button if b.label == "Unlearn").click().run()
    at = visit("jobs")
    at = next(b for b in at.button if b.label == "Cancel").click().run()
    assert not at.exception
    assert [job.state for job in jobs.table(store_root).list()] == ["cancelled", "queued"]
    at = visit("jobs")
    at = next(b for b in at.button if b.label == "Try again").click().run()
    assert not at.exception
    assert [job.state for job in jobs.table(store_root).list()] == ["queued", "cancelled", "queued"]


def test_going_on_with_an_unfinished_case_queues_it(visit, unfinished_id, store_root, nobody_works):
    at = visit("investigate", case=unfinished_id)
    at = at.button[0].click().run()
    assert not at.exception
    [job] = jobs.table(store_root).list()
    assert runs.identifier(Experiment.checked(json.loads(job.spec)["experiment"])) == unfinished_id
