"""The questions of the guided case, with their right answers, computed from what a case has measured.

Up to the fifth step nothing here looks at the truth: an analyst could find every answer out from the evidence.
Texts are plain; class names in them come from strangers.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from core import collapse
from core.cases import Case
from core.picks import UNKNOWN
from core.randomness import numpy_stream
from core.truth import known

STEPS = (
    "A wrong answer",
    "Who supports it?",
    "Transform it",
    "Watch the collapse",
    "Draw the line",
    "The truth",
    "Unlearn",
)
"""What each step is called."""
OFTEN = 0.2
"""Share of misread images from which on a mistake is no surprise."""
NEAR = 2.0
"""A guessed count is right within this factor."""


@dataclass(frozen=True)
class Choice:
    """A question with answers to choose from."""

    text: str
    options: tuple[str, ...]
    right: int
    told: str
    """The fact, in a sentence."""
    equals: frozenset[int] = frozenset()
    """Options that are as right."""

    def is_right(self, guess: int) -> bool:
        """Whether the guess is a right option."""
        return guess == self.right or guess in self.equals


@dataclass(frozen=True)
class Picking:
    """A question about some training images: which ones are it?"""

    text: str
    rows: tuple[int, ...]
    right: frozenset[int]
    values: tuple[float, ...]
    """What decides, for each of the rows."""
    most_wrong: int
    """So many images may be mistaken for a right guess."""
    told: str

    def wrong(self, guess: frozenset[int]) -> int:
        """How many of the right ones are missed or replaced by others."""
        return max(len(self.right - guess), len(guess - self.right))

    def is_right(self, guess: frozenset[int]) -> bool:
        """Whether the guess is near enough."""
        return self.wrong(guess) <= self.most_wrong


@dataclass(frozen=True)
class Number:
    """A question for a number."""

    text: str
    value: float
    most: float
    told: str
    within: float | None = None
    """How far off a right guess may be; None for a factor of two."""

    def is_right(self, guess: float) -> bool:
        """Whether the guess is near enough."""
        if self.within is not None:
            return abs(guess - self.value) <= self.within
        return max(guess, self.value) <= NEAR * max(min(guess, self.value), 0.5)


@dataclass(frozen=True)
class Evidence:
    """What a case has measured about one of its misread test images."""

    names: tuple[str, ...]
    labels: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]
    delta: Float32[np.ndarray, "t n"]
    true: int
    read: int
    reads: Int64[np.ndarray, " k"]
    """What the classifier reads clean test images of the true class as."""


def suited(case: Case) -> bool:
    """Whether a lesson can be held on a case: finished, its truth known and not sealed."""
    if case.sealed or case.unfinished or not known(case.plan):
        return False
    queries = case.plan.queries.value
    return bool((queries.true_labels != UNKNOWN).all() and (queries.true_labels != queries.labels).all())


def evidence(case: Case, query: int) -> Evidence:
    """The evidence about one of the picked test images."""
    p = case.plan
    queries, scores, data = p.queries.value, p.scores.value, p.poisoned.value
    true, read = int(queries.true_labels[query]), int(queries.labels[query])
    return Evidence(
        names=data.class_names,
        labels=np.asarray(data.train.labels),
        scores=np.asarray(scores.original(query)),
        delta=np.asarray(scores.delta(query)),
        true=true,
        read=read,
        reads=np.asarray(p.before.value.confusion)[true],
    )


def copies(case: Case, query: int, most: int = 6) -> Int64[np.ndarray, " c"]:
    """Rows of a few transformed copies of a picked test image."""
    return np.flatnonzero(case.plan.changed.value.parent == query)[:most]


def why(e: Evidence) -> Choice:
    """Step 1: where may the wrong answer come from?"""
    shown, read = f"“{e.names[e.true]}”", f"“{e.names[e.read]}”"
    clean, misread = int(e.reads.sum()), int(e.reads[e.read])
    usual = misread >= OFTEN * max(clean, 1)
    told = f"Of {clean:,} clean test images of {shown}, the classifier reads {misread:,} as {read}. "
    told += (
        "It confuses the two anyway, so that this mistake alone proves nothing."
        if usual
        else "It can tell the two apart. Something about this image means the other answer to it, and the only place "
        "where it could have learned that is its training set."
    )
    options = (
        f"The image is hard: anybody might take it for {read}.",
        f"The classifier is weak: it often takes {shown} for {read}.",
        "The training set taught it this answer.",
    )
    return Choice(
        f"This shows {shown}, and the classifier says {read}. Why?", options, 1 if usual else 2, told
    )


def supporters(e: Evidence) -> Picking:
    """Step 2: twelve training images, of which the three most influential are to be found."""
    order = np.argsort(-e.scores, kind="stable")
    stream, top = numpy_stream(0, "lesson/supporters"), order[:3]
    rest = order[len(order) // 20 + 3 :]
    same, true = rest[e.labels[rest] == e.read], rest[e.labels[rest] == e.true]
    rows = [*top, *_some(stream, same, 4), *_some(stream, true, 3)]
    rows += [*_some(stream, np.setdiff1d(rest, rows), 12 - len(rows))]
    shuffled = tuple(int(i) for i in stream.permutation(rows))
    typical = float(np.median(np.abs(e.scores))) or 1e-12
    times = float(e.scores[top].mean()) / typical
    told = (
        f"The three with the tick support the answer most, each about {times:,.0f} times as much as the typical training "
        f"image. Influence is not likeness: it asks what the classifier learned from an image."
    )
    return Picking(
        text="Three of these twelve training images support the wrong answer most. Which?",
        rows=shuffled,
        right=frozenset(int(i) for i in top),
        values=tuple(float(e.scores[i]) for i in shuffled),
        most_wrong=1,
        told=told,
    )


def falling(e: Evidence) -> Picking:
    """Step 3: six supporters of the answer; which lose their influence on every copy?"""
    stream = numpy_stream(0, "lesson/falling")
    t, votes = len(e.delta), collapse.votes(e.delta, 0.0)
    strong = np.argsort(-e.scores, kind="stable")
    strong = strong[(e.scores[strong] > 0) & (e.labels[strong] == e.read)]
    all_fall, others = strong[votes[strong] == t], strong[votes[strong] < 0.9 * t]
    rows = [*all_fall[:3], *others[: 6 - len(all_fall[:3])]]
    shuffled = tuple(int(i) for i in stream.permutation(np.array(rows, np.int64)))
    counts = tuple(float(votes[i]) for i in shuffled)
    right = frozenset(i for i in shuffled if votes[i] == t)
    kept = [f"{votes[i]}" for i in shuffled if i not in right]
    told = f"{len(right)} of the {len(shuffled)} lost influence on all {t} copies"
    told += f"; the others on {', '.join(kept)}." if kept else "."
    told += (
        " An image that taught the classifier nothing but this answer has nothing to say about the copies."
    )
    return Picking(
        text=f"All {len(shuffled)} support the answer and carry its label. Which lose influence on every copy?",
        rows=shuffled,
        right=right,
        values=counts,
        most_wrong=1,
        told=told,
    )


def survivors(e: Evidence) -> Int64[np.ndarray, " t"]:
    """How many training images have lost influence on every copy so far, after each further copy."""
    return np.logical_and.accumulate(e.delta < 0, axis=0).sum(1)


def lasting(e: Evidence) -> Number:
    """Step 4: how many images fall on every single copy?"""
    left, n = survivors(e), e.delta.shape[1]
    half = len(left) // 2
    told = (
        f"After one copy {left[0]:,} of {n:,} images have lost influence, which tells little: about half of all do by "
        f"chance. After {half + 1} it is {left[half]:,}, after all {len(left)} {left[-1]:,}. Chance does not last; a "
        "cause does."
    )
    if left[0] < 0.25 * n or left[0] > 0.75 * n:
        told = told.replace(", which tells little: about half of all do by chance", "")
    text = f"How many of the {n:,} training images lose influence on every one of the {len(left)} copies?"
    return Number(text, float(left[-1]), float(n), told)


def percent(share: float | None) -> str:
    """A share for a sentence."""
    return "–" if share is None or math.isnan(share) else f"{share:.0%}"


def _some(stream: np.random.Generator, rows: Int64[np.ndarray, " n"], count: int) -> Int64[np.ndarray, " m"]:
    return stream.choice(rows, min(max(count, 0), len(rows)), replace=False)
