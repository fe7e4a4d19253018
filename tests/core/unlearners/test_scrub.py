"""SCRUB rises on the flagged images for as long as it may, and follows labels and victim elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.artifacts import Split
from core.training import Batch, TrainingDiverged
from core.unlearners.scrub import SCRUB
from core.unlearners.steps import scrubbing
from core.unlearners.steps.distillation import Turn, divergence


@pytest.fixture
def logits():
    return torch.randn(2, 6, 10, generator=torch.Generator().manual_seed(0))


def turn(*flags: int) -> Turn:
    labels = torch.arange(len(flags))
    batch = Batch(labels, torch.arange(len(labels)), lambda: torch.zeros(0))
    return Turn(batch, torch.tensor(flags, dtype=torch.bool), 0)


def test_a_student_that_equals_its_teacher_has_no_divergence(logits):
    assert divergence(logits[0], logits[0], 4.0).abs().max() < 1e-6
    assert (divergence(logits[0], logits[1], 4.0) > 0).all()


def test_divergence_is_that_of_softened_outputs(logits):
    student, teacher = logits
    expected = 16 * F.kl_div((student / 4).log_softmax(1), (teacher / 4).softmax(1), reduction="batchmean")
    assert divergence(student, teacher, 4.0).mean() == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("only_divergence", [False, True])
def test_retained_images_pull_towards_label_and_teacher(logits, only_divergence):
    student, teacher = logits
    found = scrubbing.loss(student, teacher, turn(*[0] * 6), alpha=0.5, only_divergence=only_divergence)
    kd = divergence(student, teacher, 4.0).mean()
    assert found == pytest.approx(float(F.cross_entropy(student, torch.arange(6)) + 0.5 * kd), rel=1e-5)


def test_flagged_images_push_away_from_both_or_from_the_teacher_alone(logits):
    student, teacher = logits
    both = scrubbing.loss(student, teacher, turn(*[1] * 6), alpha=0.5, only_divergence=False)
    alone = scrubbing.loss(student, teacher, turn(*[1] * 6), alpha=0.5, only_divergence=True)
    kd = divergence(student, teacher, 4.0).mean()
    assert both == pytest.approx(float(-F.cross_entropy(student, torch.arange(6)) - 0.5 * kd), rel=1e-5)
    assert alone == pytest.approx(float(-kd), rel=1e-5)


def ascents(method: SCRUB, total: int, ascent: int, descent: int) -> list[int]:
    """The steps that ascend."""
    return [step for step, (up, _) in enumerate(method.order(total, ascent=ascent, descent=descent)) if up]


def test_no_ascent_begins_after_its_share_of_the_steps():
    assert ascents(SCRUB(ascent_share=0.1), 1000, 1, 98) == [0, 99]
    assert ascents(SCRUB(ascent_share=0.2), 1000, 1, 98) == [0, 99, 198]
    assert ascents(SCRUB(ascent_share=0), 1000, 1, 98) == []


def test_a_large_flagged_set_cannot_use_up_the_budget():
    capped = SCRUB(ascent_share=1, ascent_cap=10)
    assert ascents(capped, 1000, 41, 90) == [start + n for start in range(0, 1000, 100) for n in range(10)]


def test_without_a_cap_forty_steps_are_all_ascent_as_in_the_published_runs():
    published = SCRUB(ascent_share=1, ascent_cap=0)
    assert [len(ascents(published, 41, n, 98)) for n in (7, 9, 21, 27, 41)] == [7, 9, 21, 27, 41]


def test_the_order_has_exactly_as_many_steps_as_asked_for_and_counts_its_cycles():
    order = list(SCRUB().order(250, ascent=3, descent=20))
    assert len(order) == 250
    assert [cycle for _, cycle in order][22:24] == [0, 1] and order[-1] == (False, 12)


def test_its_curves_follow_the_retained_images_of_each_cycle(task):
    model = SCRUB(epochs=3, alphas=(0.1,), batch_size=64).unlearn(task)
    assert len(model.loss) == len(model.accuracy) == 3  # 1 up and 5 down, 5 down, 4 of 5 down
    assert np.isfinite(model.loss).all() and (model.accuracy > 0.5).all() and (model.accuracy <= 1).all()
    assert model.trials == ()


def test_each_distillation_weight_is_tried_and_a_broken_one_loses(task):
    model = SCRUB(epochs=1, alphas=(1e30, 0.1), batch_size=64).unlearn(task)
    assert [trial["settings"]["alpha"] for trial in model.trials] == [0.1, 1e30]
    assert model.trials[1]["score"] == 0 and np.isfinite(model.train_loss)
    assert model.seconds == model.trials[0]["seconds"] < model.trials[0]["search_seconds"]


def test_settings_that_all_break_the_model_are_an_error(task):
    with pytest.raises(TrainingDiverged, match=r"each of 1 settings: lower the learning rate"):
        SCRUB(epochs=1, alphas=(1e30,), batch_size=64).unlearn(task)


def test_a_single_flagged_image_can_be_forgotten(task):
    lone = replace(task, forget=Split(task.forget.images[:1], task.forget.labels[:1]))
    assert np.isfinite(SCRUB(epochs=1, alphas=(0.1,)).unlearn(lone).train_loss)


def test_forgetting_exactly_the_poisons_weakens_the_attack_and_keeps_the_accuracy(tiny, success_after):
    success, accuracy = success_after(SCRUB(batch_size=32, alphas=(1,)))
    assert tiny.before.value.poison_success_rate > 0.8 and success < 0.5
    assert accuracy > tiny.before.value.test_accuracy - 0.05
