"""Applies a detector to the evidence that it asks for."""

import inspect
from typing import Any

from core.artifacts import Detection
from core.detectors.base import Detector

EVIDENCE = ("training_set", "victim", "scores", "queries")


def evidence_of(detector: Detector) -> tuple[str, ...]:
    """Names of the results that a detector reads, in the order of its arguments."""
    names = tuple(inspect.signature(detector.detect).parameters)
    if unknown := set(names) - set(EVIDENCE):
        raise TypeError(f"detector '{detector.name}' asks for {sorted(unknown)}; it may ask for {EVIDENCE}")
    return names


def detect(detector: Detector, *evidence: Any) -> Detection:
    """The detector's verdict on every training image."""
    return detector.detect(*evidence)
