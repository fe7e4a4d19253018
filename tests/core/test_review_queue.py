"""Does a reviewer see what matters first, and controls that nobody flags?"""

import numpy as np
import pytest

from core.artifacts import Detection
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.review import review_queue
from core.review.review_queue import Evidence, evidence, queue

N = 400


@pytest.fixture
def seen() -> Evidence:
    margin = np.linspace(3, -5, N).astype(np.float32)
    return Evidence(margin > 0, margin, 1 / (1 + np.exp(-2.0 * margin)), np.arange(N) % 2)


def test_the_least_certain_come_first(seen):
    found = queue(seen, "uncertain")
    doubt = np.abs(seen.confidence[found.images] - 0.5)
    assert (np.diff(doubt) > -0.002).all()
    assert (found.flagged, found.missed) == (150, 37)
    assert set(found.images) == set(range(150 + 37))


def test_the_most_suspect_come_first(seen):
    assert queue(seen, "suspect").images[:3].tolist() == [0, 1, 2]


def test_controls_are_not_flagged_and_far_from_it_and_carry_a_flagged_label(seen):
    images = queue(seen, "others").images
    assert len(images) == review_queue.CONTROLS == queue(seen, "others").controls
    assert not set(images) & set(queue(seen, "suspect").images)
    of_one = Evidence(seen.flagged & (seen.labels == 1), seen.margin, seen.confidence, seen.labels)
    assert (seen.labels[queue(of_one, "others").images] == 1).all()


def test_another_cut_off_keeps_the_controls_that_are_still_far(seen):
    stricter = Evidence(seen.margin > 1, seen.margin - 1, seen.confidence, seen.labels)
    common = set(queue(seen, "others").images) & set(queue(stricter, "others").images)
    assert len(common) > 20


def test_only_the_wanted_label_is_shown(seen):
    assert (seen.labels[queue(seen, "uncertain", label=1).images] == 1).all()


def test_disputed_images_are_those_given(seen):
    assert queue(seen, "disputed", disputed=[4, 300]).images.tolist() == [4, 300]
    assert queue(seen, "disputed").images.tolist() == []


def test_nothing_flagged_is_nothing_to_review(seen):
    nothing = Evidence(np.zeros(N, bool), seen.margin - 9, seen.confidence, seen.labels)
    assert [len(queue(nothing, order).images) for order in review_queue.ORDERS] == [0, 0, 0, 0]


def test_a_long_queue_says_what_it_leaves_out():
    margin = np.linspace(1, 0.1, 3000).astype(np.float32)
    many = Evidence(margin > 0, margin, np.ones(3000), np.zeros(3000, np.int64))
    found = queue(many, "uncertain")
    assert (len(found.images), found.left_out) == (1000, 2000)


def test_references_look_nothing_like_flagged(seen):
    images = review_queue.references(seen, 1)
    assert len(images) == review_queue.REFERENCES
    assert (seen.labels[images] == 1).all()
    assert seen.margin[images].max() < np.median(seen.margin[~seen.flagged]) + 0.05
    assert review_queue.references(seen, 7).tolist() == []


@pytest.mark.parametrize(
    "rule", [Contrast(margin=0.5), DeltaInfluence(threshold=-0.5), RelativeCollapse(threshold=0.5)]
)
def test_above_the_cut_off_means_flagged(rule):
    suspicion = np.array([0.2, 0.49, 0.51, 2], np.float32)
    found = Detection(suspicion, suspicion > 0.5)
    seen = evidence(found, rule, confidence=np.zeros(4), labels=np.zeros(4, np.int64))
    assert ((seen.margin > 0) == found.flagged).all()
