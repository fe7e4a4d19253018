"""Does anything that Hypothesis makes up get in? Sound files are changed, words are drawn from all of Unicode."""

import pytest
from hypothesis import given, settings

from hostile.properties import WORDS, properties, same_words_stay, tried

FEW = 25


@pytest.mark.parametrize(
    "number", range(len(properties())), ids=[f"{n}-{p.door}" for n, p in enumerate(properties())]
)
def test_whatever_knocks_is_refused_or_sound(number, tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_STORE", str(tmp_path / "store"))
    count, wrong = tried(properties()[number], FEW)
    assert wrong == "" and count >= FEW // 2


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(WORDS)
def test_a_clean_name_stays_as_it_is(text):
    assert same_words_stay(text)
