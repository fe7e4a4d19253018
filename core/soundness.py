"""What a sound result is: finite numbers, shares from 0 to 1, parts of one length. Nothing else is kept.

The store asks before it writes, and whoever takes results in from outside asks before it believes them.
"""

import json
from collections.abc import Callable, Iterator
from math import isfinite, prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core import artifacts, memory

T = TypeVar("T")
Complaints = Iterator[str]

RATE = "lower training.learning_rate, use precision fp32, or bring weights of an earlier epoch"
CURVED = 'raise scores.damping (for example to "heuristic"), use precision fp32, or train with a lower learning rate'
FITTED = "use factors.precision fp32, or train the victim with a lower learning rate"
AGAIN = "compute it again; if it happens again the method or the data behind it are at fault"


class Unsound(RuntimeError):
    """A result that must not be kept: the message says what is wrong with it and what to try."""


def made(name: str, work: Callable[[], T]) -> T:
    """What a stage makes, sound; errors of memory and of the GPU say what helps. Raises Unsound."""
    with memory.explained(name):
        value = work()
    check(value, name)
    return value


def check(value: Any, name: str) -> None:
    """Raise Unsound where a result of the method is not what its type promises; `name` is the stage's."""
    rule, remedy = RULES.get(type(value), (_nothing, ""))
    if wrong := list(rule(value)):
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise Unsound(f"{name}: {'; '.join(wrong[:3])}{more}; nothing was kept. Remedy: {remedy}")


def finite(array: np.ndarray) -> bool:
    """Whether no number is NaN or infinite; needs no memory beside the array."""
    if array.dtype.kind != "f" or not array.size:
        return True
    return isfinite(array.min()) and isfinite(array.max())  # NaN goes through both


def silent(scores: artifacts.InfluenceScores, query: int) -> int:
    """Training images that have exactly no influence on a picked image: their loss rounds to 0, or they are blank."""
    return int((scores.original(query) == 0).sum())


def _nothing(_: Any) -> Complaints:
    yield from ()


def _numbers(**arrays: np.ndarray) -> Complaints:
    for name, array in arrays.items():
        if not finite(array):
            bad = int((~np.isfinite(array)).sum())
            yield f"{bad:,} of {array.size:,} {name} are NaN or infinite, expected finite numbers"


def _as_many(n: int, **parts: Any) -> Complaints:
    for name, part in parts.items():
        if len(part) != n:
            yield f"{len(part):,} {name}, expected {n:,}"


def _between(low: float, high: float, **values: Any) -> Complaints:
    """Numbers and arrays that lie in a range; None is nothing known."""
    for name, value in values.items():
        array = np.asarray([] if value is None else value)
        if array.size and not low <= array.min() <= array.max() <= high:  # NaN fails too
            yield f"{name} from {array.min():g} to {array.max():g}, expected {low:g} to {high:g}"


def _split(split: artifacts.Split, k: int, part: str) -> Complaints:
    yield from _as_many(len(split.images), **{f"labels of {part}": split.labels})
    yield from _between(0, k - 1, **{f"labels of {part}": split.labels})


def _dataset(data: artifacts.Dataset) -> Complaints:
    k, channels = len(data.class_names), data.train.images.shape[1]
    yield from _split(data.train, k, "training images")
    yield from _split(data.test, k, "test images")
    yield from _as_many(channels, means=data.mean, deviations=data.std)
    yield from _between(-1e6, 1e6, mean=data.mean)
    yield from _between(1e-9, 1e6, deviation=data.std)


def _poisoning(p: artifacts.Poisoning) -> Complaints:
    yield from _as_many(len(p.indices), images=p.images, labels=p.labels)
    shown = len(p.triggered.images)
    rows = {"rows of triggered images": p.triggered_rows, "wanted answers": p.wanted}
    yield from _as_many(shown, **rows, **{"labels of triggered images": p.triggered.labels})
    yield from _between(0, 2**31, rows=p.indices)


def _trained(model: artifacts.TrainedModel) -> Complaints:
    for name, array in model.weights.items():
        yield from _numbers(**{f"weights of {name}": array})
    yield from _numbers(losses=model.loss)
    yield from _as_many(len(model.loss), accuracies=model.accuracy)
    yield from _between(0, 1, accuracy=model.accuracy, train_accuracy=model.train_accuracy)
    yield from _between(0, 1e30, train_loss=model.train_loss, seconds=model.seconds)


def _features(found: artifacts.Features) -> Complaints:
    yield from _numbers(features=found.values)


