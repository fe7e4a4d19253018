"""Tries several settings of an unlearner and keeps the best, by a rule that needs no ground truth.

The rule is Goel et al.'s (2024, arXiv 2402.14015): half the deletion change plus half the held-out accuracy.
Their code takes the test set for the latter, which leaks; here a tenth of the retained images, drawn at
random, is kept from the unlearner for it. Labels are those the images carry, be they poisoned or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from core import partial
from core.artifacts import Dataset, Split, TrainedModel
from core.networks import probabilities, weights_of
from core.randomness import numpy_stream
from core.training import TrainingDiverged, mean_loss
from core.unlearners.base import Task

HELD_OUT = 0.1


@dataclass(frozen=True)
class Attempt:
    """What an unlearner with these settings made of the victim."""

    settings: dict[str, float]
    network: nn.Module
    seconds: float
    """Wall-clock seconds, evaluation excluded."""
    loss: tuple[float, ...] = ()
    accuracy: tuple[float, ...] = ()


def hold_out(task: Task, wanted: bool) -> tuple[Task, Split | None]:
    """The task without a random tenth of its retained images, and these; with nothing to choose, all stay."""
    if not wanted:
        return task, None
    order = numpy_stream(task.recipe.seed, "held out").permutation(len(task.retain))
    n = max(1, round(HELD_OUT * len(order)))
    held, kept = (
        Split(task.retain.images[rows], task.retain.labels[rows])
        for rows in (np.sort(order[:n]), np.sort(order[n:]))
    )
    return replace(task, retain=kept), held


def best_of(task: Task, held: Split | None, attempts: Iterable[Attempt]) -> TrainedModel:
    """The attempt with the highest score, the earlier of equals; its `trials` tell of all, best first.

    Without held-out images there is one attempt and no trial. Raises TrainingDiverged when no attempt has
    finite weights.
    """
    started = partial.clock()
    best: Attempt | None = None
    trials: list[dict[str, Any]] = []
    for attempt in attempts:
        trial = judged(task, held, attempt) if held else {"score": float(is_finite(attempt.network))}
        if trial["score"] > max((t["score"] for t in trials), default=0.0):
            best = attempt
        trials.append(trial)
    if best is None:
        raise TrainingDiverged(
            f"weights became infinite or NaN, or know nothing any more, with each of {len(trials)} settings: "
            "lower the learning rate of the unlearner or use precision fp32"
        )
    searched = round(partial.clock() - started, 4)
    ranked = sorted(trials, key=lambda trial: -trial["score"]) if held else []
    return finished(task, best, tuple(trial | {"search_seconds": searched} for trial in ranked))


def judged(task: Task, held: Split, attempt: Attempt) -> dict[str, Any]:
    """What the rule sees of an attempt; one whose weights are not finite scores nothing."""
    change = accuracy = 0.0
    if is_finite(attempt.network):
        change = 1 - share_as_labelled(attempt.network, task.forget, task.dataset)
        accuracy = share_as_labelled(attempt.network, held, task.dataset)
    return {
        "settings": attempt.settings,
        "deletion_change": change,
        "held_out_accuracy": accuracy,
        "score": score(change, accuracy),
        "seconds": round(attempt.seconds, 4),
    }


def score(deletion_change: float, held_out_accuracy: float) -> float:
    """½ × share of the flagged images read otherwise than labelled + ½ × accuracy on held-out images."""
    return (deletion_change + held_out_accuracy) / 2


def share_as_labelled(network: nn.Module, split: Split, dataset: Dataset) -> float:
    """Share of images, not augmented, that the network reads as the label they carry."""
    return float((probabilities(network, split.images, dataset).argmax(1) == split.labels).mean())


def is_finite(network: nn.Module) -> bool:
    """Whether every weight and every running statistic is a number."""
    return all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


def finished(task: Task, attempt: Attempt, trials: tuple[dict[str, Any], ...]) -> TrainedModel:
    """The model of an attempt; without training epochs its curves are the one point that it ends at."""
    loss = mean_loss(attempt.network, task.dataset, task.retain)
    accuracy = attempt.accuracy or (share_as_labelled(attempt.network, task.retain, task.dataset),)
    return TrainedModel(
        weights=weights_of(attempt.network),
        loss=np.array(attempt.loss or (loss,), np.float32),
        accuracy=np.array(accuracy, np.float32),
        train_loss=loss,
        seconds=round(attempt.seconds, 4),
        trials=trials,
    )
