"""Does the sandbox answer every gesture, and does its address bring back what was drawn?"""

import json

import pytest

from core.learn.sandbox_scene import PLACED, Scene, attacked, drawn

KEY = "sandbox-points"


def scene_of(at) -> Scene:
    return Scene.parse(at.session_state["view"].points)


def picture(scene: Scene, seed: int = 0) -> dict:
    points = scene.points(seed)
    rows = zip(points.ids.tolist(), *points.at.T.tolist(), points.labels.tolist(), strict=True)
    return {"points": [list(row) for row in rows], "test": [v / 100 for v in scene.test]}


def sent(at) -> dict:
    """What the component was given."""
    [data] = [e.proto.json for e in at.get("bidi_component") if '"regions"' in e.proto.json]
    return json.loads(data)


def button(at, label):
    return next(b for b in at.button if b.label == label)


def test_the_page_opens_with_an_attack_that_works_and_an_address_of_its_own(visit):
    at = visit("sandbox")
    assert not at.exception and not at.toast
    assert scene_of(at) == attacked(Scene(), "cluster", 0)
    assert at.metric[0].value.startswith("B")
    assert at.title[0].value == "Sandbox"


def test_a_link_shows_the_points_of_its_sender(visit):
    at = visit("sandbox", pts="k3_fquadratic_t10.20_a2.50.50", seed="7")
    assert scene_of(at).placed == ((2, 50, 50),)
    shown = sent(at)
    assert shown["test"] == [0.1, 0.2]
    assert [PLACED, 0.5, 0.5, 2] in [row[:4] for row in shown["points"]]
    assert len(shown["points"]) == len(drawn(3, 7)) + 1


@pytest.mark.parametrize("text", ["k9", "a1.2", "zzz", "e99", "<b>", "![x](http://evil.example)"])
def test_a_link_that_makes_no_sense_opens_the_page_all_the_same(text, visit, words):
    at = visit("sandbox", pts=text)
    assert not at.exception
    assert len(at.toast) == 1
    assert scene_of(at).placed
    assert "![x](http" not in words(at)


def test_a_gesture_moves_the_address_and_is_undone_and_redone(visit, commit):
    at = visit("sandbox", pts="k2")
    assert at.metric[0].value.startswith("A")
    placed = Scene().changed(placed=[(1, -170 + 4 * i, 60) for i in range(9)])
    at = commit(at, KEY, [{"serial": 1} | picture(placed)])
    assert scene_of(at) == placed
    assert at.metric[0].value.startswith("B")
    at = button(at, "Undo").click().run()
    assert scene_of(at) == Scene()
    assert at.metric[0].value.startswith("A")
    at = commit(at, KEY, [{"serial": 2, "step": 1}])
    assert scene_of(at) == placed
    assert button(at, "Redo").disabled


def test_a_gesture_that_makes_no_sense_is_refused_in_words(visit, commit):
    at = visit("sandbox", pts="k2")
    for serial, nonsense in enumerate(
        ({"points": "x", "test": [0, 0]}, {"points": [], "test": [0, 0]}, {"other": 1}), 1
    ):
        at = commit(at, KEY, [{"serial": serial} | nonsense])
        assert not at.exception
        assert "nothing was changed" in at.toast[0].value
        assert scene_of(at) == Scene()


def test_an_attack_replaces_what_was_drawn_and_starting_over_removes_it(visit):
    at = visit("sandbox", pts="k2_a1.0.0")
    at = button(at, "Flipped labels").click().run()
    assert len(scene_of(at).relabelled) == 6
    at = button(at, "Start over").click().run()
    assert scene_of(at) == Scene()


def test_new_points_are_of_another_seed_and_keep_what_was_placed(visit):
    at = visit("sandbox", pts="k2_m3.0.0_a1.5.5")
    before = sent(at)["points"][0]
    at = button(at, "New points").click().run()
    assert at.session_state["view"].seed == 1
    assert scene_of(at) == Scene(placed=[(1, 5, 5)])
    assert sent(at)["points"][0] != before


def test_settings_are_in_the_address(visit):
    at = visit("sandbox", pts="k2")
    at = at.selectbox(key="sandbox_features").select("linear").run()
    at = at.slider(key="sandbox_tolerance").set_value(3).run()
    at = at.select_slider(key="sandbox_penalty").set_value(0).run()
    assert scene_of(at) == Scene(features="linear", tolerance=3, penalty=0)


def test_other_classes_have_other_points_so_that_changes_of_the_old_ones_are_gone(visit):
    at = visit("sandbox", pts="k2_m3.0.0_l4.1_a1.5.5")
    at = at.button_group(key="sandbox_classes").set_value(3).run()
    assert not at.exception
    assert scene_of(at) == Scene(classes=3, placed=[(1, 5, 5)])


def test_a_dragged_threshold_flags_others_in_the_plot_too(visit, commit):
    at = visit("sandbox")
    before = sum(row[5] for row in sent(at)["points"])
    at = commit(at, "sandbox-threshold", 0.5)
    assert scene_of(at).threshold == 0.5
    assert sum(row[5] for row in sent(at)["points"]) > before


def test_unlearning_shows_the_new_boundary_and_the_old_one(visit):
    at = visit("sandbox")
    assert "before" not in sent(at)
    old = sent(at)["regions"]
    at = at.toggle(key="sandbox_unlearned").set_value(True).run()
    assert sent(at)["before"] == old != sent(at)["regions"]
    assert at.metric[0].value.startswith("A")


def test_with_nothing_flagged_there_is_nothing_to_unlearn(visit):
    at = visit("sandbox", pts="k2_c-9999")
    assert at.toggle(key="sandbox_unlearned").disabled
    assert "nothing to forget" in at.info[0].value


def test_the_sandbox_is_still_there_after_a_visit_to_another_page(visit):
    at = visit("sandbox", pts="k2_a1.7.7")
    at.query_params = {}
    at = at.switch_page("views/jobs.py").run()
    at.query_params = {}
    at = at.switch_page("views/sandbox.py").run()
    assert scene_of(at).placed == ((1, 7, 7),)
