"""Do the finer ways to tune and to look say and flag exactly what the engine does?"""

import json
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from app import results, rules, state
from app.panels import kinds
from app.state import View
from core import cases, collapse, copies, export
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse

TABS = ("table", "transforms", "surface", "classes", "matrix")


def flagged(at) -> str:
    return next(metric.value for metric in at.metric if metric.label == "Flagged")


def told(at) -> str:
    return "\n".join(element.value for element in [*at.caption, *at.info, *at.warning])


@pytest.mark.parametrize("cut", [-0.4, 0.0, 0.3, 0.97])
def test_moving_the_cut_off_of_the_relative_collapse_flags_as_the_engine_does(
    cut, visit, case, commit, view_of
):
    at = commit(visit("investigate", case=case.id, rule="relative", tol="2"), f"cut-{case.id}-0", -cut)
    assert not at.exception and view_of(at).cut == np.float32(cut)
    rule = RelativeCollapse(threshold=float(np.float32(cut)), tolerance=2)
    assert flagged(at) == str(verdict(case.plan, rule).flagged.sum())
    assert flagged(visit("investigate", **at.query_params)) == flagged(at)


def test_a_cut_off_that_nothing_can_reach_is_brought_into_reach(visit, case, commit, view_of):
    assert view_of(visit("investigate", case=case.id, rule="relative", cut="7")).cut == 1.0
    at = commit(visit("investigate", case=case.id, rule="relative"), f"cut-{case.id}-0", -5.0)
    assert view_of(at).cut == 1.0 and flagged(at) == "0"


@pytest.mark.parametrize("rule", ["delta", "relative"])
def test_leaving_a_kind_out_flags_by_the_other_copies_alone(rule, visit, case):
    kind = copies.kinds(case.plan.scores.value, 0)[0]
    at = visit("investigate", case=case.id, rule=rule, tol="1", wo=kind)
    method = DeltaInfluence if rule == "delta" else RelativeCollapse
    assert not at.exception
    assert flagged(at) == str(verdict(case.plan, method(tolerance=1, without=(kind,))).flagged.sum())
    chips = next(group for group in at.get("button_group") if group.label.startswith("Transformations"))
    assert kind not in chips.value and len(chips.value) == len(rules.kinds(case, View())) - 1


def test_a_chip_leaves_its_kind_out_and_the_address_says_so(visit, case, view_of):
    at = visit("investigate", case=case.id, rule="delta")
    chips = next(group for group in at.get("button_group") if group.label.startswith("Transformations"))
    gone = chips.value[0]
    at = chips.set_value(chips.value[1:]).run()
    assert view_of(at).without == gone
    assert view_of(visit("investigate", **at.query_params)).without == gone


def test_kinds_that_there_are_not_and_leaving_out_all_of_them_are_said_and_undone(visit, case, view_of):
    at = visit("investigate", case=case.id, rule="delta", wo="nonsense")
    assert not at.exception and view_of(at).without == ""
    assert "nonsense" in at.toast[0].value
    every = ".".join(rules.kinds(case, View()))
    at = visit("investigate", case=case.id, rule="delta", wo=every)
    assert not at.exception and view_of(at).without == "" and "has to stay" in at.toast[0].value


def test_a_tolerance_that_the_copies_left_do_not_allow_is_lowered_and_explained(visit, case, view_of):
    known = rules.kinds(case, View())
    kept = min(known, key=lambda kind: known[kind])
    without = ".".join(kind for kind in known if kind != kept)
    at = visit("investigate", case=case.id, rule="delta", tol="7", wo=without)
    assert not at.exception and view_of(at).tolerance == known[kept] - 1
    assert "tolerance was lowered" in told(at)


@pytest.mark.parametrize("rule", ["contrast", "delta", "relative"])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_for_every_rule_also_where_nothing_is_flagged(rule, tab, visit, case_id):
    kept = {"case": case_id, "rule": rule, "tab": tab}
    assert not visit("investigate", **kept).exception
    assert not visit("investigate", **kept, th="-1e30", m="1e5", cut="1").exception


def test_where_nothing_is_flagged_a_button_leads_to_the_nearest_image(visit, case_id, view_of):
    for rule in ("delta", "contrast"):
        at = visit("investigate", case=case_id, rule=rule, th="-1e30", m="1e6")
        assert "Nothing is flagged" in told(at)
        at = next(button for button in at.button if button.label.startswith("Go to the")).click().run()
        assert flagged(at) == "1"


def test_the_line_below_the_controls_tells_default_choice_and_plateau(visit, case, commit):
    at = visit("investigate", case=case.id)
    usual = verdict(case.plan, Contrast()).flagged.sum()
    assert f"The calibrated cut-off flags {usual}." in told(at)
    at = commit(at, f"margin-{case.id}-all", -0.5)
    assert f"Yours, +0.5, flags {verdict(case.plan, Contrast(margin=0.5)).flagged.sum()}." in told(at)
    assert ("plateau lies between" in told(at)) or ("There is no plateau" in told(at))


