"""Can training images be listed, selected and looked at closely, and does the address bring all of it back?"""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import standing_in

from app import results
from app.panels.tabs.composite import finding
from core import closeup, confidence
from core.composite import composite
from core.detection import verdict
from core.detectors.contrast import Contrast

NOTHING = {"primary": None, "chosen": [], "pinned": None, "actions": []}


@pytest.fixture
def grid():
    """What the gallery of training images was told."""

    def told(at, key: str = "gallery-") -> dict:
        return next(json.loads(c.proto.json) for c in at.get("bidi_component") if key in c.proto.id)

    return told


@pytest.fixture
def flagged(case) -> np.ndarray:
    """Flagged images, most suspect first."""
    found = verdict(case.plan, Contrast())
    rows = np.flatnonzero(found.flagged)
    return rows[np.argsort(-found.suspicion[rows], kind="stable")]


def ids(told: dict) -> list[int]:
    return [item["id"] for item in told["items"]]


def button(at, label: str):
    return next(b for b in at.button if b.label == label)


def text(at) -> str:
    return " ".join(
        element.value for kind in (at.markdown, at.caption, at.info, at.warning) for element in kind
    )


def test_what_is_picked_is_in_the_address_and_comes_back(visit, case_id, commit, view_of, grid):
    pick = NOTHING | {"primary": 17, "chosen": [3, 17, 20], "pinned": 9}
    at = commit(visit("investigate", case=case_id), f"gallery-{case_id}", pick)
    view = view_of(at)
    assert (view.image, view.chosen, view.pinned) == (17, "3.17.20", 9)
    told = grid(visit("investigate", **at.query_params))
    assert (told["primary"], told["selected"], told["pinned"]) == (17, [3, 17, 20], 9)


def test_nothing_picked_shows_the_most_suspect_image(visit, case_id, grid, flagged, view_of):
    at = visit("investigate", case=case_id)
    assert ids(grid(at)) == flagged[:30].tolist()
    assert grid(at)["primary"] == flagged[0] == at.number_input[-1].value
    assert view_of(at).image == -1  # a link without a choice follows the rule


def test_going_on_from_the_last_card_turns_the_page(visit, case_id, commit, grid, view_of):
    at = visit("investigate", case=case_id, show="missed")
    last = ids(grid(at))[-1]
    first = ids(grid(visit("investigate", case=case_id, show="missed", page="2")))[0]
    asked = NOTHING | {"primary": last, "actions": [{"serial": 1, "name": "next", "id": last}]}
    at = commit(at, f"gallery-{case_id}", asked)
    assert (view_of(at).image, view_of(at).page) == (first, 2)
    at = at.run()  # told once: the same commit again moves nothing
    assert (view_of(at).image, view_of(at).page) == (first, 2)


def test_buttons_walk_along_the_order_and_end_at_its_ends(visit, case_id, flagged, view_of):
    at = visit("investigate", case=case_id)
    assert button(at, "Previous").disabled
    at = button(at, "Next").click().run()
    assert view_of(at).image == flagged[1]
    at = button(visit("investigate", case=case_id, i=str(flagged[-1])), "Previous").click().run()
    assert view_of(at).image == flagged[-2]
    assert button(visit("investigate", case=case_id, i=str(flagged[-1])), "Next").disabled


def test_a_filter_by_label_says_what_it_hid_and_can_be_cleared(visit, case, grid, flagged, view_of):
    labels = case.plan.poisoned.value.train.labels
    at = visit("investigate", case=case.id, cls="1", page="3")
    kept = [int(i) for i in flagged if labels[i] == 1]
    assert ids(grid(at)) == kept[:30]
    at = visit("investigate", case=case.id, cls="2")
    assert f"{len(flagged)} of {len(flagged)} flagged are filtered out by label" in text(at)
    at = button(at, "Show all labels").click().run()
    assert view_of(at).label == -1 and ids(grid(at)) == flagged[:30].tolist()


def test_a_label_that_the_case_does_not_have_filters_nothing(visit, case_id, grid, flagged):
    for label in ("99", "-7"):
        assert ids(grid(visit("investigate", case=case_id, cls=label))) == flagged[:30].tolist()


def test_the_order_is_the_one_that_was_chosen(visit, case, grid):
    labels = np.asarray(case.plan.poisoned.value.train.labels)
    sure = confidence.of_count_rule(case.plan.scores.value.delta(0), 0.0, 2)
    shown = {
        sort: ids(grid(visit("investigate", case=case.id, sort=sort, rule="delta", tol="2")))
        for sort in ("number", "label", "unsure")
    }
    assert shown["number"] == sorted(shown["number"])
    assert labels[shown["label"]].tolist() == sorted(labels[shown["label"]])
    doubt = np.abs(sure[shown["unsure"]] - 0.5)
    assert (np.diff(doubt) >= 0).all() and doubt[0] < 0.25


def test_another_list_begins_at_its_first_page(visit, case_id, view_of):
    at = visit("investigate", case=case_id, show="missed", page="3")
    at = next(s for s in at.selectbox if s.label == "Order").set_value("number").run()
    assert view_of(at).sort == "number" and view_of(at).page == 1


def test_cards_say_how_far_an_image_is_from_the_cut_off(visit, case, grid):
    at = visit("investigate", case=case.id, m="1")
    found = verdict(case.plan, Contrast())
    for item in grid(at)["items"]:
        far = found.suspicion[item["id"]] - 1
        told = f"{far:.1f}" if far >= 10 else f"{far:.2f}"
        assert item["lines"][1] == f"cut-off +{told}"
        assert f"{told} above the cut-off" in item["alt"]


