"""Can an analyst bring a model by mouse, and does no page claim to know who altered its images?"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import standing_in
from PIL import Image
from safetensors.numpy import save, save_file

from app import results
from core import jobs, paths, picks, runs, weights
from core.experiment import Experiment
from core.pipeline import Plan, plan
from core.store import Store


def png(image: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(file)


@pytest.fixture(scope="module")
def brought(tiny: Plan, tmp_path_factory) -> Path:
    """A data folder with the poisoned digits, the odd image and the weights."""
    folder = tmp_path_factory.mktemp("brought")
    for part, split in (("train", tiny.poisoned.value.train), ("test", tiny.dataset.value.test)):
        for row, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
            png(image, folder / "images" / part / f"{label}" / f"{row:04}.png")
    png((tiny.queries.value.images[0] * 255).round().astype(np.uint8), folder / "odd.png")
    save_file({n: np.array(w) for n, w in tiny.victim.value.weights.items()}, folder / "weights.safetensors")
    return folder


@pytest.fixture
def data(brought, monkeypatch) -> Path:
    monkeypatch.setenv("INFLUENCE_DATA", str(brought))
    return brought


@pytest.fixture
def form(visit, data):
    """The form of one's own model, for the small network."""
    at = visit("set_up", way="own")
    return at.number_input(key="own-model-ResNet9-width").set_value(4).run()


def button(at, label: str):
    return next(b for b in at.button if b.label == label)


def uploader(at, key: str):
    return next(u for u in at.get("file_uploader") if u.key == key)


def filled(form, data):
    """The form with weights and odd image."""
    at = (
        uploader(form, "own-weights-upload")
        .upload(
            "weights.safetensors", (data / "weights.safetensors").read_bytes(), "application/octet-stream"
        )
        .run()
    )
    return uploader(at, "own-odd").upload("odd.png", (data / "odd.png").read_bytes(), "image/png").run()


def test_the_form_says_what_is_missing_and_starts_nothing(form, words):
    assert not form.exception
    assert "Still missing: the weights and the image that it misreads" in form.info[0].value
    assert all(button(form, label).disabled for label in ("Check", "What will it cost?", "Start"))


def test_the_class_order_is_shown_for_comparison(form):
    assert any("Class order: 0 · 1 · 2" in caption.value for caption in form.caption)


def test_a_filled_form_starts_a_job_about_an_unknown_attacker(form, data):
    at = filled(form, data)
    assert not at.exception
    assert not at.error
    button(at, "Start").click().run()
    [job] = jobs.table(paths.store_root()).list()
    jobs.cancel(paths.store_root(), job.id)
    x = Experiment.checked(json.loads(job.spec)["experiment"])
    assert not x.attack.known
    assert x.queries == picks.keep_upload(data / "odd.png", 32)
    assert x.training.digest == weights.keep_weights(data / "weights.safetensors")
    assert x.model.width == 4


def test_a_file_in_the_data_folder_is_as_good_as_an_upload(form, data):
    at = form.segmented_control(key="own-weights-way").set_value("file").run()
    at = at.text_input(key="own-weights-file").set_value("weights.safetensors").run()
    assert any("50 tensors" in caption.value for caption in at.caption)


def test_a_file_outside_the_data_folder_is_refused(form, tmp_path):
    (tmp_path / "other.safetensors").write_bytes(save({"a": np.zeros(2, np.float32)}))
    at = form.segmented_control(key="own-weights-way").set_value("file").run()
    at = at.text_input(key="own-weights-file").set_value(str(tmp_path / "other.safetensors")).run()
    assert "below the data folder" in at.error[0].value.replace("\\", "")


def test_a_pickle_is_refused_at_once_with_the_way_to_convert_it(form):
    at = uploader(form, "own-weights-upload").upload("x.pth", b"PK\x03\x04" + bytes(100)).run()
    assert "core convert FILE --i-trust-this-file" in at.error[0].value.replace("\\", "")
    assert button(at, "Start").disabled


def test_weights_are_not_needed_where_it_is_trained_here(form, data):
    at = form.segmented_control(key="own-weights-way").set_value("none").run()
    at = uploader(at, "own-odd").upload("odd.png", (data / "odd.png").read_bytes(), "image/png").run()
    assert not button(at, "Start").disabled
    assert button(at, "Check").disabled


def test_a_mean_without_a_deviation_is_explained(form, data):
    at = filled(form, data)
    at = at.text_input(key="own-standard-Folder-mean").set_value("0.5, 0.5, 0.5").run()
    assert "expected three numbers each" in " ".join(error.value for error in at.error)


@pytest.fixture(scope="module")
def finished(brought, make_experiment, tmp_path_factory) -> tuple[Experiment, Path]:
    """An investigation of the brought model, finished, and its store."""
    root = tmp_path_factory.mktemp("own") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_DATA", str(brought))
        patch.setenv("INFLUENCE_STORE", str(root))
        tree = make_experiment().model_dump(mode="json") | {
            "title": "brought",
            "dataset": {"name": "folder", "path": "images"},
            "attack": {"name": "unknown"},
            "training": {"file": "weights.safetensors", "recipe": make_experiment().training.model_dump()},
            "queries": {"source": "upload", "file": "odd.png"},
            "detectors": [{"name": "contrast"}],
            "unlearn_after": ["contrast"],
            "unlearners": [{"name": "exact"}],
        }
        x = runs.resolved(Experiment.checked(tree))
        runs.record(x, Store(root))
        runs.complete(plan(x, Store(root)))
    return x, root


@pytest.fixture
def own_id(finished, data, monkeypatch) -> str:
    x, root = finished
    monkeypatch.setenv("INFLUENCE_STORE", str(root))
    return runs.identifier(x)


@pytest.mark.parametrize("page", ["cases", "investigate", "attack", "unlearn", "report", "review", "image"])
def test_every_page_opens_without_a_word_of_poison_success(page, own_id, visit):
    at = visit(page, **({} if page == "cases" else {"case": own_id}))
    assert not at.exception
    shown = " ".join(e.value for kind in (at.markdown, at.caption, at.metric) for e in kind).lower()
    assert "poison success" not in shown
    assert "nan" not in shown.split()


def test_the_attack_page_says_that_nobody_knows_and_what_was_found(own_id, visit, finished):
    at = visit("attack", case=own_id)
    assert "Nobody knows" in at.info[0].value
    x, root = finished
    flagged = int(plan(x, Store(root)).detections["contrast"].value.flagged.sum())
    assert any(f"flags {flagged} images" in m.value for m in at.markdown)
    [table] = at.table
    assert list(table.value["model"]) == ["victim", "Exact retraining (EU) after Contrast with controls"]


def test_weights_that_do_not_know_the_images_are_doubted_on_every_visit(own_id, visit):
    victim = results.case(own_id).plan.victim
    own = victim.value
    standing_in.put(victim, replace(own, train_accuracy=0.11))
    at = visit("investigate", case=own_id)
    standing_in.put(victim, own)
    assert "only 11% of their own training images" in at.error[0].value.replace("\\", "")


def test_the_unknown_attacker_is_not_offered_for_an_attack_of_ours(visit):
    at = visit("set_up")
    [attacks] = [box for box in at.selectbox if box.label == "Attack"]
    assert "Unknown attacker" not in attacks.options
