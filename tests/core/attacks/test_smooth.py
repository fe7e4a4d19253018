"""The smooth trigger: how it is made, that it stays smooth, and how it gets onto the images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import stages
from core.artifacts import Dataset
from core.attacks.making import smooth as making
from core.attacks.making.smooth import Reader, deepfool, kernel, low_pass, make_trigger, margin, scaled
from core.attacks.smooth import Smooth, stretched
from core.networks import Standardise
from core.pipeline import plan


@pytest.fixture
def clean(tiny) -> Dataset:
    return tiny.dataset.value


@pytest.fixture(scope="module")
def reader(tiny) -> Reader:
    """The network that an attacker on the tiny case trained himself."""
    x = tiny.experiment
    surrogate = tiny.dataset.store.step(stages.train, x.training.of_the_attacker(), x.model, tiny.dataset)
    return Reader(x.model, surrogate.value, tiny.dataset.value)


def first(n: int, data: Dataset) -> Dataset:
    """The dataset with its first `n` training images only, which is quicker."""
    return replace(
        data, train=replace(data.train, images=data.train.images[:n], labels=data.train.labels[:n])
    )


def fitting(**changes) -> Smooth:
    return Smooth(**({"n_poisons": 20, "victim_class": 7, "target_class": 1, "steps": 3} | changes))


def test_the_filter_has_the_published_weights():
    weights = kernel()
    assert weights.shape == (30,) and float(weights.sum()) == pytest.approx(1)
    assert float(weights[0]) == pytest.approx(0.0036303, abs=1e-7)
    assert weights[14:16].tolist() == pytest.approx([0.0670863] * 2, abs=1e-7)


@pytest.mark.parametrize("side", [12, 32, 64, 160])
def test_the_filter_keeps_every_image_size_and_spreads_a_dot_by_its_weights(side):
    dot = torch.zeros(2, side, side)
    dot[1, 5, 6] = 1.0
    blurred = low_pass(dot)
    assert blurred.shape == dot.shape and not blurred[0].any()
    # Zero padding of 14 before and 15 after: output i sees inputs i − 14 to i + 15.
    expected = torch.outer(kernel().flip(0)[10 : 10 + 12], kernel().flip(0)[9 : 9 + 12])
    assert torch.allclose(blurred[1, :12, :12], expected, atol=1e-7)


def test_a_checkerboard_does_not_pass_the_filter_but_a_slope_does():
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    board, slope = ((rows + columns) % 2 - 0.5)[None], (rows / 31 - 0.5)[None]
    inside = (slice(None), slice(15, 16), slice(15, 16))
    assert low_pass(board)[inside].abs().max() < 0.001
    assert low_pass(slope).std() > 0.3 * slope.std()


def test_a_scaled_trigger_goes_from_zero_to_the_amplitude():
    made = scaled(torch.randn(3, 16, 16), 0.2)
    assert float(made.min()) == 0 and float(made.max()) == pytest.approx(0.2)
    assert not scaled(torch.full((3, 4, 4), 0.7), 0.2).any()


def test_the_margin_is_how_far_the_target_is_ahead():
    logits = torch.tensor([[1.0, 4.0, 2.0], [5.0, 3.0, 4.0]])
    assert margin(logits, 1).tolist() == [2.0, -2.0]


@pytest.mark.parametrize("method", ["fast", "uap"])
def test_a_trigger_is_smooth_and_its_values_lie_between_zero_and_the_amplitude(clean, reader, method):
    trigger, _ = make_trigger(fitting(method=method, amplitude=0.3), reader, clean)
    assert trigger.shape == (3, 32, 32) and trigger.dtype == np.float32
    assert trigger.min() == pytest.approx(0) and trigger.max() == pytest.approx(0.3)
    steps = [np.abs(np.diff(trigger, axis=axis)).max() for axis in (1, 2)]
    assert max(steps) < 0.3 / 6


def test_the_fast_method_pushes_images_towards_the_target(clean, reader):
    few, many = (make_trigger(fitting(steps=n), reader, first(64, clean))[0] for n in (1, 12))
    pixels = torch.from_numpy(clean.test.images[clean.test.labels != 1]).float() / 255
    with torch.no_grad():
        near, far = (
            margin(reader((pixels + torch.from_numpy(t)).clamp(0, 1)), 1).mean() for t in (many, few)
        )
    assert near > far + 0.5


def test_a_deepfool_step_makes_the_network_read_the_target_if_it_finds_one(clean, reader):
    images = torch.from_numpy(clean.test.images[clean.test.labels == 7][:6]).float() / 255
    pushes = [deepfool(reader, image, 1) for image in images]
    found = [image + push for image, push in zip(images, pushes, strict=True) if push is not None]
    assert len(found) >= 3
    assert (reader.labels(torch.stack(found)) == 1).all()
    assert not deepfool(reader, images[0], int(reader.labels(images[:1])[0])).any()


def test_a_universal_perturbation_tells_how_many_images_it_changes(clean, reader):
    trigger, [note] = make_trigger(fitting(method="uap", amplitude=1.0), reader, clean)
    rows = np.sort(making.numpy_stream(0, "trigger images").permutation(300)[:100])
    pixels = torch.from_numpy(clean.train.images[rows]).float() / 255
    changed = (reader.labels(pixels) != reader.labels(pixels + torch.from_numpy(trigger))).mean()
    assert changed >= 0.2 and f"{changed:.0%} of 100 clean images read otherwise, towards" in note


def test_a_universal_perturbation_that_stays_too_weak_ends_after_ten_passes_and_says_so(clean, reader):
    _, [note] = make_trigger(fitting(method="uap", amplitude=0.001), reader, first(12, clean))
    assert note.startswith("Trigger after 10 passes: 0% of 12") and "20% were aimed at" in note


def test_a_network_without_slope_gives_an_error_and_a_remedy(tiny, clean):
    blind = {name: np.zeros_like(w) for name, w in tiny.victim.value.weights.items()}
    reader = Reader(tiny.experiment.model, replace(tiny.victim.value, weights=blind), clean)
    with pytest.raises(ValueError, match=r"attack.method=uap: no perturbation found .* use method fast"):
        make_trigger(fitting(method="uap"), reader, first(12, clean))


TRIGGER = np.linspace(0, 0.2, 3 * 16, dtype=np.float32).reshape(3, 4, 4)
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 3, 4, 4)).astype(np.uint8)


def test_clipped_addition_is_exact_to_half_a_grey_level(clean):
    made = fitting().apply(IMAGES, TRIGGER, clean)
    wanted = np.minimum(IMAGES + 255.0 * TRIGGER, 255)
    assert made.dtype == np.uint8 and np.abs(made - wanted).max() <= 0.5001


def test_stretched_images_use_the_whole_range(clean):
    made = fitting(application="minmax").apply(IMAGES, TRIGGER, clean)
    assert (made.min((1, 2, 3)) == 0).all() and (made.max((1, 2, 3)) == 255).all()
    assert not stretched(np.full((1, 3, 2, 2), 0.4, np.float32)).any()


def test_by_the_reference_application_a_network_sees_poisons_between_zero_and_one(clean):
    data = replace(clean, mean=(0.49, 0.48, 0.45), std=(0.25, 0.24, 0.26))
    made = fitting(application="reference").apply(IMAGES, TRIGGER, data)
    standard = Standardise(data)
    seen = standard(torch.from_numpy(made)).numpy()
    wanted = stretched(standard(torch.from_numpy(IMAGES)).numpy() + TRIGGER)
    assert np.abs(seen - wanted).max() <= 0.5 / 255 / 0.24 + 1e-5
    assert made.max() < 0.49 * 255 + 0.26 * 255


def test_a_victim_learns_the_trigger(tiny):
    x = tiny.experiment.changed(attack=fitting(n_poisons=25, steps=10).model_dump())
    report = plan(x, tiny.dataset.store).before.value
    assert report.poison_success_rate >= 0.9 and report.test_accuracy > 0.75