def test_the_plateau_on_the_page_is_one_of_the_rule_in_force(case):
    view = View(case=case.id, rule="delta", tolerance=1)
    found = rules.line(case, rules.in_force(case, view))
    ordered = collapse.sorted_changes(case.plan.scores.value.delta(0))
    assert np.array_equal(found.statistic, np.sort(collapse.order_statistic(ordered, 1)))
    if found.plateau:
        inside = np.searchsorted(found.statistic, [found.plateau.low, found.plateau.high])
        assert inside.tolist() == [found.plateau.fewest, found.plateau.most]


def test_a_cell_of_the_map_sets_both_and_switches_to_the_papers_rule(monkeypatch):
    from app.panels.tabs import evidence_surface

    moved = {}
    monkeypatch.setattr(state, "update", lambda **changes: moved.update(changes))
    evidence_surface._picked((-2.5, 3))
    assert moved == {"threshold": -2.5, "tolerance": 3, "rule": "delta", "page": 1}


def test_the_map_grades_its_cells_only_where_the_truth_is_shown(visit, case_id, words):
    address = {"case": case_id, "rule": "delta", "tab": "surface"}
    assert "True positive rate" in words(visit("investigate", **address))
    hidden = words(visit("investigate", **address, truth="hide"))
    assert (
        "Change per step" in hidden and "True positive rate" not in hidden and "Needs the truth" not in hidden
    )


def test_the_table_lists_exactly_the_flagged_images_most_suspect_first(visit, case):
    at = visit("investigate", case=case.id, tab="table")
    found = verdict(case.plan, Contrast())
    rows = at.dataframe[0].value
    order = np.argsort(-found.suspicion, kind="stable")
    assert rows["number"].tolist() == order[found.flagged[order]].tolist()
    assert (np.diff(rows["decides"]) <= 0).all() and "verdict" not in rows
    assert rows["image"][0] == f"/picture/{case.id}/train/{rows['number'][0]}.png"


def test_a_label_shows_its_images_in_the_gallery(visit, case_id, view_of):
    at = visit("investigate", case=case_id, rule="delta", tab="classes")
    pills = next(group for group in at.get("button_group") if group.label.startswith("Show only"))
    at = pills.set_value(1).run()
    assert not at.exception and (view_of(at).label, view_of(at).tab) == (1, "images")


def test_for_the_contrast_the_page_says_that_copies_play_no_role(visit, case_id):
    assert "does not look at copies" in told(visit("investigate", case=case_id, tab="transforms"))
    assert "does not look at copies" not in told(
        visit("investigate", case=case_id, tab="transforms", rule="delta")
    )


def test_exports_and_commands_of_the_new_rules_find_the_same_set(case):
    kind = copies.kinds(case.plan.scores.value, 0)[0]
    for rule in (RelativeCollapse(threshold=0.4, tolerance=1), DeltaInfluence(tolerance=2, without=(kind,))):
        files = export.bundle(case.plan, rule)
        rows = json.loads(files["flags.json"]())["flags"]
        expected = np.flatnonzero(verdict(case.plan, rule).flagged)
        assert np.array_equal(np.load(BytesIO(files["flagged_indices.npy"]())), expected)
        assert sorted(row["index"] for row in rows) == expected.tolist() and "confidence" in rows[0]
        assert f"--detector {rule.name}" in export.command(case.plan, rule)
    assert f"""--with 'without=["{kind}"]'""" in export.command(case.plan, rule)


def test_what_the_relative_collapse_flags_can_be_unlearned(visit, case):
    rule = RelativeCollapse(threshold=0.4, tolerance=1)
    asked = cases.unlearn_variant(case, rule, case.run.experiment.unlearners)
    assert rule in asked.detectors and asked.unlearn_after == (rule.name,)
    at = visit("unlearn", case=case.id, rule="relative", cut="0.4", tol="1")
    assert not at.exception


def test_sureness_of_the_new_rules_is_a_share_that_is_high_where_they_flag(case):
    kind = copies.kinds(case.plan.scores.value, 0)[0]
    for rule in (RelativeCollapse(threshold=0.0, tolerance=1), DeltaInfluence(tolerance=1, without=(kind,))):
        sure, found = results.sureness(case, rule), rules.flags(case, rule)
        assert ((sure >= 0) & (sure <= 1)).all()
        assert sure[found.flagged].min() > sure[~found.flagged].max()


def test_the_last_kind_cannot_be_left_out(case, monkeypatch):
    said = []
    monkeypatch.setattr(st, "toast", lambda words, **_: said.append(words))
    monkeypatch.setattr(state, "update", lambda **changes: SimpleNamespace(moved=said.append(changes)))
    kinds.leave_out(case, View(case=case.id), set(rules.kinds(case, View())))
    assert said == ["One kind of transformation has to stay."]
