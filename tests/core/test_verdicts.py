"""Do verdicts stick, can every one be taken back, and is none lost when many write at once?"""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core import casebook
from core.artifacts import Detection
from core.review import final_set
from core.review.verdict_files import Brought, audit_csv, bring_in, from_json, to_json
from core.review.verdicts import Gesture, Verdicts

ROOT = Path(__file__).parents[2]
SIZE = 20


@pytest.fixture
def book(tmp_path) -> Verdicts:
    return Verdicts(tmp_path, "case", SIZE)


def standing(book: Verdicts, reviewer: str = "Ada") -> dict[int, str]:
    return book.read().standing(reviewer)


def test_the_last_verdict_of_each_reviewer_stands(book):
    book.judge("Ada", [3], "poison", reason="visible trigger")
    book.judge("Ada", [3], "keep")
    book.judge("Bo", [3], "unsure")
    assert standing(book) == {3: "keep"}
    assert standing(book, "Bo") == {3: "unsure"}
    rows = book.read().history(3)
    assert [(r.reviewer, r.before, r.verdict, r.reason) for r in rows] == [
        ("Ada", "auto", "poison", "visible trigger"),
        ("Ada", "poison", "keep", ""),
        ("Bo", "auto", "unsure", ""),
    ]


def test_undo_takes_back_one_gesture_after_the_other_and_redo_brings_them_back(book):
    book.judge("Ada", [1], "poison")
    book.judge("Ada", [1], "keep", reason="looks clean")
    book.judge("Ada", [2, 3, 4], "unsure")
    assert book.undo("Ada") == 3
    assert standing(book) == {1: "keep"}
    assert [book.undo("Ada"), standing(book)] == [1, {1: "poison"}]
    assert [book.undo("Ada"), standing(book), book.undo("Ada")] == [1, {}, 0]
    assert [book.redo("Ada"), book.redo("Ada"), book.redo("Ada"), book.redo("Ada")] == [1, 1, 3, 0]
    assert standing(book) == {1: "keep", 2: "unsure", 3: "unsure", 4: "unsure"}
    assert book.read().reasons("Ada") == {1: "looks clean"}


def test_undo_concerns_ones_own_verdicts_alone(book):
    book.judge("Ada", [1], "poison")
    book.judge("Bo", [2], "poison")
    assert book.undo("Ada") == 1
    assert standing(book, "Bo") == {2: "poison"}
    [row] = book.read().history(2)
    assert not book.undo_row("Ada", row.id)


def test_an_undo_that_is_meant_for_another_image_does_nothing(book):
    book.judge("Ada", [1], "poison")
    assert book.undo("Ada", about=2) == 0
    assert book.undo("Ada", about=1) == 1


def test_what_is_judged_after_an_undo_cannot_be_redone_away(book):
    book.judge("Ada", [1], "poison")
    book.undo("Ada")
    book.judge("Ada", [2], "keep")
    assert book.redo("Ada") == 0
    assert standing(book) == {2: "keep"}


def test_an_old_row_is_undone_without_touching_the_newer_one(book):
    book.judge("Ada", [1], "poison")
    book.judge("Ada", [1], "keep")
    first, second = book.read().rows
    assert book.undo_row("Ada", first.id)
    assert standing(book) == {1: "keep"}
    assert book.undo_row("Ada", second.id)
    assert standing(book) == {}
    assert not book.undo_row("Ada", second.id)


def test_undoing_an_undo_is_doing_it_again(book):
    book.judge("Ada", [1], "poison", reason="wrong label")
    book.undo("Ada")
    assert book.undo_row("Ada", book.read().rows[-1].id)
    assert standing(book) == {1: "poison"}
    assert book.read().reasons("Ada") == {1: "wrong label"}
    assert [book.undo("Ada"), standing(book)] == [1, {}]


def test_saying_the_same_again_is_no_row_but_a_new_reason_is(book):
    assert [book.judge("Ada", [1], "poison"), book.judge("Ada", [1], "poison")] == [1, 0]
    assert book.judge("Ada", [1], "poison", reason="ambiguous") == 1
    assert book.read().reasons("Ada") == {1: "ambiguous"}


def test_nothing_is_written_when_one_gesture_of_several_makes_no_sense(book):
    for wrong in (Gesture("judge", (SIZE,), "keep"), Gesture("judge", (1,), "maybe")):
        with pytest.raises(ValueError, match=r"image 20|choose from"):
            book.perform("Ada", [Gesture("judge", (1,), "poison"), wrong])
    with pytest.raises(ValueError, match="a name of 1 to 40"):
        book.judge(" \u202e", [1], "poison")
    assert book.read().rows == ()


