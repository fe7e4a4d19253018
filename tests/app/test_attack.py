"""Does the attack's page tell exactly what was done, and nothing at all while the truth is hidden?"""

import json
from dataclasses import replace

import numpy as np
import pytest
import standing_in

from app import results
from core.artifacts import Split


def shown(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def texts(at) -> str:
    return "\n".join(m.value for m in (*at.markdown, *at.caption, *at.info)).replace("\\", "")


def cards(at, name: str) -> list[dict]:
    """Cards of a gallery by its name."""
    found = [json.loads(c.proto.json) for c in at.get("bidi_component")]
    return next((data["items"] for data in found if data["label"] == name), [])


@pytest.fixture
def other_attack(case_id):
    """Puts another record of the attack in the place of the case's own, as another attack would have left it."""
    p = results.case(case_id).plan
    own, data = p.poisoning.value, p.dataset.value

    def put(**changes):
        standing_in.put(p.poisoning, replace(own, **changes))

    yield put, own, data
    standing_in.put(p.poisoning, own)


def test_the_story_and_the_figures_are_those_of_the_attack(visit, case):
    at = visit("attack", case=case.id)
    assert not at.exception
    assert "25 of the 300 training images (8.3%) show “7” and were **relabelled as “1”**" in texts(at)
    assert "**stamped**" in texts(at)
    assert "a test image of “7” that carries the trigger shall be read as “1”" in texts(at)
    figures = shown(at)
    assert (figures["Poisons"], figures["Relabelled"]) == ("25", "25")
    assert figures["Poison success rate"] == f"{case.plan.before.value.poison_success_rate:.1%}"


def test_the_settings_are_shown_with_their_meaning(visit, case):
    [table] = visit("attack", case=case.id).table
    rows = table.value.set_index("setting")["value"].to_dict()
    assert (rows["Attack"], rows["Poisoned images"], rows["Victim class"]) == ("BadNet patch", "25", "7")


def test_a_page_shows_few_images_each_once(visit, case):
    at = visit("attack", case=case.id)
    poisons, targets = cards(at, "poisons"), cards(at, "attacked test images")
    assert [card["id"] for card in poisons] == list(range(16))
    assert len(poisons) + len(targets) + len(at.get("image")) + len(at.get("imgs")) <= 48
    assert poisons[3]["src"].endswith("/poison/3.png")
    assert poisons[3]["title"] == "7 → 1"


@pytest.mark.parametrize(
    ("look", "factor", "address"),
    [
        ("stored", "auto", "/poison/17.png"),
        ("change", "4", "/poison-change-4/17.png"),
        ("change", "auto", "/poison-change-1/17.png"),
    ],
)
def test_a_link_shows_the_same_page_of_poisons_in_the_same_way(look, factor, address, visit, case):
    at = visit("attack", case=case.id, p="17", look=look, factor=factor)
    poisons = cards(at, "poisons")
    assert [card["id"] for card in poisons] == list(range(16, 25))
    assert poisons[1]["src"].endswith(address)
    assert "**18** of 25" in texts(at)


def test_original_images_are_those_before_the_attack(visit, case):
    at = visit("attack", case=case.id, look="clean")
    row = int(case.plan.poisoning.value.indices[5])
    assert cards(at, "poisons")[5]["src"].endswith(f"/clean/{row}.png")


def test_picking_and_stepping_are_in_the_address(visit, case_id, commit, view_of):
    at = commit(visit("attack", case=case_id), f"poisons-{case_id}-0", [5])
    assert view_of(at).poison == 5
    at = at.button(key="poison-Next").click().run()
    at = at.button(key="trigger-Next").click().run()
    assert (view_of(at).poison, view_of(at).trigger) == (6, 1)
    assert view_of(visit("attack", **at.query_params)) == view_of(at)


def test_with_the_truth_hidden_nothing_on_the_page_depends_on_the_attack(visit, words, case_id, other_attack):
    put, own, _ = other_attack
    hidden, told = (words(visit("attack", case=case_id, truth=truth)) for truth in ("hide", "show"))
    others = np.setdiff1d(np.arange(300), own.indices)[:11]
    put(indices=others, images=own.images[:11], labels=own.labels[:11])
    results._attacks.clear()
    assert words(visit("attack", case=case_id, truth="hide")) == hidden
    assert words(visit("attack", case=case_id, truth="show")) != told


def test_a_hidden_truth_is_explained_and_shown_on_request(visit, case_id, view_of):
    at = visit("attack", case=case_id, truth="hide")
    assert not at.metric
    assert not cards(at, "poisons")
    assert "hidden in this view" in at.info[0].value
    at = next(b for b in at.button if b.label == "Show the truth").click().run()
    assert view_of(at).truth == "show"
    assert at.metric


def test_swapped_labels_are_told_without_empty_pictures(visit, case_id, other_attack):
    put, _, data = other_attack
    rows = np.flatnonzero(np.isin(data.train.labels, (3, 5)))[:20]
    swap = np.where(data.train.labels[rows] == 3, 5, 3)
    seen = np.flatnonzero(np.isin(data.test.labels, (3, 5)))
    shown_labels = data.test.labels[seen]
    put(
        indices=rows,
        images=np.array(data.train.images[rows]),
        labels=swap,
        triggered=Split(np.array(data.test.images[seen]), shown_labels),
        triggered_rows=seen,
        wanted=8 - shown_labels,
        victim_classes=(3, 5),
        target_classes=(5, 3),
    )
    at = visit("attack", case=case_id)
    assert not at.exception
    told = texts(at)
    assert "were swapped" in told
    assert "**The images themselves are untouched**" in told
    assert "shall be taken for each other" in told
    assert "nothing to see in their frequencies" in told
    assert "Amplify differences" not in {group.label for group in at.get("button_group")}


def test_a_single_target_image_reads_well(visit, case_id, other_attack):
    put, _, data = other_attack
    row = np.flatnonzero(data.test.labels == 7)[:1]
    rows = np.flatnonzero(data.train.labels == 1)[:5]
    images = np.array(data.train.images[rows])
    images[:, :, ::2] = 255 - images[:, :, ::2]
    put(
        indices=rows,
        images=images,
        labels=np.full(5, 1),
        triggered=Split(np.array(data.test.images[row]), data.test.labels[row]),
        triggered_rows=row,
        wanted=np.array([1]),
        notes=("tried 2 target images",),
    )
    at = visit("attack", case=case_id)
    assert not at.exception
    told = texts(at)
    assert "**Their labels are right**" in told
    assert "a single test image of class “7”: shown as it is, without any trigger" in told
    assert "tried 2 target images" in told
    assert "The attacked test image" in {h.value.split("· ")[-1] for h in at.header}
    assert not cards(at, "attacked test images")


def test_whoever_wants_any_class_misread_is_told_so(visit, case_id, other_attack):
    put, own, _ = other_attack
    put(
        wanted=np.full(len(own.wanted), 0),
        victim_classes=tuple(range(1, 10)),
        target_classes=(0,),
    )
    assert "a test image of any class that carries the trigger shall be read as “0”" in texts(
        visit("attack", case=case_id)
    )
