"""Do verdicts stick, stay apart between reviewers, and lead to exactly the set that is unlearned?"""

import json
import re
import uuid

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import results, rules
from app.panels.review import review_book, review_triage, verdicts
from app.state import View
from core import sets
from core.blind import challenges
from core.detectors.reviewed import Reviewed
from core.review import review_queue
from core.review.verdict_files import from_json, to_json

ADDRESS = {"rule": "delta", "tol": "1"}


@pytest.fixture
def view(case) -> View:
    return View(case=case.id, rule="delta", tolerance=1)


@pytest.fixture
def found(case, view):
    return rules.flags(case, rules.in_force(case, view))


@pytest.fixture
def open_review(visit, case):
    return lambda **more: visit("review", case=case.id, **ADDRESS, **more)


@pytest.fixture
def send(case, tell):
    """What the browser sends: its whole outbox."""

    def sent(at, *gestures, who=review_book.FIRST, token=""):
        token = token or uuid.uuid4().hex
        outbox = [{"id": f"{token}{k}", "reason": ""} | gesture for k, gesture in enumerate(gestures)]
        value = {"book": f"{case.id} {who}", "gestures": outbox, "at": gestures[-1]["image"]}
        said = {"value": value, "token": token, "session": at.session_state["_session"]}
        return tell(at, f"triage-{case.id}", {"commit": said})

    return sent


def say(image, verdict, **more) -> dict:
    return {"kind": "judge", "image": int(image), "verdict": verdict} | more