def test_rows_about_images_that_the_case_lacks_are_counted_and_left_out(book, tmp_path):
    Verdicts(tmp_path, "case", 100).judge("Ada", [5, 50], "poison")
    found = book.read()
    assert (found.standing("Ada"), found.ignored) == ({5: "poison"}, 1)


def test_cases_do_not_share_verdicts(book, tmp_path):
    book.judge("Ada", [1], "poison")
    other = Verdicts(tmp_path, "another", SIZE)
    assert (other.read().rows, other.newest()) == ((), 0)
    assert book.newest() > 0


def write_many(root, reviewer: str) -> None:
    book = Verdicts(root, "case", SIZE)
    for image in range(SIZE):
        book.judge(reviewer, [image], "poison")
        book.judge(reviewer, [image], "keep")
        book.undo(reviewer)


def test_no_verdict_of_many_threads_is_lost(book):
    names = [f"reviewer {k}" for k in range(4)]
    threads = [threading.Thread(target=write_many, args=(book.root, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        assert standing(book, name) == dict.fromkeys(range(SIZE), "poison")
    assert len(book.read().rows) == 4 * 3 * SIZE


def test_no_verdict_of_two_processes_is_lost_though_they_are_one_reviewer(book):
    judge = (
        "import sys; from core.review.verdicts import Verdicts\n"
        f"for image in range(int(sys.argv[1]), {SIZE}, 2): Verdicts(sys.argv[2], 'case', {SIZE})"
        ".judge('Ada', [image], 'unsure')"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", judge, half, str(book.root)], cwd=ROOT) for half in "01"
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert standing(book) == dict.fromkeys(range(SIZE), "unsure")
    assert len({row.at for row in book.read().rows}) == SIZE


def test_two_threads_that_undo_the_same_row_undo_it_once(book):
    book.judge("Ada", [1], "poison")
    [row], done = book.read().rows, []
    threads = [threading.Thread(target=lambda: done.append(book.undo_row("Ada", row.id))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 5 + [True]


def test_the_pace_leaves_pauses_out(book):
    for image in range(6):
        book.judge("Ada", [image], "poison")
    with casebook.writing(book.root) as rows:
        rows.executemany(
            "UPDATE verdicts SET at = ? WHERE image = ?",
            [(1000 + at, i) for i, at in enumerate([0, 2, 4, 3604, 3607, 3609])],
        )
    assert book.read().seconds_each("Ada") == 2
    assert book.read().seconds_each("Bo") is None


def test_a_thousand_verdicts_are_undone_in_one_go_within_a_second(tmp_path):
    book = Verdicts(tmp_path, "case", 5000)
    book.judge("Ada", range(1000), "poison")
    book.judge("Ada", range(1000, 2000), "keep")
    begun = time.perf_counter()
    assert book.undo("Ada") == 1000
    assert time.perf_counter() - begun < 1
    assert book.read().standing("Ada") == dict.fromkeys(range(1000), "poison")


RULE = np.array([1, 1, 1, 0, 0, 0], bool)


def test_the_final_set_is_the_rule_and_poison_less_keep():
    said = {0: "keep", 1: "poison", 2: "unsure", 3: "poison", 4: "keep", 5: "unsure"}
    final = final_set.final_set(RULE, said)
    assert np.flatnonzero(final.flagged).tolist() == [1, 2, 3]
    assert (final.by_rule, final.rescued.tolist(), final.kept.tolist()) == (3, [3], [0])
    assert (final.confirmed, final.disagreeing, final.overrides) == (2, 2, 4)
    assert (final.unsure.tolist(), final.unsure_flagged) == ([2, 5], 1)


def test_verdicts_are_sticky_when_the_cut_off_moves():
    said = {0: "keep", 5: "poison"}
    for rule in (RULE, ~RULE, np.zeros(6, bool), np.ones(6, bool)):
        flagged = final_set.final_set(rule, said).flagged
        assert (flagged[0], flagged[5]) == (False, True)
        assert (flagged[1:5] == rule[1:5]).all()
    assert final_set.final_set(~RULE, said).disagreeing == 0


def test_a_reviewed_detection_puts_rescued_images_first_and_kept_ones_last():
    found = Detection(np.array([5, 4, 3, -1, -2, -3], np.float32), RULE)
    after = final_set.reviewed(found, final_set.final_set(RULE, {0: "keep", 5: "poison"}))
    assert np.argsort(-after.suspicion).tolist() == [5, 1, 2, 3, 4, 0]
    assert found.suspicion[0] == 5


def test_policies_make_one_verdict_of_several():
    ada = {0: "poison", 1: "poison", 2: "poison", 3: "keep", 4: "poison"}
    bo = {0: "poison", 1: "keep", 2: "unsure", 3: "keep", 5: "keep"}
    merged = final_set.merged
    assert merged(ada, [bo], "mine") == ada
    assert merged(ada, [bo], "both") == {0: "poison", 1: "keep", 2: "unsure", 3: "keep", 5: "keep"}
    either = {0: "poison", 1: "poison", 2: "poison", 3: "keep", 4: "poison", 5: "keep"}
    assert merged(ada, [bo], "either") == either
    assert final_set.conflicts([ada, bo]) == [1]
    assert final_set.disputed(ada, [bo]) == [1, 2]


def test_a_file_brings_the_same_verdicts_to_a_colleague(book, tmp_path):
    book.judge("Ada", [1, 2], "poison", reason="visible trigger")
    book.judge("Ada", [3], "unsure")
    elsewhere = Verdicts(tmp_path / "elsewhere", "case", SIZE)
    content = to_json(book, book.read(), ["Ada"])
    assert bring_in(elsewhere, from_json(content, elsewhere)) == 3
    assert elsewhere.read().standing("Ada") == standing(book)
    assert elsewhere.read().reasons("Ada") == {1: "visible trigger", 2: "visible trigger"}
    assert bring_in(elsewhere, from_json(content, elsewhere)) == 0


def test_a_file_does_not_overwrite_who_reads_it_in(book):
    book.judge("Ada", [1], "poison")
    bring_in(book, Brought({"Ada": {1: ("keep", "")}}, 0), reserved="Ada")
    assert standing(book) == {1: "poison"}
    assert standing(book, "Ada (from file)") == {1: "keep"}


def test_where_people_sign_in_a_file_writes_nothing_in_anybodys_name(book):
    book.judge("Bob", [1], "poison")
    bring_in(book, Brought({"Bob": {1: ("keep", "")}, "Ann": {2: ("keep", "")}}, 0), reserved=None)
    found = book.read()
    assert {name: found.standing(name) for name in found.reviewers} == {
        "Bob": {1: "poison"},
        "Bob (from file)": {1: "keep"},
        "Ann (from file)": {2: "keep"},
    }


def test_thousands_of_reasons_of_their_own_are_brought_in_at_once(tmp_path):
    book = Verdicts(tmp_path, "case", 50_000)
    said = {i: ("keep", f"reason {i}") for i in range(5_000)}
    began = time.perf_counter()
    assert bring_in(book, Brought({"Ann": said}, 0)) == 5_000
    assert time.perf_counter() - began < 10  # one gesture after the other took more than a minute
    assert book.read().reasons("Ann")[4_999] == "reason 4999"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no verdicts"),
        (b'{"format": "influence collapse verdicts", "version": 9}', "version 9"),
        (b'{"format": "influence collapse verdicts", "version": 1, "case": "b"}', "about case 'b'"),
        (b" " * 5_000_001, "5,000,000 at most"),
    ],
)
def test_files_that_are_something_else_are_refused(book, content, complaint):
    with pytest.raises(ValueError, match=complaint):
        from_json(content, book)


def test_entries_that_are_no_verdicts_are_left_out_and_counted(book):
    good = to_json(book, book.read(), []).decode()
    wrong = '[1, {"image": true, "verdict": "keep"}, {"image": 99, "verdict": "keep"}, {"image": 1, "verdict": "auto"}]'
    found = from_json(good.replace('"reviewers": {}', f'"reviewers": {{"Bo": {wrong}}}').encode(), book)
    assert (found.verdicts, found.left_out) == (0, 4)


def test_the_record_has_every_row_and_no_formula(book):
    book.judge("Ada", [1], "poison", reason="=HYPERLINK(1)")
    book.undo("Ada")
    lines = audit_csv(book.read().rows).decode().splitlines()
    assert len(lines) == 3
    assert ",Ada,1,auto,poison,'=HYPERLINK(1),,yes" in lines[1]
    assert ",Ada,1,poison,auto," in lines[2]


def test_the_casebook_refuses_a_verdict_that_it_does_not_know(book):
    with pytest.raises(casebook.CasebookUnavailable), casebook.writing(book.root) as rows:
        rows.execute(
            "INSERT INTO verdicts (case_id, image, reviewer, verdict, at) VALUES ('case', 1, 'A', 'x', 0)"
        )
    assert sqlite3.connect(casebook.file_of(book.root)).execute(
        "SELECT count(*) FROM verdicts"
    ).fetchone() == (0,)