def _factors(fitted: artifacts.Factors) -> Complaints:
    for file in sorted(fitted.directory.glob("*.safetensors")):
        yield from (f"{file.stem} of {name} holds NaN or infinity" for name in _bad_tensors(file))


def _bad_tensors(file: Path) -> Iterator[str]:
    """Names of tensors that are not finite, one in memory at a time; only 32 and 64 bit numbers are looked at."""
    kinds = {"F32": np.float32, "F64": np.float64}
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        entries = json.loads(opened.read(length))
        for name, entry in entries.items():
            if name == "__metadata__" or entry["dtype"] not in kinds:
                continue
            opened.seek(8 + length + entry["data_offsets"][0])
            if not finite(np.fromfile(opened, kinds[entry["dtype"]], prod(entry["shape"]))):
                yield name


def _queries(q: artifacts.Queries) -> Complaints:
    yield from _numbers(pixels=q.images)
    rows = {"true labels": q.true_labels, "test rows": q.test_rows, "parents": q.parent}
    yield from _as_many(
        len(q.images), labels=q.labels, transforms=q.transforms, outputs=q.probabilities, **rows
    )
    yield from _between(0, max(q.probabilities.shape[1] - 1, 0), labels=q.labels)
    yield from _probable(q.probabilities)


def _probable(outputs: np.ndarray) -> Complaints:
    """Softmax outputs: every row adds up to one."""
    yield from _numbers(outputs=outputs)
    if len(outputs):
        yield from _between(0.99, 1.01, **{"sums of outputs": outputs.astype(np.float64).sum(1)})


def _scores(s: artifacts.InfluenceScores) -> Complaints:
    yield from _numbers(scores=s.values)
    yield from _as_many(len(s.values), labels=s.labels, parents=s.parent, transforms=s.transforms)
    if (n := s.n_originals) and s.values.shape[1] and not s.values[s.parent == artifacts.ORIGINAL].any():
        yield (
            f"every score of {n} picked images is 0: no gradient is left in the victim, which is either dead or fits its "
            "training images so surely that their loss rounds to 0 (fewer epochs or more weight_decay leave some)"
        )


def _logit_scores(s: artifacts.LogitScores) -> Complaints:
    yield from _numbers(scores=s.values, logits=s.logits)
    yield from _between(0, max(s.logits.shape[1] - 1, 0), label=s.label)
    yield from _as_many(len(s.logits), scores=s.values)


def _layer_scores(s: artifacts.LayerScores) -> Complaints:
    yield from _numbers(scores=s.values, self_influence=np.array([s.self_influence]))
    yield from _as_many(len(s.values), layers=s.layers)


def _detection(found: artifacts.Detection) -> Complaints:
    yield from _numbers(suspicions=found.suspicion)
    yield from _as_many(len(found.suspicion), flags=found.flagged)


SHARES = (
    "test_accuracy",
    "poison_success_rate",
    "clean_label_accuracy",
    "manipulated_accuracy",
    "utility",
    "class_accuracy",
)


def _report(r: artifacts.Report) -> Complaints:
    yield from _between(0, 1, **{name: getattr(r, name) for name in SHARES})
    yield from _between(0, 2**53, confusion=r.confusion)
    k = len(r.class_accuracy)
    yield from _as_many(k, confusion=r.confusion)
    yield from _between(0, k - 1, test_predictions=r.test_predictions)
    yield from _probable(r.query_probabilities)


def _forgotten(f: artifacts.Forgotten) -> Complaints:
    yield from _between(0, 2**31, predictions=f.predictions)
    yield from _between(0, 1, deletion_change=f.deletion_change)


RULES: dict[type, tuple[Callable[[Any], Complaints], str]] = {
    artifacts.Dataset: (
        _dataset,
        "put sound files back, or give a mean and a deviation of three finite numbers",
    ),
    artifacts.Poisoning: (_poisoning, AGAIN),
    artifacts.TrainedModel: (_trained, RATE),
    artifacts.Features: (_features, RATE),
    artifacts.Factors: (_factors, FITTED),
    artifacts.Queries: (_queries, RATE),
    artifacts.InfluenceScores: (_scores, CURVED),
    artifacts.LogitScores: (_logit_scores, CURVED),
    artifacts.LayerScores: (_layer_scores, CURVED),
    artifacts.Detection: (_detection, CURVED),
    artifacts.Report: (_report, RATE),
    artifacts.Forgotten: (_forgotten, AGAIN),
}
"""What each type of result promises, and what helps where a value breaks it."""
