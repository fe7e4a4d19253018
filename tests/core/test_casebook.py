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
    def write(image: int) -> None:
        with casebook.writing(tmp_path) as book:
            book.execute(VERDICT, [image])

    threads = [threading.Thread(target=write, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(tmp_path) == 12


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
