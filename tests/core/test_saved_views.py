"""Does a saved view come back as it was saved, and never without a name?"""

import pytest

from core import saved_views

ADDRESS = {"case": "a", "th": "-0.02"}


def names(root, case_id="a"):
    return [view.name for view in saved_views.listed(root, case_id)]


def saved(root, name="only the inverter", **address):
    return saved_views.save(root, "a", "investigate", name=name, address=ADDRESS | address)


def test_a_view_comes_back_with_its_page_and_address(tmp_path):
    kept = saved(tmp_path)
    assert saved_views.listed(tmp_path) == [kept]
    assert (kept.page, kept.address, kept.starred) == ("investigate", ADDRESS, False)


def test_starred_views_come_first_then_the_newest(tmp_path):
    first, _, _ = (saved(tmp_path, name, i=str(i)) for i, name in enumerate("abc"))
    saved_views.star(tmp_path, first.id, True)
    assert names(tmp_path) == ["a", "c", "b"]


def test_the_same_place_saved_again_is_renamed(tmp_path):
    saved(tmp_path, "first name")
    saved(tmp_path, "second name")
    assert names(tmp_path) == ["second name"]


def test_a_removed_view_can_be_brought_back(tmp_path):
    kept = saved(tmp_path)
    saved_views.remove(tmp_path, kept.id)
    assert names(tmp_path) == []
    saved_views.restore(tmp_path, kept.id)
    assert names(tmp_path) == ["only the inverter"]


def test_views_of_other_cases_are_not_listed(tmp_path):
    saved(tmp_path)
    assert names(tmp_path, "b") == []


@pytest.mark.parametrize("name", ["", "   "])
def test_a_view_without_a_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="needs a name"):
        saved(tmp_path, name)


def test_a_name_that_would_reorder_the_page_is_cleaned(tmp_path):
    assert saved(tmp_path, "a\u202eb\nc").name == "ab c"


def test_an_address_too_long_for_a_link_is_refused(tmp_path):
    with pytest.raises(ValueError, match="select less"):
        saved(tmp_path, measure="x" * 5000)


def test_too_many_views_of_one_case_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 3)
    for i in range(3):
        saved(tmp_path, i=str(i))
    with pytest.raises(ValueError, match="at most 3"):
        saved(tmp_path, i="3")
