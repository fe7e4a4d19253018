"""Does a sealed challenge keep its truth on every page, hold what is locked, and score what was committed?"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import standing_in
import streamlit as st
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app import images, results, shell, state
from app.panels import EVIDENCE
from app.panels.challenge.blind_teacher import LOCKS
from app.panels.review import review_book
from app.state import View, parameters_of
from core import attack_view, casebook, cases, jobs, registry, runs
from core import truth as truths
from core.blind import challenges, commitments
from core.blind.challenges import Wanted
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.review.verdicts import Verdicts
from core.store import Store
from core.unlearned import outcome_jobs, outcomes
from core.unlearned.outcomes import Asked

ROOT = Path(__file__).parents[2]
PAGES = re.findall(r"views/(\w+)\.py", (ROOT / "app" / "dashboard.py").read_text())
GENERAL = {"set_up", "method", "studies", "settings", "sandbox", "guided"}
"""Pages that speak about attacks in general, whatever case is open."""
RULES = ("contrast", "delta", "relative")
WAYS = [{"tab": tab, "i": "3", "rule": RULES[n % 3]} for n, tab in enumerate(EVIDENCE)]
WAYS += [
    {"truth": "show", "show": "missed", "rule": "delta", "th": "-0.5", "set": "1.2.3", "pin": "4"},
    {"pick": "triggered-0", "q": "1"},
]


@pytest.fixture
def challenge(case, store_root) -> challenges.Challenge:
    """A blind copy; the case itself is off the list, for its own card tells what it is."""
    made = challenges.make(store_root, case, Wanted("Exercise 1"))
    runs.remove(case.run, runs.open_store())
    return made


def visits(page: str) -> list[dict[str, str]]:
    return WAYS if page == "investigate" else [{}, {"i": "3", "rule": "delta", "image": "3", "truth": "show"}]


@pytest.fixture
def told(words, monkeypatch):
    """All that a page sends in every way of looking at it, downloads included."""
    handed: list[str] = []

    def button(label, content=b"", *_, **options):
        made = content() if callable(content) else content
        handed.append(f"{label}\n{made.decode('latin-1') if isinstance(made, bytes) else made}")
        return False

    monkeypatch.setattr(st, "download_button", button)

    def everything(page: str, case_id: str) -> list[str]:
        found, at = [], AppTest.from_file(ROOT / "app" / "dashboard.py", default_timeout=60)
        for way in visits(page):
            handed.clear()
            at.query_params = {"case": case_id, "v": "1", **way}
            at.switch_page(f"views/{page}.py").run()
            assert not at.exception, at.exception
            found.append(re.sub(r'deferred_file_id: "\w+"', "", words(at)) + "\n".join(handed))
        return found

    return everything


def other_truth(case_id: str) -> None:
    """The same investigation, had the attacker altered other images, and with another success."""
    p = results.case(case_id).plan
    original = cases.plan(p.experiment, results.store())
    standing_in.put(original.poisoned, original.poisoned.value)  # the training images stay as they are
    attack = original.poisoning.value
    others = np.setdiff1d(np.arange(300), attack.indices)[:11]
    fewer = replace(attack, indices=others, images=attack.images[:11] // 2, labels=attack.labels[:11] + 1)
    standing_in.put(original.poisoning, fewer)
    for report in (original.before, *original.after.values()):
        figures = ("poison_success_rate", "clean_label_accuracy", "manipulated_accuracy", "utility")
        standing_in.put(report, replace(report.value, **dict.fromkeys(figures, 0.123)))
    for kept in ("_cases", "_truths", "_attacks"):
        getattr(results, kept).clear()


def secrets_of(case, challenge) -> list[str]:
    """Names by which a copy could be traced to its case: never sent, on any page."""
    p = case.plan
    made = (p.dataset, p.poisoning, p.poisoned, p.victim, p.queries, p.changed, p.scores, p.before)
    return [case.id, challenge.secret, *(a.key for a in (*made, *p.detections.values(), *p.after.values()))]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_of_a_sealed_challenge_names_the_attack_or_depends_on_who_the_poisons_are(
    page, told, case, challenge
):
    attack, wrong = case.run.experiment.attack, secrets_of(case, challenge)
    if page not in GENERAL:
        wrong += [
            attack.name,
            type(attack).title,
            case.run.title,
            "n_poisons",
            "target_class",
            "victim_class",
        ]
    before = told(page, challenge.id)
    for sent in before:
        assert not [name for name in wrong if re.search(rf"\b{re.escape(name)}\b", sent, re.IGNORECASE)]
    other_truth(challenge.id)
    assert told(page, challenge.id) == before


@pytest.mark.parametrize("stage", ["choose_poisons", "train", "score_pairs", "affected_queries", "evaluate"])
def test_a_damaged_result_behind_a_sealed_challenge_is_not_named(
    stage, visit, words, case, challenge, store_root
):
    for file in (store_root / stage).glob("*/*.npy"):
        file.write_bytes(file.read_bytes()[:-1])
    results._cases.clear()
    wrong = [*secrets_of(case, challenge), case.plan.poisoning.key, str(store_root)]
    pages = [words(visit(page, case=challenge.id, v="1")) for page in ("investigate", "unlearn", "report")]
    pages.append(words(visit("cases")))
    assert any("was changed after it was computed" in told for told in pages)
    assert not [name for told in pages for name in wrong if name in told.replace("\\", "")]


def test_a_set_chosen_with_the_truth_after_the_challenge_was_made_shows_nowhere_in_it(
    told, case, challenge, store_root
):
    before = told("unlearn", challenge.id)
    rule = outcomes.kept_set(case.plan.poisoning.value.indices)  # in the case itself, whose truth is open
    exact = Asked(rule, registry.create("unlearners", "exact"), case.run.experiment.recipe.seed)
    outcome_jobs.note(case.plan, exact)
    own = outcomes.own_plan(case.plan, Store(store_root))
    for goal in outcomes.steps(own, exact).goals:
        _ = goal.value
    results._cases.clear()
    assert told("unlearn", challenge.id) == before


def test_the_leak_tests_would_notice_a_leak(told, challenge, store_root):
    challenges.reveal(store_root, challenge.id)
    before = told("attack", challenge.id)
    other_truth(challenge.id)
    assert told("attack", challenge.id) != before


def test_real_rows_of_the_poisons_are_nowhere_among_the_flags(visit, case, challenge, words):
    blind, real = results.case(challenge.id), truths.required(case.plan).poisoned
    found = Contrast().detect(case.plan.scores.value, case.plan.poisoned.value).flagged
    assert (found & real).sum() > 5
    at = visit("investigate", case=challenge.id, v="1")
    sent = {int(place) for place in re.findall(rf"picture/{challenge.id}/train/(\d+)", words(at))}
    assert sent <= set(blind.places(np.flatnonzero(found)).tolist()) != set(np.flatnonzero(found).tolist())


@pytest.fixture
def browser() -> TestClient:
    route = Route("/picture/{run}/{kind}/{row}.png", images.picture)
    return TestClient(Starlette(routes=[route]))


@pytest.mark.parametrize(
    "kind",
    [
        "clean",
        "poison",
        "trigger",
        *(f"{s}-change-{f}" for s in ("poison", "trigger") for f in attack_view.FACTORS),
    ],
)
def test_images_that_only_the_attacker_has_are_refused_until_the_reveal(kind, browser, challenge, store_root):
    address = images.address(challenge.id, kind, 0)
    assert browser.get(address).status_code == 404
    challenges.reveal(store_root, challenge.id)
    assert browser.get(address).status_code == 200


def test_pictures_go_by_place(browser, case, challenge):
    for place in (0, 7, 299):
        row = int(results.case(challenge.id).real_rows([place])[0])
        shown = browser.get(images.address(challenge.id, "train", place))
        assert shown.content == images.png(case.plan.poisoned.value.train.images[row])


@pytest.mark.parametrize("text", ["d=0.0001", "c=identity"])
def test_another_way_of_measuring_stays_sealed_and_numbered_alike(text, challenge):
    from app.measures import measured

    blind = results.case(challenge.id)
    found = measured(blind, text)
    assert found.sealed and np.array_equal(found.order, blind.order)
    assert results.truth(found, View()) is None


def test_a_picked_image_stays_sealed_and_attacked_ones_cannot_be_picked(case, challenge):
    blind = results.case(challenge.id)
    picked = results.picked(blind, "test-3")
    assert picked.sealed and picked.order is blind.order and picked.id == f"{challenge.id}~test-3"
    own = set(case.plan.queries.value.test_rows.tolist())
    other = next(int(r) for r in case.plan.poisoning.value.triggered_rows if int(r) not in own)
    with pytest.raises(ValueError, match="has no"):
        results.picked(blind, f"triggered-{other}")
    assert results.picked(blind, f"triggered-{min(own)}").sealed


def test_a_sealed_case_has_a_lock_in_place_of_the_switch(visit, challenge, words):
    at = visit("investigate", case=challenge.id, v="1")
    assert "blind" in words(at) and not [g for g in at.get("button_group") if g.label == "Ground truth"]
    assert not [metric for metric in at.metric if metric.label == "Precision"]


LOCKED = Wanted(
    "Locked",
    frozenset({"rule", "using", "threshold", "tolerance", "query", "pick", "measure"}),
    {"rule": "delta", "th": "-0.5", "tol": "2"},
)


@pytest.fixture
def locked(case, store_root) -> challenges.Challenge:
    return challenges.make(store_root, case, LOCKED)


def test_a_teachers_link_opens_as_it_was_made(visit, view_of, locked):
    view = view_of(visit("investigate", case=locked.id))
    assert (view.rule, view.threshold, view.tolerance) == ("delta", -0.5, 2)


def test_a_forged_address_moves_nothing_that_is_locked(visit, view_of, locked):
    forged = {
        "th": "-9",
        "tol": "0",
        "q": "1",
        "pick": "test-3",
        "measure": "d=0.0001",
        "i": "5",
        "rule": "contrast",
    }
    at = visit("investigate", case=locked.id, v="1", **forged)
    view = view_of(at)
    assert (view.rule, view.threshold, view.tolerance, view.query) == ("delta", -0.5, 2, 0)
    assert (view.pick, view.measure, view.image) == ("", "", 5)
    assert (
        parameters_of(view).items()
        <= {k: str(v[0] if isinstance(v, list) else v) for k, v in at.query_params.items()}.items()
    )


def test_locked_controls_are_disabled_and_say_why(visit, locked):
    at = visit("investigate", case=locked.id)
    [tolerance] = at.slider
    assert tolerance.disabled and "Locked" in tolerance.help and ":material/lock:" in tolerance.label
    assert [b.disabled for b in at.button if b.label == "Back to 0"] == [True]


def test_a_gesture_on_a_locked_histogram_changes_nothing(visit, commit, view_of, locked):
    at = commit(visit("investigate", case=locked.id), f"threshold-{locked.id}-0", -77.0)
    assert view_of(at).threshold == -0.5


def test_locks_hold_for_their_challenge_alone(visit, view_of, locked, case_id):
    at = visit("investigate", case=case_id, th="-9", tol="0")
    assert (view_of(at).threshold, at.slider[0].disabled) == (-9.0, False)


def test_every_lock_names_fields_of_the_view():
    fields = {name for names in LOCKS.values() for name in names} - {"reveal"}
    assert fields <= set(View.__dataclass_fields__)


def button(at, label: str):
    [found] = [b for b in at.button if b.label == label]
    return found


def test_a_set_is_committed_revealed_and_scored(visit, case, challenge, store_root, words):
    at = visit("challenge", case=challenge.id, rule="delta", th="-0.5", v="1")
    assert button(at, "Reveal the truth …").disabled and button(at, "Commit this set").disabled
    at = at.text_input(key="commit-name").set_value("Ada").run()
    at = button(at, "Commit this set").click().run()
    assert not at.exception
    [made] = commitments.of_challenge(store_root, challenge.id)
    expected = DeltaInfluence(threshold=-0.5).detect(case.plan.scores.value).flagged
    assert made.rows == tuple(np.flatnonzero(expected).tolist()) and made.short in words(at)
    assert not button(at, "Reveal the truth …").disabled
    challenges.reveal(store_root, challenge.id)
    at = visit("challenge", case=challenge.id, v="1")
    assert not at.exception
    sent = words(at)
    assert "at its best" in sent and "Ada (committed)" in sent and "unaltered" in sent
    board = at.dataframe[1].value
    truth = truths.required(case.plan).poisoned
    hits, size = int((expected & truth).sum()), int(expected.sum())
    assert board["F1"].tolist() == [2 * hits / (size + truth.sum())]


def test_before_the_reveal_the_page_tells_neither_sizes_nor_rows_of_what_others_committed(
    visit, challenge, store_root, words
):
    rows = [101, 202, 299]
    commitments.commit(
        store_root, challenge.id, analyst="Bea", rows=rows, rule={"name": "own", "note": "hush"}
    )
    sent = words(visit("challenge", case=challenge.id, v="1"))
    [made] = commitments.of_challenge(store_root, challenge.id)
    assert made.salt not in sent and "hush" not in sent and made.digest not in sent
    assert "101, 202" not in sent and "101,202" not in sent


def test_a_reviewed_set_can_be_committed_and_nobody_is_shown_anothers(visit, case, challenge, store_root):
    book = Verdicts(store_root, challenge.id, 300)
    flagged = Contrast().detect(case.plan.scores.value, case.plan.poisoned.value).flagged
    blind = results.case(challenge.id)
    kept = blind.places(np.flatnonzero(flagged)[:3]).tolist()
    book.judge(review_book.FIRST, kept, "keep")
    book.judge("somebody else", kept[:1], "poison")
    at = visit("challenge", case=challenge.id, v="1")
    [which] = at.radio
    assert len(which.options) == 2
    at = which.set_value(1).run()
    at = at.text_input(key="commit-name").set_value("Ada").run()
    button(at, "Commit this set").click().run()
    [made] = commitments.of_challenge(store_root, challenge.id)
    assert made.rows == tuple(np.flatnonzero(flagged)[3:].tolist()) and '"reviewed"' in made.rule


def test_work_asked_for_in_a_challenge_leads_back_to_it_and_other_work_is_not_named(
    visit, case, challenge, store_root, words
):
    table, rule = jobs.table(store_root), Contrast()
    method = case.run.experiment.unlearners[0]
    for x in (case.plan.experiment, challenge.experiment):
        spec = outcome_jobs.spec(cases.plan(x, results.store()), Asked(rule, method, 0), 1)
        table.submit("unlearn", json.dumps(spec), f"{x.title} · EU of somebody")
    for job in table.list():
        table.request_cancel(job.id)
    own, theirs = table.list()
    assert shell.case_of(own).id == challenge.id
    assert shell.case_of(theirs) is None  # its case is off the list
    sent = words(visit("unlearn", case=challenge.id, v="1"))
    assert "EU of somebody" in sent and case.run.title not in sent


def test_a_commitment_altered_in_the_book_is_shown_as_such(visit, challenge, store_root, words):
    commitments.commit(store_root, challenge.id, analyst="Ada", rows=[1, 2], rule={})
    with casebook.writing(store_root) as book:
        book.execute("UPDATE commitments SET flagged = '[1, 2, 3]'")
    challenges.reveal(store_root, challenge.id)
    at = visit("challenge", case=challenge.id, v="1")
    assert not at.exception and "altered afterwards" in at.error[0].value


def test_a_teacher_makes_copies_removes_and_brings_back(visit, case_id, store_root):
    at = visit("challenge", case=case_id, rule="delta", th="-0.75", v="1")
    at = button(at, "Make the challenge").click().run()
    assert not at.exception
    [made] = challenges.every(store_root)
    assert (made.title, state.start_of(made.id)[0].threshold) == ("Exercise 1", -0.75)
    assert any(f"investigate?case={made.id}" in code.value for code in at.code)
    at = button(at, "Fresh copy").click().run()
    assert len(challenges.every(store_root)) == 2
    at = at.button(key=f"remove-{made.id}").click().run()
    assert made.id not in [c.id for c in challenges.every(store_root)]
    at = button(at, "Undo").click().run()
    assert made.id in [c.id for c in challenges.every(store_root)] and not at.exception


def test_a_title_that_names_the_attack_is_refused_in_words(visit, case_id, store_root):
    at = visit("challenge", case=case_id, v="1")
    at = at.text_input(key="challenge-title-0").set_value("the BadNet one").run()
    at = button(at, "Make the challenge").click().run()
    assert "names the attack" in at.error[0].value and challenges.every(store_root) == []


def test_a_removed_challenge_is_nowhere(visit, challenge, store_root, browser):
    challenges.remove(store_root, challenge.id)
    assert "There is no investigation" in visit("investigate", case=challenge.id, v="1").info[0].value
    assert browser.get(images.address(challenge.id, "train", 0)).status_code == 404
