"""The parts of a report about the flagged images: how many, of which labels, how sure, and which.

Numbers of images are those that the pages show; a blind case numbers its images anew.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core import export, sets
from core.artifacts import Detection
from core.cases import Case
from core.detectors.base import Detector
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse
from core.reporting.report_parts import (
    Bar,
    Bars,
    Block,
    Code,
    Fact,
    Facts,
    Gallery,
    Histogram,
    Picture,
    Text,
)
from core.reporting.report_sources import RULE

MOST_LABELS, MOST_IMAGES, MOST_NUMBERS = 12, 48, 5000
SURE = 0.95
BINS = 40
SOURCES = (RULE, "scores")


@dataclass(frozen=True)
class Flagged:
    """A flagged set and what there is to say about it."""

    case: Case
    rule: Detector
    found: Detection

    @cached_property
    def numbers(self) -> np.ndarray:
        """Numbers of the flagged images, most suspect first."""
        return export.most_suspect_first(self.found)

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels of all training images by their numbers."""
        return np.asarray(self.case.plan.poisoned.value.train.labels)

    @cached_property
    def sureness(self) -> np.ndarray | None:
        """How sure each flag is, in the order of `numbers`; None for a rule that cannot say."""
        sure = export.sureness(self.case.plan, self.rule)
        return None if sure is None else sure[self.numbers]

    def figures(self) -> tuple[Block, ...]:
        """Counts, labels and confidence."""
        n, total = len(self.numbers), len(self.found.flagged)
        facts = [
            Fact("Flagged", f"{n:,} of {total:,} training images ({n / total:.2%})", SOURCES),
            Fact(
                "Name of this set",
                sets.digest_of(self.numbers.tolist()),
                (RULE,),
                "a digest of the numbers: two people who see the same name hold the same set",
            ),
        ]
        if not n:
            return (
                Facts(tuple(facts)),
                Text("Nothing is flagged: for this rule no training image stands out."),
            )
        blocks: list[Block] = [self._labels(), self._suspicion()]
        if self.sureness is not None:
            sure = int((self.sureness >= SURE).sum())
            facts.append(
                Fact("Sure flags", f"{sure:,} of {n:,}", SOURCES, "at least 95 % of resamples agree")
            )
            blocks.append(self._confidence(self.sureness))
        return (Facts(tuple(facts)), *blocks)

    def _labels(self) -> Bars:
        names, n = self.case.plan.dataset.value.class_names, len(self.numbers)
        counts = np.bincount(self.labels[self.numbers], minlength=len(names))
        top = [k for k in np.argsort(-counts, kind="stable") if counts[k]]
        rows = [Bar(names[k], float(counts[k] / n), f"{counts[k]:,}", marked=True) for k in top[:MOST_LABELS]]
        if rest := top[MOST_LABELS:]:
            rows.append(
                Bar(f"{len(rest)} more labels", float(counts[rest].sum() / n), f"{counts[rest].sum():,}")
            )
        return Bars("Labels that the flagged images carry", tuple(rows), (*SOURCES, "images"))

    def _suspicion(self) -> Histogram:
        values = self.found.suspicion.astype(np.float64)
        cut = cut_of(self.rule)
        lowest, middle, highest = np.quantile(values, (0.005, 0.5, 0.995))
        if cut is not None:
            lowest, highest = min(lowest, cut), max(highest, cut + (cut - middle))
        if highest <= lowest:
            highest = lowest + 1
        edges = _edges(lowest, highest, cut)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        axis = "suspicion; more suspect to the right, extremes are counted in the outermost bars"
        title = "Suspicion of all training images"
        return Histogram(title, tuple(counts.tolist()), tuple(edges.tolist()), cut, axis, SOURCES)

    def _confidence(self, sure: np.ndarray) -> Histogram:
        counts, edges = np.histogram(np.clip(sure, 0, 1), 20, (0, 1))
        axis = "share of resamples of the same evidence that flag the image too"
        title = "How sure the flags are"
        return Histogram(title, tuple(counts.tolist()), tuple(edges.tolist()), 0.0, axis, SOURCES)

    def images(self) -> tuple[Block, ...]:
        """The most suspect images, and the numbers of all."""
        if not len(self.numbers):
            return ()
        shown = tuple(self._picture(place) for place in range(min(MOST_IMAGES, len(self.numbers))))
        caption = (
            f"{'All' if len(shown) == len(self.numbers) else f'The {len(shown)} most suspect'} of "
            f"{len(self.numbers):,} flagged images, most suspect first"
        )
        told = self.numbers[:MOST_NUMBERS].tolist()
        rest = len(self.numbers) - len(told)
        words = "Numbers of the flagged images" + (f"; {rest:,} more are in flags.csv" if rest else "")
        return Gallery(caption, shown, SOURCES), Code(", ".join(map(str, told)), words)

    def _picture(self, place: int) -> Picture:
        number, data = int(self.numbers[place]), self.case.plan.poisoned.value
        name = data.class_names[self.labels[number]]
        lines = [f"#{number}", f"label {name}"]
        if self.sureness is not None:
            lines.append(f"sure {self.sureness[place]:.0%}")
        image = data.train.images[number]
        return Picture(image, f"training image {number}, label {name}, flagged", tuple(lines))


def cut_of(rule: Detector) -> float | None:
    """The suspicion from which on a rule flags; None where it is not one number."""
    if isinstance(rule, Contrast):
        return rule.margin
    return -rule.level if isinstance(rule, DeltaInfluence | RelativeCollapse) else None


def _edges(lowest: float, highest: float, cut: float | None) -> np.ndarray:
    """Edges of bins of one width, the cut-off among them."""
    step = (highest - lowest) / BINS
    if cut is None:
        return np.linspace(lowest, highest, BINS + 1)
    below, above = int(np.ceil((cut - lowest) / step)), int(np.ceil((highest - cut) / step))
    return cut + step * np.arange(-max(below, 1), max(above, 1) + 1)
