"""Applies a detector to the evidence that it asks for."""

from typing import Any

from core.artifacts import Detection
from core.detectors.base import Detector


def detect(detector: Detector, *evidence: Any) -> Detection:
    """The detector's verdict on every training image."""
    return detector.detect(*evidence)
