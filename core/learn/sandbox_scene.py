"""What lies in the sandbox: a short text in the address that says which points were moved, placed, flipped or removed.

The points of a seed are drawn anew each time; a scene notes only what differs, and how the page is set.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64
from pydantic import Field, ValidationError

from core.experiment_text import complaint
from core.learn.sandbox import FIELD
from core.randomness import numpy_stream
from core.registry import Settings

CENTRES = {2: ((-1.4, -0.2), (1.4, 0.2)), 3: ((-1.5, -1.0), (1.5, -1.0), (0.0, 1.5))}
PER_CLASS = {2: 20, 3: 15}
SPREAD = 0.65
MOST_PLACED = 60
PLACED = 1000
"""Number of the first placed point; those of the seed are numbered from 0."""
LONGEST = 2000
SHAPE = rf"[a-z0-9._-]{{0,{LONGEST}}}"
LETTERS = {
    "k": "classes",
    "f": "features",
    "w": "penalty",
    "h": "damping",
    "o": "copies",
    "c": "threshold",
    "e": "tolerance",
    "u": "unlearned",
}
"""How a text begins each setting."""
LISTS = {"m": "moved", "l": "relabelled", "d": "removed", "a": "placed"}
Place = tuple[int, int]
"""Hundredths of the field's unit, across and up."""


@dataclass(frozen=True)
class Points:
    """Labelled points of the plane, each with the number that the page knows it by."""

    at: Float64[np.ndarray, "n 2"]
    labels: Int64[np.ndarray, " n"]
    ids: Int64[np.ndarray, " n"]

    @property
    def placed(self) -> Bool[np.ndarray, " n"]:
        """Which ones somebody placed."""
        return self.ids >= PLACED

    def __len__(self) -> int:
        return len(self.labels)


class Scene(Settings):
    """The sandbox as somebody left it."""

    classes: int = Field(default=2, ge=2, le=3)
    features: Literal["linear", "quadratic", "radial"] = "radial"
    penalty: int = Field(default=-10, ge=-30, le=20, description="Tenths of its decimal logarithm.")
    damping: int = Field(default=-31, ge=-31, le=20, description="The same; -31 for none.")
    copies: Literal["move", "relabel", "both"] = "both"
    threshold: float = Field(default=0.0, ge=-1e4, le=1e4)
    tolerance: int = Field(default=1, ge=0, le=10)
    unlearned: int = Field(default=0, ge=0, le=1, description="Whether the flagged points are left out.")
    test: Place = (-170, 60)
    moved: tuple[tuple[int, int, int], ...] = Field(default=(), max_length=60)
    relabelled: tuple[tuple[int, int], ...] = Field(default=(), max_length=60)
    removed: tuple[tuple[int], ...] = Field(default=(), max_length=60)
    placed: tuple[tuple[int, int, int], ...] = Field(default=(), max_length=MOST_PLACED)

    @classmethod
    def parse(cls, text: str) -> "Scene":
        """What an address says; raises ValueError for anything else."""
        if not re.fullmatch(SHAPE, text):
            raise ValueError(f"points={text[:40]!r}: expected letters, digits and ._- only")
        values: dict[str, Any] = {}
        for word in filter(None, text.split("_")):
            letter, rest = word[0], word[1:]
            if letter in LETTERS:
                values[LETTERS[letter]] = rest
            elif letter == "t":
                values["test"] = _numbers(rest)
            elif letter in LISTS:
                values.setdefault(LISTS[letter], []).append(_numbers(rest))
            else:
                raise ValueError(f"points: {word[:20]!r} means nothing; draw the scene again")
        return cls._checked(values)

    @classmethod
    def _checked(cls, values: dict[str, Any]) -> "Scene":
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ValueError(f"points: {complaint(error.errors()[0])}; draw the scene again") from error

    @property
    def text(self) -> str:
        """The scene in an address; it always names the number of classes."""
        told = [f"k{self.classes}"]
        for letter, name in LETTERS.items():
            value = getattr(self, name)
            if letter != "k" and value != type(self).model_fields[name].default:
                told.append(f"{letter}{value:.4g}" if isinstance(value, float) else f"{letter}{value}")
        told += [f"t{self.test[0]}.{self.test[1]}"] if self.test != Scene().test else []
        for letter, name in LISTS.items():
            told += [letter + ".".join(map(str, entry)) for entry in getattr(self, name)]
        return "_".join(told).replace("+", "")

    def changed(self, **changes: Any) -> "Scene":
        """The scene with other values. Raises ValueError for values that it cannot have."""
        return Scene._checked(self.model_dump() | changes)

    def points(self, seed: int) -> Points:
        """Every training point, those of the seed first."""
        own, moved, labels = drawn(self.classes, seed), dict(_pairs(self.moved)), dict(self.relabelled)
        gone = {i for (i,) in self.removed}
        at = [moved.get(i, place) for i, place in enumerate(_hundredths(own.at))]
        said = [min(labels.get(i, int(label)), self.classes - 1) for i, label in enumerate(own.labels)]
        left = [i for i in range(len(own)) if i not in gone]
        more = [(label, x, y) for label, x, y in self.placed if 0 <= label < self.classes]
        return Points(
            _units([at[i] for i in left] + [(x, y) for _, x, y in more]),
            np.array([max(said[i], 0) for i in left] + [label for label, _, _ in more], np.int64),
            np.array(left + [PLACED + j for j in range(len(more))], np.int64),
        )

    def redrawn(self, picture: Any, seed: int) -> "Scene":
        """The scene after a gesture: `picture` is what the browser shows, see the component `points`.

        Raises ValueError for a picture that makes no sense.
        """
        try:
            shown = [(int(i), round(x * 100), round(y * 100), int(k)) for i, x, y, k in picture["points"]]
            test = tuple(round(v * 100) for v in picture["test"])
        except (TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"picture: {error}; expected points and a test point") from None
        own = drawn(self.classes, seed)
        known = {i: (x, y, k) for i, x, y, k in shown if 0 <= i < len(own)}
        places, labels = _hundredths(own.at), own.labels.tolist()
        return self.changed(
            test=_inside(test),
            moved=[(i, *_inside((x, y))) for i, (x, y, _) in known.items() if (x, y) != places[i]],
            relabelled=[(i, k) for i, (_, _, k) in known.items() if k != labels[i]],
            removed=[(i,) for i in range(len(own)) if i not in known],
            placed=[(k, *_inside((x, y))) for i, x, y, k in shown if i >= PLACED],
        )


