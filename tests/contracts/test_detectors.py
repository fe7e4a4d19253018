"""What every detector promises."""

from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from core import collapse, metrics, registry, runs, stages
from core import truth as truths
from core.artifacts import Detection
from core.detection import detect
from core.detectors.activation_clustering import ActivationClustering
from core.detectors.base import Detector
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.delta_influence_several import DeltaInfluenceSeveral
from core.detectors.frequency_detector import FrequencyDetector
from core.detectors.influence_boosted import InfluenceBoosted
from core.detectors.influence_mean import InfluenceMean
from core.detectors.influence_threshold import InfluenceThreshold
from core.detectors.relative_collapse import RelativeCollapse
from core.detectors.spectral_signatures import SpectralSignatures
from core.pipeline import plan
from core.registry import asked_for
from core.store import Store

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "activation_clustering": [{}, {"mode": "original"}],
    "spectral_signatures": [{}, {"mode": "original", "expected_poisons": 25}],
    "delta_influence_several": [{}, {"combine": "pooled", "tolerance": 1}],
    "influence_boosted": [{}, {"tolerance": 1}],
}
"""What is tried of a detector, where its defaults alone do not tell."""
DETECTORS = [
    pytest.param(
        registry.create("detectors", name, **settings), id=" ".join([name, *map(str, settings.values())])
    )
    for name in registry.members("detectors")
    for settings in SETTINGS.get(name, [{}])
]


@pytest.fixture
def found(tiny):
    """The verdict of a detector on the tiny case."""

    def verdict(detector: Detector) -> Detection:
        return detect(
            detector, *(tiny.evidence[name].value for name in asked_for(detector.detect, tiny.evidence))
        )

    return verdict


@pytest.mark.parametrize("detector", DETECTORS)
def test_there_is_a_finite_suspicion_and_a_decision_for_every_training_image(found, detector):
    verdict = found(detector)
    assert verdict.suspicion.shape == verdict.flagged.shape == (300,)
    assert verdict.suspicion.dtype == np.float32 and verdict.flagged.dtype == bool
    assert np.isfinite(verdict.suspicion).all()


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_same_evidence_gives_the_same_verdict(found, detector):
    one, again = found(detector), found(detector)
    assert np.array_equal(one.suspicion, again.suspicion) and np.array_equal(one.flagged, again.flagged)


@pytest.mark.parametrize("detector", [d for d in DETECTORS if d.id != "reviewed"])  # people flag, or do not
def test_whoever_is_flagged_is_at_least_as_suspect_as_whoever_is_not(found, detector):
    verdict = found(detector)
    assert 0 < verdict.flagged.sum() < 300
    assert verdict.suspicion[verdict.flagged].min() >= verdict.suspicion[~verdict.flagged].max()


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_detector_never_reads_the_truth(make_experiment, tmp_path, detector):
    p = plan(make_experiment(detectors=[detector], unlearners=[], unlearn_after=[]), Store(tmp_path))
    allowed = {p.poisoned, p.victim, p.scores, p.queries, p.evidence["features"], p.evidence["frequency"]}
    assert set(p.detections[detector.name].inputs) <= allowed and not {p.poisoning, p.dataset} & allowed


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_evidence_is_not_altered(tiny, found, detector):
    scores, features = tiny.scores.value.values, tiny.evidence["features"].value.values
    before = np.array(scores), np.array(features)
    found(detector)
    assert np.array_equal(scores, before[0]) and np.array_equal(features, before[1])


