"""Contrast with controls: suspect what supports the wrong answer more than it supports the right ones of that label."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import Field

from core import calibration, confidence
from core.detectors.base import Detector

if TYPE_CHECKING:
    from core.artifacts import Dataset, Detection, InfluenceScores


@dataclass(frozen=True)
class Group:
    """The training images of one observed label: their scores on its picked test images and on its controls."""

    rows: Int64[np.ndarray, " n"]
    picked: Float64[np.ndarray, "q n"]
    controls: Float64[np.ndarray, "m n"]

    @cached_property
    def statistic(self) -> Float64[np.ndarray, " n"]:
        """The contrast."""
        return calibration.contrast(self.picked, self.controls)

    @cached_property
    def null(self) -> Float64[np.ndarray, "m n"]:
        """What it would be without any attack."""
        return calibration.left_out(self.controls, len(self.picked))

    @cached_property
    def p(self) -> Float64[np.ndarray, " n"]:
        """How rare so high a contrast is without any attack."""
        return calibration.p_values(self.statistic, self.null)


class Contrast(Detector):
    """Flags images whose support of the misread test images stands out from their support of clean ones of that label.

    Ours, not published. Control images are clean test images that the victim rightly reads as the observed label. A
    clean training image of the label supports them at least as much as the misread image, a poison does not. The
    difference is divided by the image's own spread over the controls, which cancels how badly it is fitted. The
    calibrated cut-off lets each control stand in for the misread image, which gives every training image values that
    it would have without any attack, and keeps the expected share of false flags below a chosen rate (Benjamini
    and Hochberg). Only images that carry the observed label can be flagged: no other label teaches that answer.
    Clean-label poisons (Witches' Brew) support controls too, and mostly stay below the cut-off.
    Suspicion is the contrast less the cut-off, in the image's own deviations.
    """

    name: ClassVar[str] = "contrast"
    title: ClassVar[str] = "Contrast with controls"

    rate: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        title="False discovery rate",
        description="Share of the flags that may be expected to be false.",
    )
    margin: float = Field(
        default=0.0,
        allow_inf_nan=False,
        description="How far above the calibrated cut-off an image has to be, in its own deviations over the controls; "
        "below zero flags more.",
    )
    query: int = Field(default=0, ge=0, description="The first picked test image to use, counted from 0.")
    most_queries: int = Field(
        default=4,
        ge=1,
        le=256,
        title="Test images, at most",
        description="How many picked test images to use; each label's support is averaged over them.",
    )

    def detect(self, scores: "InfluenceScores", training_set: "Dataset") -> "Detection":
        """Suspicion and flags of every training image. Raises ValueError where there are too few controls."""
        from core.artifacts import Detection

        n, groups = len(training_set.train), self.groups(scores, training_set)
        suspicion = np.full(n, -np.inf)
        for group, level in zip(groups, self.levels(groups), strict=True):
            suspicion[group.rows] = group.statistic - level
        judged = np.isfinite(suspicion)
        suspicion[~judged] = suspicion[judged].min(initial=0) - 1
        found = suspicion.astype(np.float32)
        return Detection(suspicion=found, flagged=found > np.float32(self.margin))

    def confidence(self, scores: "InfluenceScores", training_set: "Dataset") -> Float64[np.ndarray, " n"]:
        """Share of resamples of picked images and controls that put an image above the same cut-off."""
        groups, share = self.groups(scores, training_set), np.zeros(len(training_set.train))
        for group, level in zip(groups, self.levels(groups), strict=True):
            cut_off = level + self.margin
            share[group.rows] = confidence.of_contrast(group.picked, group.controls, cut_off)
        return share

    def groups(self, scores: "InfluenceScores", training_set: "Dataset") -> list[Group]:
        """One group for each label that the picked test images were read as."""
        scores.original(self.query)  # raises where there is no such image
        observed = scores.labels[self.query : min(self.query + self.most_queries, scores.n_originals)]
        labels = np.asarray(training_set.train.labels)
        return [
            self._group(
                scores, np.flatnonzero(labels == y), int(y), self.query + np.flatnonzero(observed == y)
            )
            for y in np.unique(observed)
        ]

    def levels(self, groups: list[Group]) -> list[float]:
        """The calibrated contrast that has to be exceeded in each group."""
        limit = calibration.largest_rejected(np.concatenate([group.p for group in groups]), self.rate)
        levels = [calibration.level(group.null, limit) for group in groups]
        none = [not (group.p <= limit).any() for group in groups]  # then nothing is rare enough, however high
        highest = [group.statistic.max(initial=-np.inf) for group in groups]
        return [max(x, top) if empty else x for x, top, empty in zip(levels, highest, none, strict=True)]

    def _group(
        self,
        scores: "InfluenceScores",
        rows: Int64[np.ndarray, " n"],
        label: int,
        picked: Int64[np.ndarray, " q"],
    ) -> Group:
        known = scores.controls(label)
        if (m := len(known)) < calibration.LEAST:
            raise ValueError(
                f"{self.name}: {m} control images of label {label} were scored, {calibration.LEAST} are needed: "
                "clean test images that the victim reads rightly as that label; raise controls.count or bring "
                "more test images, or use delta_influence, which needs none"
            )
        values = scores.values[:, rows].astype(np.float64)
        return Group(rows, values[picked[: m - calibration.LEAST + 1]], values[known])