def drawn(classes: int, seed: int) -> Points:
    """The points of a seed: a cloud for each class."""
    at, labels = cloud(classes, seed, PER_CLASS[classes], "training")
    return Points(at, labels, np.arange(len(labels)))


def cloud(
    classes: int, seed: int, each: int, purpose: str
) -> tuple[Float64[np.ndarray, "n 2"], Int64[np.ndarray, " n"]]:
    """Points around the centre of every class, to two digits."""
    stream = numpy_stream(seed, f"sandbox/{purpose}/{classes}")
    labels = np.repeat(np.arange(classes), each)
    at = np.array(CENTRES[classes])[labels] + stream.normal(scale=SPREAD, size=(len(labels), 2))
    return np.clip(at, -FIELD, FIELD).round(2), labels


def attacked(scene: Scene, attack: str, seed: int) -> Scene:
    """The scene under an attack in place of whatever was changed: none, cluster, flips or outlier."""
    fresh = scene.changed(moved=(), relabelled=(), removed=(), placed=(), unlearned=0, threshold=0.0)
    fresh = fresh.changed(test=Scene().test if scene.classes == 2 else (-180, -40))
    if attack == "none":
        return fresh
    if attack == "outlier":
        return fresh.changed(placed=[(1, -280, 240 if scene.classes == 2 else -260)])
    if attack == "flips":
        own = drawn(scene.classes, seed)
        mine = np.flatnonzero(own.labels == 0)
        away = np.square(own.at[mine] - np.array(fresh.test) / 100).sum(1)
        return fresh.changed(relabelled=[(int(i), 1) for i in sorted(mine[np.argsort(away)[:6]])])
    if attack == "cluster":
        stream = numpy_stream(seed, "sandbox/cluster")
        at = np.array(fresh.test) + stream.normal(scale=26, size=(9, 2)).round()
        return fresh.changed(placed=[(1, *_inside((int(x), int(y)))) for x, y in at])
    raise ValueError(f"attack={attack!r}: expected none, cluster, flips or outlier")


def _numbers(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"-?[0-9]{1,9}(\.-?[0-9]{1,9}){0,2}", text):
        raise ValueError(f"points: {text[:20]!r} are no numbers; draw the scene again")
    return tuple(int(part) for part in text.split("."))


def _pairs(moved: tuple[tuple[int, int, int], ...]) -> list[tuple[int, Place]]:
    return [(i, _inside((x, y))) for i, x, y in moved]


def _inside(place: tuple[int, ...]) -> Place:
    most = round(FIELD * 100)
    x, y = (min(max(v, -most), most) for v in place)
    return x, y


def _hundredths(at: Float64[np.ndarray, "n 2"]) -> list[Place]:
    return [(round(x * 100), round(y * 100)) for x, y in at.tolist()]


def _units(places: list[Place]) -> Float64[np.ndarray, "n 2"]:
    return np.array(places, np.float64).reshape(-1, 2) / 100
