"""The bad teacher speaks only about flagged images, the victim about all others."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core import progress
from core.artifacts import Split
from core.unlearners.bad_teacher import BadTeacher
from core.unlearners.steps.distillation import blended, divergence


@pytest.fixture
def logits():
    return torch.randn(3, 6, 10, generator=torch.Generator().manual_seed(0))


def test_without_flagged_images_a_student_like_the_victim_has_nothing_to_learn(logits):
    victim, bad, _ = logits
    taught = blended(victim, bad, torch.zeros(6, dtype=torch.bool))
    assert divergence(victim, taught).abs().max() < 1e-6


def test_each_image_is_taught_by_its_own_teacher(logits):
    victim, bad, student = logits
    flags = torch.tensor([0, 1, 0, 1, 1, 0], dtype=torch.bool)
    b = flags[:, None].float()
    mixed = b * bad.softmax(1) + (1 - b) * victim.softmax(1)
    expected = F.kl_div(student.log_softmax(1), mixed, reduction="batchmean")
    found = divergence(student, blended(victim, bad, flags)).mean()
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_every_image_flagged_or_not_is_seen_once_an_epoch(task):
    seen = []

    class Count(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            seen.append((done, total))

    with progress.reporting(Count()):
        model = BadTeacher(epochs=2, batch_size=100).unlearn(task)
    assert seen == [(step, 6) for step in range(1, 7)]
    assert len(model.loss) == len(model.accuracy) == 2 and model.trials == ()


def test_its_curves_leave_out_the_flagged_images(task):
    lies = replace(task, forget=Split(task.forget.images, np.zeros_like(task.forget.labels)))
    one, other = (BadTeacher(epochs=2, batch_size=100).unlearn(t) for t in (task, lies))
    assert one.accuracy[0] > 0.7
    assert np.array_equal(one.loss, other.loss) and np.array_equal(one.accuracy, other.accuracy)


def test_forgetting_exactly_the_poisons_weakens_the_attack_and_keeps_the_accuracy(tiny, success_after):
    success, accuracy = success_after(BadTeacher(batch_size=32))
    assert tiny.before.value.poison_success_rate > 0.8 and success < 0.5
    assert accuracy > tiny.before.value.test_accuracy - 0.05
