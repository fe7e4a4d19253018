"""Everything that the sandbox shows of a scene: influence, its truth, the collapse, and the boundary afterwards."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from core import collapse
from core.learn import sandbox
from core.learn.sandbox import FIELD, Fitted
from core.learn.sandbox_scene import Points, Scene, cloud
from core.randomness import numpy_stream

N_COPIES = 24
NEAREST, FURTHEST = 1.0, 2.2
"""How far a transformed copy of the test point is moved."""
GRID = 96
N_FRESH = 100
"""Clean points per class that accuracy is measured on."""


@dataclass(frozen=True)
class Reading:
    """What a classifier makes of the test point, and of clean points that it has never seen."""

    probabilities: Float64[np.ndarray, " k"]
    margin: float
    """Of the label that the classifier trained on everything gives."""
    accuracy: float
    regions: str
    """Class of every cell of a grid over the field, row by row from the bottom left, a digit each."""

    @property
    def label(self) -> int:
        """The class that it reads."""
        return int(self.probabilities.argmax())


@dataclass(frozen=True)
class Answer:
    """A scene, trained and examined."""

    scene: Scene
    seed: int
    points: Points
    fitted: Fitted
    reading: Reading
    influence: Float64[np.ndarray, " n"]
    truth: Float64[np.ndarray, " n"]
    """What `influence` estimates: by how much the margin falls without each point, by training anew."""

    @cached_property
    def copies(self) -> tuple[Float64[np.ndarray, "t 2"], Int64[np.ndarray, " t"]]:
        """Transformed copies of the test point, and the label that each is asked about."""
        return copies(self.scene, self.seed, self.reading.label)

    @cached_property
    def delta(self) -> Float32[np.ndarray, "t n"]:
        """Change of influence from the test point to each copy."""
        at, labels = self.copies
        seen = sandbox.features(at, self.scene.features)
        there = sandbox.influence(self.fitted, seen, labels, damping(self.scene))
        return (there - self.influence).astype(np.float32)

    @cached_property
    def statistic(self) -> Float32[np.ndarray, " n"]:
        """The change that decides about each point at the scene's tolerance."""
        return collapse.order_statistic(collapse.sorted_changes(self.delta), self.scene.tolerance)

    @cached_property
    def flagged(self) -> Bool[np.ndarray, " n"]:
        """Points whose influence collapses."""
        return self.statistic < np.float32(self.scene.threshold)

    @cached_property
    def after(self) -> Reading | None:
        """The same reading by a classifier trained without the flagged points; None where that cannot be."""
        left = np.unique(self.points.labels[~self.flagged])
        if not self.flagged.any() or not len(left):
            return None
        return _reading(sandbox.without(self.fitted, self.flagged), self.scene, self.seed, self.reading.label)

    @property
    def foretold(self) -> float:
        """Fall of the margin that the flagged points' influence adds up to."""
        return float(self.influence[self.flagged].sum())

    @property
    def agreement(self) -> float | None:
        """Correlation of influence with its truth; None where either is the same everywhere."""
        if len(self.points) < 3 or not np.ptp(self.influence) or not np.ptp(self.truth):
            return None
        return float(np.corrcoef(self.influence, self.truth)[0, 1])

    @property
    def planted(self) -> Bool[np.ndarray, " n"]:
        """Points that somebody placed, or whose label was changed: what a defender would want to find."""
        flipped = [i for i, _ in self.scene.relabelled]
        return self.points.placed | np.isin(self.points.ids, flipped)


@lru_cache(maxsize=64)
def answer(scene: Scene, seed: int) -> Answer:
    """Train on a scene and examine it; a few milliseconds, and nothing when the scene was seen lately.

    Raises ValueError where no training point is left.
    """
    points = scene.points(seed)
    if not len(points):
        raise ValueError("no training point is left: place some, or start over")
    seen = sandbox.features(points.at, scene.features)
    fitted = sandbox.fit(seen, points.labels, classes=scene.classes, penalty=10 ** (scene.penalty / 10))
    reading = _reading(fitted, scene, seed, None)
    query, label = sandbox.features(_test(scene), scene.features), np.array([reading.label])
    return Answer(
        scene=scene,
        seed=seed,
        points=points,
        fitted=fitted,
        reading=reading,
        influence=sandbox.influence(fitted, query, label, damping(scene))[0],
        truth=sandbox.true_effect(fitted, query, label, sandbox.left_out(fitted))[0],
    )


def damping(scene: Scene) -> float:
    """What is added to the Hessian."""
    return 0.0 if scene.damping == Scene().damping else 10 ** (scene.damping / 10)


def copies(scene: Scene, seed: int, label: int) -> tuple[Float64[np.ndarray, "t 2"], Int64[np.ndarray, " t"]]:
    """Copies of the test point, moved somewhere, asked about another label, or both; the same ones for a seed."""
    stream = numpy_stream(seed, "sandbox/copies")
    other = (label + 1 + stream.integers(0, scene.classes - 1, N_COPIES)) % scene.classes
    angle, far = stream.uniform(0, 2 * np.pi, N_COPIES), stream.uniform(NEAREST, FURTHEST, N_COPIES)
    moved = np.clip(_test(scene) + far[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), -FIELD, FIELD)
    at = np.repeat(_test(scene), N_COPIES, 0) if scene.copies == "relabel" else moved
    return at, np.full(N_COPIES, label) if scene.copies == "move" else other


def _test(scene: Scene) -> Float64[np.ndarray, "1 2"]:
    return np.array([scene.test], np.float64) / 100


def _reading(of: Fitted, scene: Scene, seed: int, label: int | None) -> Reading:
    query = sandbox.features(_test(scene), scene.features)
    p = of.probabilities(query)[0]
    asked = np.array([p.argmax() if label is None else label])
    at, labels = cloud(scene.classes, seed, N_FRESH, "fresh")
    right = of.probabilities(sandbox.features(at, scene.features)).argmax(1) == labels
    classes = (_grid(scene.features) @ of.weights).argmax(1)
    regions = "".join(map(str, classes.tolist()))
    return Reading(p, float(of.margin(query, asked)[0]), float(right.mean()), regions)


@lru_cache(maxsize=3)
def _grid(kind: str) -> Float64[np.ndarray, "g d"]:
    line = (np.arange(GRID) + 0.5) / GRID * 2 * FIELD - FIELD
    return sandbox.features(np.stack([np.tile(line, GRID), np.repeat(line, GRID)], 1), kind)
