"""Whose a case is: several owners, sharing, and notes that cannot be read."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core import owners
from core.owners import Ownership


def test_a_case_has_everybody_who_began_it_and_is_shared_when_said_so(tmp_path):
    assert owners.of(tmp_path, "0123456789ab") == Ownership()
    owners.claim(tmp_path, "0123456789ab", "ada@lab.example")
    owners.claim(tmp_path, "0123456789ab", "bob@lab.example", shared=True)  # it is not his alone to share
    assert owners.of(tmp_path, "0123456789ab") == Ownership(("ada@lab.example", "bob@lab.example"), False)
    assert owners.share(tmp_path, "0123456789ab", True).shared
    assert owners.of(tmp_path, "blind-0123456789") == Ownership()


def test_many_who_begin_at_once_all_own_it(tmp_path):
    names = [f"person {i}" for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: owners.claim(tmp_path, "0123456789ab", name), names))
    assert sorted(owners.of(tmp_path, "0123456789ab").owners) == sorted(names)


@pytest.mark.parametrize("note", ["", "{", "[]", '{"owners": 3}', '{"owners": ["x"]}', '{"shared": true}'])
def test_a_note_that_cannot_be_read_lets_nobody_in(tmp_path, note):
    (tmp_path / "owners").mkdir()
    (tmp_path / "owners" / "0123456789ab.json").write_text(note)
    assert owners.of(tmp_path, "0123456789ab") == Ownership()


@pytest.mark.parametrize("name", ["../runs/x", "", "a" * 65, "UPPER", "a/b", "a\0b"])
def test_a_name_that_is_no_run_is_refused(tmp_path, name):
    assert owners.of(tmp_path, name) == Ownership()
    with pytest.raises(ValueError, match="names no run"):
        owners.claim(tmp_path, name, "ada")
    assert not list(tmp_path.rglob("*.json"))
