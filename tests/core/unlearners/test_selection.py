"""The choice among settings follows the published rule, from images that the unlearner has not seen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import serial
from core.artifacts import Split, TrainedModel
from core.training import TrainingDiverged
from core.unlearners.steps.selection import Attempt, best_of, hold_out, score


class Says(nn.Module):
    """Reads every image as one class, whatever it shows."""

    def __init__(self, label: float) -> None:
        super().__init__()
        self.label = nn.Parameter(torch.tensor(float(label)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -(torch.arange(10) - self.label).square().expand(len(x), 10)


def attempt(label: float, seconds: float = 1.0) -> Attempt:
    return Attempt({"label": label}, Says(label), seconds)


@pytest.fixture
def judges(task):
    """The task with 4 flagged images, labelled 1 1 1 2, and 10 held-out ones, six of them labelled 1."""
    forget = Split(task.forget.images[:4], np.array([1, 1, 1, 2]))
    held = Split(task.retain.images[:10], np.array([1, 1, 1, 1, 1, 1, 2, 2, 3, 3]))
    return replace(task, forget=forget), held


@pytest.mark.parametrize(
    ("change", "accuracy", "value"), [(1, 1, 1), (0, 0, 0), (0.9, 0.5, 0.7), (0.25, 0.75, 0.5)]
)
def test_the_score_is_half_deletion_change_and_half_held_out_accuracy(change, accuracy, value):
    assert score(change, accuracy) == pytest.approx(value)


def test_the_highest_score_wins_and_the_trials_say_why(judges):
    model = best_of(*judges, [attempt(1), attempt(2), attempt(3), attempt(4)])
    told = [
        (t["settings"]["label"], t["deletion_change"], t["held_out_accuracy"], t["score"])
        for t in model.trials
    ]
    assert told == [(3, 1.0, 0.2, 0.6), (4, 1.0, 0.0, 0.5), (2, 0.75, 0.2, 0.475), (1, 0.25, 0.6, 0.425)]
    assert model.weights["label"] == 3


def test_the_earlier_of_equal_settings_wins(judges):
    model = best_of(*judges, [attempt(5), attempt(4, seconds=2), attempt(6)])
    assert [trial["settings"]["label"] for trial in model.trials] == [5, 4, 6]
    assert model.weights["label"] == 5 and model.seconds == 1


def test_a_model_with_broken_weights_never_wins(judges):
    model = best_of(*judges, [attempt(np.nan), attempt(1), attempt(np.inf)])
    assert model.weights["label"] == 1 and [t["score"] for t in model.trials] == [0.425, 0, 0]
    with pytest.raises(TrainingDiverged, match="each of 2 settings: lower the learning rate"):
        best_of(*judges, [attempt(np.nan), attempt(np.inf)])


def test_one_attempt_without_held_out_images_is_taken_as_it_is(judges):
    task, _ = judges
    model = best_of(task, None, [Attempt({}, Says(1), 3.0, loss=(2.0, 1.0), accuracy=(0.5, 0.75))])
    assert model.trials == () and model.seconds == 3 and model.loss.tolist() == [2, 1]


def test_a_tenth_of_the_retained_images_is_held_out_and_the_rest_is_kept(task):
    rest, held = hold_out(task, wanted=True)
    assert len(held) == round(0.1 * len(task.retain)) and len(rest.retain) == len(task.retain) - len(held)
    both = np.concatenate([rest.retain.images, held.images]).reshape(len(task.retain), -1)
    assert sorted(map(bytes, both)) == sorted(map(bytes, task.retain.images.reshape(len(both), -1)))
    assert rest.forget is task.forget


def test_the_seed_decides_which_images_are_held_out(task):
    other = replace(task, recipe=task.recipe.model_copy(update={"seed": 1}))
    one, again, changed = (hold_out(t, wanted=True)[1].images for t in (task, task, other))
    assert np.array_equal(one, again) and not np.array_equal(one, changed)


def test_nothing_is_held_out_when_there_is_nothing_to_choose(task):
    assert hold_out(task, wanted=False) == (task, None)


def test_trials_survive_the_store(judges, tmp_path):
    model = best_of(*judges, [attempt(1), attempt(3)])
    plain = serial.write(model, tmp_path)
    assert serial.read(TrainedModel, tmp_path, plain).trials == model.trials