def figures(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_verdicts_are_written_in_their_order_and_once_however_often_they_arrive(
    open_review, send, case, found, view_of
):
    a, b = np.flatnonzero(found.flagged)[:2].tolist()
    gestures = [say(a, "poison", reason="visible trigger"), say(a, "keep"), say(b, "keep")]
    gestures += [{"kind": "undo", "image": b}]
    at = send(open_review(), *gestures, token="first time")
    assert not at.exception
    assert review_book.book(case).read().standing(review_book.FIRST) == {a: "keep"}
    assert not send(at, *gestures, token="first time").exception
    assert len(review_book.book(case).read().rows) == 4
    assert view_of(at).image == b
    assert figures(at)["Kept"] == "1"


def test_nonsense_from_the_browser_is_left_out(open_review, send, case):
    wrong = [say(-3, "keep"), say(10_000, "poison"), {"kind": "eval", "image": 1}, say(1, "maybe")]
    at = send(open_review(), *wrong, {"kind": "judge", "image": 0, "verdict": "unsure"})
    assert not at.exception
    assert review_book.book(case).read().standing(review_book.FIRST) == {0: "unsure"}


def test_moving_the_cut_off_leaves_verdicts_alone(open_review, visit, send, case, found):
    kept, rescued = int(np.argmax(found.suspicion)), int(np.argmin(found.suspicion))
    send(open_review(), say(kept, "keep"), say(rescued, "poison"))
    for threshold in ("-100000", "0", "100000"):
        at = visit("review", case=case.id, rule="delta", tol="1", th=threshold)
        n = rules.flags(
            case, rules.in_force(case, View(rule="delta", tolerance=1, threshold=float(threshold)))
        )
        expected = (set(np.flatnonzero(n.flagged).tolist()) | {rescued}) - {kept}
        assert figures(at)["In the set"] == str(len(expected))


def test_the_reviewed_set_is_what_unlearn_is_asked_to_forget(open_review, send, case, found, view_of):
    kept = int(np.argmax(found.suspicion))
    at = send(open_review(), say(kept, "keep"))
    at = next(b for b in at.button if b.label.startswith("Unlearn this set")).click().run()
    assert not at.exception
    digest = re.fullmatch(r"set-([0-9a-f]{32})", view_of(at).flags)[1]
    assert set(sets.read(digest).tolist()) == set(np.flatnonzero(found.flagged).tolist()) - {kept}
    flagged = Reviewed(digest=digest).detect(case.plan.poisoned.value).flagged
    assert int(flagged.sum()) == int(found.flagged.sum()) - 1


def test_the_rest_of_the_queue_is_judged_and_taken_back_in_one_step(open_review, send, case, found):
    first = int(np.flatnonzero(found.flagged)[0])
    at = send(open_review(), say(first, "keep"))
    at = next(b for b in at.button if b.key == "rest-poison").click().run()
    standing = review_book.book(case).read().standing(review_book.FIRST)
    assert standing[first] == "keep"
    assert len(standing) > found.flagged.sum()
    [undo] = [b for b in at.button if b.label.startswith("Undo the last")]
    assert str(len(standing) - 1) in undo.label
    undo.click().run()
    assert review_book.book(case).read().standing(review_book.FIRST) == {first: "keep"}


def test_nobody_sees_what_another_said_before_both_have_judged(open_review, words, case, found):
    a, b = np.flatnonzero(found.flagged)[:2].tolist()
    book = review_book.book(case)
    book.judge("Bo", [a, b], "unsure", reason="smudge in the corner")
    book.judge(review_book.FIRST, [a], "poison")
    ledger = book.read()
    assert review_book.visible_to(ledger, review_book.FIRST, a) == [("Bo", "unsure")]
    assert review_book.visible_to(ledger, review_book.FIRST, b) == []
    at = open_review(tab="record")
    assert len(at.dataframe[0].value) == 2
    assert any("1 row of others" in c.value for c in at.caption)
    at = at.toggle[0].set_value(True).run()
    assert len(at.dataframe[0].value) == 3


def test_two_reviewers_are_compared_and_sent_to_what_they_differ_on(open_review, case, found, view_of):
    chosen = np.flatnonzero(found.flagged)[:6].tolist()
    book = review_book.book(case)
    book.judge(review_book.FIRST, chosen, "poison")
    book.judge("Bo", chosen[:4], "poison")
    book.judge("Bo", chosen[4:], "keep")
    at = open_review(tab="pair")
    assert (figures(at)["Judged by both"], figures(at)["Same verdict"]) == ("6", "67%")
    assert any("chance" in c.value or "interval" in c.value for c in at.caption)
    at = next(b for b in at.button if b.label == "Look at them again").click().run()
    assert not at.exception
    assert (view_of(at).queue, view_of(at).image) == ("disputed", chosen[4])
    assert any(c.value.startswith("2 flagged") for c in at.caption)


def test_a_policy_decides_whose_verdicts_count(open_review, case, found):
    out = int(np.argmin(found.suspicion))
    review_book.book(case).judge("Bo", [out], "poison")
    at = open_review()
    assert figures(at)["Rescued"] == "0"
    [policy] = [c for c in at.segmented_control if c.label == "Whose verdicts count"]
    assert figures(policy.set_value("either").run())["Rescued"] == "1"


def test_a_name_keeps_verdicts_apart_and_stays_out_of_the_address(open_review, send, case, found, words):
    a = int(np.flatnonzero(found.flagged)[0])
    at = open_review()
    at.session_state[review_book.NAME] = "Ada"
    at = send(at.run(), say(a, "keep"), who="Ada")
    assert review_book.book(case).read().standing("Ada") == {a: "keep"}
    assert "Ada" not in str(at.query_params)
    assert figures(send(at, say(a, "poison"), who="somebody else"))["Kept"] == "1"


def test_reviewing_is_graded_only_where_the_truth_is_shown(open_review, send, case, found):
    at = send(open_review(), say(int(np.argmin(found.suspicion)), "keep"))
    assert "Precision in the target label" in figures(at)
    assert "Precision" not in figures(open_review(truth="hide"))


def test_the_truth_changes_nothing_that_is_sent_while_it_is_hidden(open_review, words, case, found):
    told = words(open_review(truth="hide", tab="record"))
    assert not re.search(r"badnet|poison_|clean_label", told, re.IGNORECASE)


def test_nothing_flagged_is_said_with_the_way_out(open_review):
    at = open_review(th="-1e9")
    assert not at.exception
    assert at.info[0].value == "Nothing to review: flag images in Investigate."


@pytest.mark.parametrize("order", list(review_queue.ORDERS))
def test_every_order_opens_and_is_in_the_address(open_review, order, view_of):
    at = open_review(queue=order)
    assert not at.exception
    assert view_of(at).queue == order
    assert order in review_triage.ORDERS


def test_a_colleagues_file_is_the_same_verdicts(case, found):
    book = review_book.book(case)
    book.judge("Bo", np.flatnonzero(found.flagged).tolist(), "poison")
    content = to_json(book, book.read(), ["Bo"])
    assert json.loads(content)["case"] == case.id
    assert from_json(content, book).verdicts == int(found.flagged.sum())


def test_other_pages_can_tell_the_verdicts_in_a_few_words(case, found):
    kept, rescued = int(np.argmax(found.suspicion)), int(np.argmin(found.suspicion))
    assert (verdicts.chip(case, found), verdicts.badges(case)) == ("", {})
    book = review_book.book(case)
    book.judge(review_book.FIRST, [kept], "keep")
    book.judge(review_book.FIRST, [rescued], "poison")
    assert verdicts.chip(case, found) == "1 kept by you and 1 rescued"
    assert verdicts.badges(case)[kept] == "you: keep"


def test_a_picked_image_shares_the_verdicts_of_its_case(case):
    from app import results

    review_book.book(case).judge("Ada", [3], "poison")
    other = results.picked(case, "test-5")
    assert other.id != case.id
    assert review_book.book(other).read().standing("Ada") == {3: "poison"}


def test_a_colleagues_file_is_brought_in_and_nonsense_is_refused(open_review, case, found):
    book = review_book.book(case)
    book.judge("Bo", np.flatnonzero(found.flagged)[:5].tolist(), "keep", reason="looks clean")
    content = to_json(book, book.read(), ["Bo"]).replace(b'"Bo"', b'"Cleo"')
    at = open_review(tab="record")
    [box] = at.get("file_uploader")
    at = box.upload("odd.json", b"[1]", "application/json").run()
    assert any("holds no verdicts" in e.value for e in at.error)
    at = at.get("file_uploader")[0].upload("my_verdicts.json", content, "application/json").run()
    at = next(b for b in at.button if b.label == "Add them").click().run()
    assert not at.exception
    assert list(book.read().standing("Cleo").values()) == ["keep"] * 5
    assert set(book.read().reasons("Cleo").values()) == {"looks clean"}


def test_a_row_of_the_record_is_taken_back_and_done_again(open_review, case, found):
    a = int(np.flatnonzero(found.flagged)[0])
    book = review_book.book(case)
    book.judge(review_book.FIRST, [a], "keep")
    at = select_newest(open_review(tab="record"), case, book)
    at = next(b for b in at.button if b.label == "Take this verdict back").click().run()
    assert book.read().standing(review_book.FIRST) == {}
    at = select_newest(at, case, book)
    next(b for b in at.button if b.label == "Do it again after all").click().run()
    assert book.read().standing(review_book.FIRST) == {a: "keep"}


def select_newest(at, case, book):
    selection = {"selection": {"rows": [0], "columns": [], "cells": []}}
    at.session_state[f"record-{case.id}-{book.newest()}"] = selection
    return at.run()


def inspector(case_id: str) -> None:
    from app import results
    from app.panels.review.verdicts import verdict_buttons
    from app.state import View

    verdict_buttons(results.case(case_id), View(case=case_id), 3)


def test_the_buttons_beside_an_image_say_and_take_back_a_verdict(case):
    book = review_book.book(case)
    at = AppTest.from_function(inspector, kwargs={"case_id": case.id}, default_timeout=60).run()
    at = at.segmented_control[0].set_value("unsure").run()
    assert not at.exception
    assert book.read().standing(review_book.FIRST) == {3: "unsure"}
    assert at.segmented_control[0].value == "unsure"
    at.segmented_control[0].set_value(None).run()
    assert book.read().standing(review_book.FIRST) == {}


@pytest.mark.parametrize("rule", ["contrast", "delta", "relative"])
def test_every_rule_can_be_reviewed(visit, case, rule):
    at = visit("review", case=case.id, rule=rule, th="0", tol="1")
    assert not at.exception
    assert "In the set" in figures(at)


def test_a_sealed_case_gives_away_neither_rows_nor_truth(visit, case, store_root, words):
    made = challenges.make(store_root, case, challenges.Wanted("Exercise 1"))
    at = visit("review", case=made.id, v="1", **ADDRESS)
    assert not at.exception
    told = words(at)
    assert not re.search(r"badnet|poison_|Precision|digest", told, re.IGNORECASE)
    assert case.plan.scores.key not in told
    before = set(sets.folder().glob("*.json"))
    next(b for b in at.button if b.label.startswith("Unlearn this set")).click().run()
    [file] = set(sets.folder().glob("*.json")) - before
    sealed = results.case(made.id)
    flagged = rules.flags(sealed, rules.in_force(sealed, View(rule="delta", tolerance=1))).flagged
    assert set(json.loads(file.read_text())["rows"]) == set(
        sealed.real_rows(np.flatnonzero(flagged)).tolist()
    )
