"""Is what people write down kept whole, by many at once, and refused when a newer program wrote it?"""

import sqlite3
import threading

import pytest

from core import casebook

VERDICT = "INSERT INTO verdicts (case_id, image, reviewer, verdict, at) VALUES ('a', ?, 'r', 'poison', 0)"


def count(root) -> int:
    with casebook.reading(root) as book:
        return book.execute("SELECT count(*) FROM verdicts").fetchone()[0]


def test_many_first_users_at_once_share_one_book(tmp_path):
    def write(root, image: int) -> None:
        with casebook.writing(root) as book:
            book.execute(VERDICT, [image])

    roots = [tmp_path / str(number) for number in range(20)]
    for root in roots:
        threads = [threading.Thread(target=write, args=(root, i)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [count(root) for root in roots] == [6] * 20


def test_looking_into_a_book_that_is_not_there_makes_none(tmp_path):
    assert count(tmp_path / "store") == 0
    assert not (tmp_path / "store").exists()


def test_a_change_that_fails_halfway_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), casebook.writing(tmp_path) as book:
        book.execute(VERDICT, [1])
        raise ZeroDivisionError
    assert count(tmp_path) == 0


def test_a_book_of_a_newer_program_is_refused_and_left_alone(tmp_path):
    with casebook.writing(tmp_path):
        pass
    book = sqlite3.connect(casebook.file_of(tmp_path))
    book.execute("PRAGMA user_version = 99")
    book.close()
    with pytest.raises(casebook.CasebookUnavailable, match="update it"):
        count(tmp_path)


def test_a_book_that_is_no_database_says_which_file_it_is(tmp_path):
    casebook.file_of(tmp_path).write_text("not a database" * 100)
    with pytest.raises(casebook.CasebookUnavailable, match=r"casebook\.sqlite3"):
        count(tmp_path)


def judged(root, image: int = 1) -> None:
    with casebook.writing(root) as book:
        book.execute(VERDICT, [image])


def test_a_verdict_that_was_altered_outside_the_program_is_refused_and_the_copy_is_named(tmp_path):
    judged(tmp_path)
    outside = sqlite3.connect(casebook.file_of(tmp_path))
    outside.execute("UPDATE verdicts SET verdict = 'keep'")
    outside.commit()
    outside.close()
    with pytest.raises(casebook.CasebookUnavailable, match=r"altered outside.*casebook\.copy\.sqlite3"):
        count(tmp_path)


def test_the_copy_put_in_place_of_a_damaged_book_brings_back_what_was_written(tmp_path):
    judged(tmp_path)
    file = casebook.file_of(tmp_path)
    file.write_bytes(b"damaged" * 1000)
    with pytest.raises(casebook.CasebookUnavailable, match="is damaged"):
        count(tmp_path)
    for path in tmp_path.glob("casebook.sqlite3*"):
        path.unlink()
    (tmp_path / "casebook.copy.sqlite3").rename(file)
    assert count(tmp_path) == 1


def test_a_book_that_is_gone_is_not_begun_anew_while_there_is_a_copy_of_it(tmp_path):
    judged(tmp_path)
    casebook.file_of(tmp_path).unlink()
    with pytest.raises(casebook.CasebookUnavailable, match="missing or empty"):
        judged(tmp_path)


def test_a_book_of_the_first_version_is_taken_over_with_all_its_rows(tmp_path):
    old = sqlite3.connect(casebook.file_of(tmp_path))
    old.executescript(casebook.SCHEMA + "PRAGMA user_version = 1;")
    old.execute(VERDICT, [7])
    old.commit()
    old.close()
    assert count(tmp_path) == 1
    judged(tmp_path)
    assert count(tmp_path) == 2