@pytest.mark.parametrize(
    ("detector", "field", "value"),
    [
        (DeltaInfluence, "tolerance", -1),
        (DeltaInfluence, "tolerance", 1.5),
        (DeltaInfluence, "threshold", float("nan")),
        (DeltaInfluence, "threshold", float("inf")),
        (DeltaInfluence, "query", -1),
        (RelativeCollapse, "threshold", 1.1),
        (RelativeCollapse, "threshold", float("nan")),
        (RelativeCollapse, "tolerance", -1),
        (InfluenceThreshold, "threshold", float("-inf")),
        (InfluenceThreshold, "query", -1),
        (InfluenceThreshold, "tolerance", 1),
        (DeltaInfluenceSeveral, "n_queries", 0),
        (DeltaInfluenceSeveral, "combine", "union"),
        (InfluenceMean, "n_queries", 257),
        (InfluenceBoosted, "tolerance", 2),
        (ActivationClustering, "mode", "fixed"),
        (ActivationClustering, "max_share", 0.6),
        (SpectralSignatures, "expected_poisons", 0),
        (SpectralSignatures, "contribution_threshold", float("inf")),
        (Contrast, "rate", 0.0),
        (Contrast, "margin", float("nan")),
        (Contrast, "query", -1),
        (Contrast, "most_queries", 257),
        (FrequencyDetector, "threshold", 0.0),
        (FrequencyDetector, "threshold", 1.0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(detector, field, value):
    with pytest.raises(ValidationError, match=field):
        detector(**{field: value})


@pytest.mark.parametrize("name", ["contrast", "delta_influence", "influence_threshold", "relative_collapse"])
def test_a_query_that_was_not_scored_is_refused(found, name):
    with pytest.raises(IndexError, match="query=2: expected a picked test image from 0 to 1"):
        found(registry.create("detectors", name, query=2))


@pytest.mark.parametrize("detector", [DeltaInfluence, RelativeCollapse])
def test_a_tolerance_of_all_changes_is_refused(found, detector):
    with pytest.raises(ValueError, match="tolerance=8: expected 0 to 7 of 8 changes"):
        found(detector(tolerance=8))


@pytest.mark.parametrize(("threshold", "tolerance", "query"), [(0.0, 1, 0), (-5.0, 0, 1), (20.0, 3, 1)])
def test_delta_influence_flags_by_the_count_rule(tiny, found, threshold, tolerance, query):
    verdict = found(DeltaInfluence(threshold=threshold, tolerance=tolerance, query=query))
    delta = tiny.scores.value.delta(query)
    assert np.array_equal(verdict.flagged, collapse.flagged(delta, threshold, tolerance))
    assert np.array_equal(verdict.flagged, verdict.suspicion > -threshold)


@pytest.mark.parametrize(("tolerance", "query"), [(0, 0), (1, 0), (3, 1)])
def test_relative_collapse_at_zero_flags_as_delta_influence_does_at_zero(found, tolerance, query):
    ours = found(RelativeCollapse(threshold=0.0, tolerance=tolerance, query=query))
    published = found(DeltaInfluence(threshold=0.0, tolerance=tolerance, query=query))
    assert np.array_equal(ours.flagged, published.flagged)


def test_the_influence_threshold_flags_scores_above_it(tiny, found):
    verdict = found(InfluenceThreshold(threshold=25.0, query=1))
    assert np.array_equal(verdict.flagged, tiny.scores.value.values[1] > 25)


class LabelCount(Detector):
    """Suspects images of rare labels: needs no influence."""

    name: ClassVar[str] = "label_count"
    title: ClassVar[str] = "Rare labels"

    def detect(self, training_set: Any) -> Detection:
        counts = np.bincount(training_set.train.labels)[training_set.train.labels]
        return Detection(-counts.astype(np.float32), counts < counts.mean())


class Curious(Detector):
    """Asks for what it may not see."""

    name: ClassVar[str] = "curious"
    title: ClassVar[str] = "Curious"

    def detect(self, poisoning: Any) -> Detection:
        return Detection(np.zeros(1, np.float32), poisoning.indices >= 0)


def test_a_detector_that_asks_for_no_scores_causes_no_factors(make_experiment, tmp_path):
    x = make_experiment(unlearners=[]).model_copy(update={"detectors": (LabelCount(),), "unlearn_after": ()})
    p = plan(x, Store(tmp_path))
    assert p.detections["label_count"].value.flagged.shape == (300,)
    assert not {"train", "fit_factors", "score_pairs"} & {folder.name for folder in tmp_path.iterdir()}
    assert stages.train not in {a.stage for a in p.detections["label_count"].inputs}


def test_asking_for_the_truth_is_an_error_when_the_plan_is_made(make_experiment, tmp_path):
    x = make_experiment(unlearners=[]).model_copy(update={"detectors": (Curious(),), "unlearn_after": ()})
    with pytest.raises(TypeError, match=r"detect of 'curious' asks for \['poisoning'\]; it may ask for"):
        plan(x, Store(tmp_path))


def test_the_contrast_on_the_tiny_case_finds_every_poison_and_hardly_anything_else(tiny, found):
    known = tiny.poisoned.value.train.labels, tiny.poisoning.value.target_classes
    graded = metrics.grade_detection(found(Contrast()), truths.required(tiny).poisoned, *known)
    assert graded["true_positive_rate"] == 1.0
    assert graded["precision_in_target_label"] >= 0.9 and graded["average_precision"] > 0.99


def test_detection_on_the_tiny_case_finds_every_poison(tiny):
    graded = runs.grades(tiny)["delta_influence"]
    assert graded["true_positive_rate"] == 1.0
    assert graded["precision"] > 1.5 * graded["base_rate"]