def test_images_of_a_label_that_nothing_was_read_as_are_not_compared(visit, case, grid):
    other = int(np.flatnonzero(case.plan.poisoned.value.train.labels == 4)[0])
    at = visit("investigate", case=case.id, set=str(other), show="chosen", i=str(other))
    assert grid(at)["items"][0]["lines"][1] == "not compared"
    assert "no picked image was read as this label" in text(at)


def test_the_pinned_image_stands_beside_the_one_in_the_inspector(visit, case_id, view_of, flagged):
    at = visit("investigate", case=case_id, i=str(flagged[0]))
    at = button(at, "Pin to compare").click().run()
    assert view_of(at).pinned == flagged[0]
    at = button(at, "Next").click().run()
    assert f"| Image | {flagged[1]:,} | pinned {flagged[0]:,} |" in text(at)
    at = button(at, f"Unpin {flagged[0]:,}").click().run()
    assert view_of(at).pinned == -1 and "pinned" not in text(at)


def test_images_are_selected_without_a_mouse_listed_and_let_go_of(visit, case_id, view_of, grid):
    at = visit("investigate", case=case_id, i="5", set="9.3")
    at = button(at, "Select").click().run()
    assert view_of(at).chosen == "9.3.5"
    assert "**3** of 300 training images selected" in text(at)
    at = visit("investigate", **at.query_params | {"show": "chosen"})
    assert sorted(ids(grid(at))) == [3, 5, 9]
    at = button(at, "Clear").click().run()
    assert view_of(at).chosen == "" and "No image is selected" in text(at)


def test_a_click_on_a_neighbour_inspects_it(visit, case, commit, view_of, grid, flagged):
    i = int(flagged[0])
    at = visit("investigate", case=case.id, i=str(i))
    near = closeup.neighbours(case.plan.poisoned.value.train.images, i, flagged)
    assert ids(grid(at, "near-")) == near.rows.tolist()
    at = commit(at, f"near-{case.id}", [int(near.rows[1])])
    assert view_of(at).image == near.rows[1]
    assert ids(grid(at, "near-"))[0] != near.rows[1]


@pytest.mark.parametrize("query", [{"rule": "delta", "th": "-1e30"}, {"m": "1e30"}])
def test_with_nothing_flagged_every_part_says_so(query, visit, case_id):
    at = visit("investigate", case=case_id, **query)
    assert "Nothing is flagged. The images that came closest" in text(at)
    assert "0 of 0 flagged" in text(at) and "No other image is flagged." in text(at)
    assert "expected at least 3" in text(visit("investigate", case=case_id, tab="composite", **query))
    assert not visit("image", case=case_id, **query).exception


def test_what_flagged_images_share_is_told_with_the_odds_of_chance(visit, case, flagged):
    train, mask = case.plan.poisoned.value.train, np.zeros(300, bool)
    mask[flagged] = True
    made = composite(train.images, train.labels, mask)
    said = text(visit("investigate", case=case.id, tab="composite"))
    assert made.pixels.rare and "They share something" in said
    assert f"by up to {made.pixels.largest:.0f} of 255" in said
    assert f"**{made.pixels.reached} of {made.pixels.draws}** draws" in said
    assert f"{made.flagged} flagged images against {made.others} others" in said


def test_random_sets_are_said_to_share_nothing(case):
    train, said = case.plan.poisoned.value.train, []
    for seed in range(5):
        mask = np.zeros(300, bool)
        mask[np.random.default_rng(seed).permutation(300)[:30]] = True
        made = composite(train.images, train.labels, mask)
        said.append(finding(made))
        assert f"**{made.pixels.reached} of 200** draws" in said[-1]
    assert sum("There is nothing to see" in words for words in said) >= 4  # one in fifty is wrong by chance


def test_the_page_of_an_image_gives_its_place_in_every_order(visit, case, flagged):
    i = int(flagged[2])
    at = visit("image", case=case.id, i=str(i))
    assert f"Training image {i}" in at.title[0].value
    rows = at.dataframe[0].value.to_dict("records")
    found = [verdict(case.plan, Contrast()), *(d.value for d in case.plan.detections.values())]
    assert [row["place"] for row in rows] == [closeup.place(f.suspicion, i) for f in found]
    assert rows[0]["place"] == 3
    assert case.plan.scores.key in text(at) and case.id in text(at)


def test_an_image_that_is_not_there_is_said_and_the_first_is_shown(visit, case_id, flagged):
    at = visit("image", case=case_id, i="5000")
    assert "There is no training image 5,000 here: this case has 300" in at.warning[0].value
    assert f"Training image {flagged[0]}" in at.title[0].value
    at = button(at, "Next").click().run()
    assert not at.warning


def test_the_page_of_an_image_and_the_composite_do_not_depend_on_hidden_truth(visit, words, case_id):
    def pages(truth: str) -> list[str]:
        found = [
            visit("image", case=case_id, i="3", pin="7", truth=truth),
            visit("investigate", case=case_id, tab="composite", truth=truth),
        ]
        return [re.sub(r'deferred_file_id: "\w+"', "", words(at)) for at in found]

    hidden, told = pages("hide"), pages("show")
    p = results.case(case_id).plan
    attack, others = p.poisoning.value, np.setdiff1d(np.arange(300), p.poisoning.value.indices)[:11]
    fewer = replace(attack, indices=others, images=attack.images[:11], labels=attack.labels[:11])
    standing_in.put(p.poisoned, p.poisoned.value)  # the training images stay as they are
    standing_in.put(p.poisoning, fewer)
    results._truths.clear()
    assert pages("hide") == hidden
    assert all(a != b for a, b in zip(pages("show"), told, strict=True))
