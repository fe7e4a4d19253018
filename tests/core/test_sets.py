"""Is a set of training images named after exactly what is in it?"""

import io

import numpy as np
import pytest

from core import sets
from core.detectors.reviewed import Reviewed


def test_the_same_images_in_any_order_are_one_set(store_root):
    assert sets.keep([5, 1, 5, 3]) == sets.keep(np.array([3, 1, 5])) == sets.digest_of({1, 3, 5})
    assert sets.read(sets.keep([5, 1, 3])).tolist() == [1, 3, 5]


def test_a_salted_name_tells_nothing_of_the_rows_and_brings_them_back(store_root):
    salted = sets.keep([7], salt="secret of a blind case")
    assert salted not in {sets.digest_of([i]) for i in range(100)}
    assert sets.read(salted).tolist() == [7]


def test_an_altered_set_is_refused(store_root):
    digest = sets.keep([1, 2])
    (sets.folder() / f"{digest}.json").write_text('{"rows": [1, 2, 3], "salt": ""}')
    with pytest.raises(ValueError, match="altered"):
        sets.read(digest)


def test_a_missing_set_says_which_file_it_wants(store_root):
    with pytest.raises(FileNotFoundError, match="review the case again"):
        sets.read("0" * 32)


def test_the_detector_flags_exactly_the_set(tiny, store_root):
    found = Reviewed(digest=sets.keep([0, 7])).detect(tiny.poisoned.value)
    assert np.flatnonzero(found.flagged).tolist() == [0, 7]


def test_a_set_of_a_larger_case_is_refused(tiny, store_root):
    with pytest.raises(ValueError, match="another case"):
        Reviewed(digest=sets.keep([10_000])).detect(tiny.poisoned.value)


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("flagged_indices.npy", npy(np.array([7, 3, 7]))),
        ("flags.csv", b"\xef\xbb\xbflabel,index\r\n1,7\r\n1,3\r\n"),
        ("flags.json", b'{"flags": [{"index": 3}, {"index": 7}]}'),
        ("list.JSON", b"[3, 7]"),
        ("list.json", b'{"index": [7, "3"]}'),
    ],
)
def test_a_list_is_read_from_any_of_the_files_that_people_have(name, data):
    assert sets.from_file(data, name, 8) == [3, 7]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.npy", npy(np.array([3, 8])), "image 8: there are 8"),
        ("a.npy", npy(np.array([-1, 3])), "image -1: there are 8"),
        ("a.npy", npy(np.array([True, False])), "bool .*flatnonzero"),
        ("a.npy", npy(np.array([[1]])), "one row"),
        ("a.npy", npy(np.array([1, 2, 3]))[:-8], "cut off"),
        ("a.npy", npy(np.array([1])).replace(b"(1,)", b"(9999999999,)"), "cut off|not an .npy"),
        ("a.npy", b"PK\x03\x04", "not an .npy file"),
        ("a.npy", b"", "not an .npy file"),
        ("a.csv", b"label\n1\n", "expected one named 'index'"),
        ("a.csv", b"", "expected one named 'index'"),
        ("a.csv", b"index\n1.5\n", "'1.5': expected the whole number"),
        ("a.csv", b"index\n\xff\n", "not a CSV"),
        ("a.csv", b"index,a\n", "lists no image"),
        ("a.json", b"[" * 100_000, "not a JSON"),
        ("a.json", b'{"a": 1}', "JSON without a list"),
        ("a.json", b"[1, true]", "'True': expected the whole number"),
        ("a.json", b"[1, [2]]", "expected the whole number"),
        ("a.json", b"[]", "lists no image"),
        ("a.pkl", b"", "expected .npy, .csv or .json"),
        ("noending", b"", "expected .npy, .csv or .json"),
    ],
)
def test_a_file_that_is_no_list_says_what_is_wrong(name, data, says):
    with pytest.raises(ValueError, match=says):
        sets.from_file(data, name, 8)


def test_a_pickled_array_is_never_opened():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="whole numbers"):
        sets.from_file(buffer.getvalue(), "a.npy", 8)


def test_a_file_that_is_too_large_is_refused_unread(monkeypatch):
    monkeypatch.setattr(sets, "MAX_FILE_BYTES", 10)
    with pytest.raises(ValueError, match="11 bytes: a list has at most 10"):
        sets.from_file(b"[1,2,3,4,5]", "a.json", 8)
