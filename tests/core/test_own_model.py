"""Somebody's own model, by the documented walk-through: do its commands find who is behind one odd image, and cure it?"""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from core import cases, runs
from core.__main__ import main
from core.experiment import Experiment
from core.pipeline import plan

GUIDE = Path(__file__).parents[2] / "assets" / "guide" / "own_model.md"


def blocks(kind: str) -> list[str]:
    """The fenced blocks of the guide in one language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """The guide's commands, in its order."""
    lines = "".join(blocks("bash")).splitlines()
    return [shlex.split(line)[3:] for line in lines if line.startswith("python -m core ")]


def do(*command: str) -> int:
    """Runs one command of the command line; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        main(list(command))
    return end.value.code


def write(images: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / f"{label}" / f"{row:04}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(place)


@pytest.fixture(scope="module")
def brought(tiny, tmp_path_factory) -> Path:
    """What the analyst brings: poisoned digits as files, the odd image, and the weights as their script saved them."""
    folder = tmp_path_factory.mktemp("analyst")
    found, test = tiny.poisoned.value, tiny.dataset.value.test
    write(found.train.images, found.train.labels, folder / "images" / "train")
    write(test.images, test.labels, folder / "images" / "test")
    odd = (tiny.queries.value.images[0] * 255).round().astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(odd.transpose(1, 2, 0))).save(folder / "odd.png")
    weights = {f"module.{n}": torch.from_numpy(np.array(w)) for n, w in tiny.victim.value.weights.items()}
    torch.save(weights, folder / "victim.pth")
    [toml] = blocks("toml")
    own = {"mean": list(found.mean), "std": list(found.std)}
    for name, values in own.items():
        toml = re.sub(rf"^{name} = .*$", f"{name} = {values}", toml, flags=re.MULTILINE)
    (folder / "own.toml").write_text(toml)
    return folder


@pytest.fixture
def at_work(brought, monkeypatch) -> Path:
    monkeypatch.chdir(brought)
    monkeypatch.setenv("INFLUENCE_DATA", str(brought))
    return brought


@pytest.fixture(scope="module")
def walked(brought, tmp_path_factory) -> Path:
    """The store after every command of the guide has run."""
    root = tmp_path_factory.mktemp("walked") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(brought)
        patch.setenv("INFLUENCE_DATA", str(brought))
        patch.setenv("INFLUENCE_STORE", str(root))
        for command in commands():
            assert do(*command) == 0, command
    return root


@pytest.fixture
def own(walked, at_work, monkeypatch):
    """The plan of the walked case."""
    monkeypatch.setenv("INFLUENCE_STORE", str(walked))
    return plan(runs.resolved(Experiment.from_toml("own.toml")), runs.open_store())


def rows_of(folder: Path) -> np.ndarray:
    """The number that each training image had in the poisoned set, in the order in which the case reads them."""
    files = sorted((folder / "images" / "train").glob("*/*.png"), key=lambda f: (f.parent.name, f.name))
    return np.array([int(file.stem) for file in files])


def test_the_guide_goes_all_the_way():
    names = [command[0] for command in commands()]
    assert names == ["convert", "weights", "check", "plan", "run", "detect", "model"]


def test_the_brought_weights_are_the_victim(own, tiny):
    victim = own.victim.value
    own_weights = {n: w for n, w in tiny.victim.value.weights.items() if "num_batches" not in n}
    assert all(np.array_equal(w, victim.weights[n]) for n, w in own_weights.items())
    assert (len(victim.loss), victim.seconds) == (0, 0)
    assert victim.train_loss == pytest.approx(tiny.victim.value.train_loss, rel=1e-3)
    assert victim.train_accuracy > 0.9


def test_the_written_flags_are_what_the_contrast_finds(own, at_work):
    flagged = np.load("flagged.npy")
    assert np.array_equal(flagged, np.flatnonzero(own.detections["contrast"].value.flagged))
    assert len(flagged)


def test_the_flags_are_the_poisons_although_nobody_said_so(own, at_work, tiny):
    truth = np.isin(rows_of(at_work), tiny.poisoning.value.indices)
    flagged = own.detections["contrast"].value.flagged
    assert (flagged & truth).sum() / flagged.sum() > 0.8
    assert (flagged & truth).sum() / truth.sum() > 0.8


def test_the_cleaned_model_reads_the_odd_image_otherwise(own, at_work, tiny):
    cleaned = load_file("cleaned.safetensors")
    made = own.cleaned["contrast/exact"].value.weights
    assert all(np.array_equal(w.squeeze(), cleaned[n].squeeze()) for n, w in made.items())
    said = runs.opinions(own)
    assert said["victim"]["read_as"] == "1"
    assert said["contrast/exact"]["first_answer"] < 0.5 < said["victim"]["first_answer"]


def test_what_nobody_knows_is_none_and_reads_back_as_none(own):
    for report in (own.before.value, own.after["contrast/exact"].value):
        unknown = (
            report.poison_success_rate,
            report.clean_label_accuracy,
            report.manipulated_accuracy,
            report.utility,
        )
        assert unknown == (None, None, None, None)
        assert 0.5 < report.test_accuracy <= 1


def test_the_case_is_listed_and_open(own, walked):
    [case] = [case for case in cases.all_cases(runs.open_store()) if not case.run.shipped]
    assert case.run.title == "My digits"
    assert not case.unfinished
    assert {o.unlearner.name for o in cases.outcomes(case, runs.open_store())} == {
        "exact",
        "catastrophic_forgetting",
    }


def test_the_case_is_the_same_by_digest_as_by_file(own):
    again = Experiment.checked(own.experiment.model_dump(mode="json"))
    assert "weights.safetensors" not in own.experiment.to_toml()
    assert "odd.png" not in own.experiment.to_toml()
    assert plan(again, own.dataset.store).scores.key == own.scores.key


def test_another_recipe_changes_what_is_trained_anew_but_not_the_investigation(own):
    tree = own.experiment.model_dump(mode="json")
    tree["training"]["recipe"]["epochs"] = 3
    other = plan(Experiment.checked(tree), own.dataset.store)
    assert other.scores.key == own.scores.key
    assert other.cleaned["contrast/exact"].key != own.cleaned["contrast/exact"].key


def checked(capsys, *more: str) -> dict:
    capsys.readouterr()
    assert do("check", "own.toml", "--json", *more) == 0
    return json.loads(capsys.readouterr().out)


def test_a_check_tells_classes_accuracy_and_what_the_image_is_read_as(own, capsys):
    told = checked(capsys)
    assert [c["class"] for c in told["classes"]] == list("0123456789")
    assert sum(c["training_images"] for c in told["classes"]) == 300
    assert told["picked_image"]["read_as"] == "1"
    assert told["doubt"] == ""


def test_wrong_standardisation_is_said_loudly(own, capsys):
    told = checked(capsys, "--set", "dataset.mean=[5, 5, 5]", "--set", "dataset.std=[9, 9, 9]")
    assert "of their own training images as labelled" in told["doubt"]
    assert told["doubt"] in told["remarks"]


def test_an_image_that_is_read_rightly_is_no_misbehaviour(own, capsys):
    row = int(np.flatnonzero(own.before.value.test_predictions == own.dataset.value.test.labels)[0])
    told = checked(capsys, "--set", f'queries={{source="test", row={row}}}')
    assert "nothing misbehaves" in " ".join(told["remarks"])


def failed(capsys, *command: str) -> str:
    capsys.readouterr()
    assert do(*command) == 1
    return " ".join(capsys.readouterr().err.split())


def test_weights_of_another_architecture_are_named_tensor_by_tensor(own, capsys):
    said = failed(capsys, "weights", "weights.safetensors", "--model", "resnet9", "--set", "model.width=8")
    assert "of another shape: 0.0.weight (4, 3, 3, 3) instead of (8, 3, 3, 3)" in said
    assert "and" in said and "more" in said
    said = failed(capsys, "weights", "weights.safetensors", "--model", "resnet18", "--set", "model.width=4")
    assert "missing:" in said and "not of this architecture:" in said


def test_a_file_with_code_is_opened_only_where_it_is_trusted(at_work, capsys):
    torch.save({"model": torch.nn.Linear(2, 2)}, "whole.pth")
    assert "--i-trust-this-file" in failed(capsys, "convert", "whole.pth", "--out", "no.safetensors")
    assert not Path("no.safetensors").exists()
    assert do("convert", "whole.pth", "--out", "yes.safetensors", "--i-trust-this-file") == 0
    assert set(load_file("yes.safetensors")) == {"weight", "bias"}


def test_a_model_that_the_experiment_does_not_make_is_a_message(own, capsys):
    said = failed(capsys, "model", "own.toml", "--after", "contrast/ssd", "--out", "x.safetensors")
    assert "contrast/exact" in said


def test_removed_weights_are_asked_for_again(own, walked, tmp_path, monkeypatch, capsys):
    store = shutil.copytree(walked, tmp_path / "other", ignore=shutil.ignore_patterns("brought_victim"))
    (store / "weights").rename(store / "elsewhere")
    monkeypatch.setenv("INFLUENCE_STORE", str(store))
    Path("digest.toml").write_text(own.experiment.to_toml())
    assert "the weights are not here" in failed(capsys, "check", "digest.toml")
