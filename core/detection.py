"""Applies a detector to the evidence that it asks for."""

from typing import TYPE_CHECKING, Any

from core.artifacts import Detection
from core.blind import renumbered
from core.detectors.base import Detector
from core.registry import asked_for

if TYPE_CHECKING:
    from core.pipeline import Plan


def detect(detector: Detector, *evidence: Any) -> Detection:
    """The detector's verdict on every training image."""
    return detector.detect(*evidence)


def verdict(p: "Plan", detector: Detector) -> Detection:
    """What any detector, also one that is not of the experiment, finds in the evidence of a plan; nothing is kept."""
    asked = (renumbered.plain(p.evidence[name]).value for name in asked_for(detector.detect, p.evidence))
    return renumbered.like(detector.detect(*asked), p.scores)
