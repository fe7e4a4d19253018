"""Is a set of training images named after exactly what is in it?"""

import numpy as np
import pytest

from core import sets
from core.detectors.reviewed import Reviewed


def test_the_same_images_in_any_order_are_one_set(store_root):
    assert sets.keep([5, 1, 5, 3]) == sets.keep(np.array([3, 1, 5])) == sets.digest_of({1, 3, 5})
    assert sets.read(sets.keep([5, 1, 3])).tolist() == [1, 3, 5]


def test_an_altered_set_is_refused(store_root):
    digest = sets.keep([1, 2])
    (sets.folder() / f"{digest}.json").write_text("[1, 2, 3]")
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
