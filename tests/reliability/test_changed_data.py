"""Images that change, vanish or cannot be read under a case: noticed by what is in them, told, and never mixed."""

import logging
import shutil
import threading

import numpy as np
import pytest
from reliability import changing, unsound
from reliability.unsound import experiment, planned

from core import beforehand, cases, doctor, picks, progress, runs
from core.datasets import DataChanged, load_dataset, source_state
from core.datasets.cifar10 import Cifar10
from core.datasets.folder import Folder
from core.datasets.parquet import Parquet
from core.pipeline import investigate, plan
from core.unlearned import outcome_jobs
from core.unlearned.outcomes import Asked
from core.unlearners.exact import Exact


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path / "data"))
    unsound.folder(tmp_path / "data", "noise")
    return tmp_path / "data"


@pytest.fixture
def begun(data):
    """A case that has read its images and nothing more."""
    p = plan(runs.resolved(experiment()), runs.open_store())
    beforehand.begin(p)
    return p


@pytest.mark.parametrize("change", changing.FOLDER.values(), ids=changing.FOLDER)
def test_a_changed_folder_is_noticed_and_a_restored_one_forgiven(data, change):
    settings = Folder(path="noise").resolved()
    shutil.copytree(data / "noise", data / "kept")
    change(data / "noise")
    state = source_state(settings)
    assert state.kind == "changed" and "of 24 files; digest" in state.told
    with pytest.raises(DataChanged, match="start a new experiment"):
        load_dataset(settings)
    assert settings.model_copy(update={"source": ""}).resolved().source != settings.source
    shutil.rmtree(data / "noise")
    shutil.copytree(data / "kept", data / "noise")
    assert source_state(settings).kind == "same"
    assert settings.model_copy(update={"source": ""}).resolved().source == settings.source


def test_a_mere_touch_is_no_change_and_keeps_every_key(data):
    x = experiment()
    before = runs.resolved(x)
    changing.touch(data / "noise")
    assert source_state(before.dataset).kind == "same"
    assert runs.identifier(runs.resolved(x)) == runs.identifier(before)


def test_other_rows_in_a_table_of_the_same_size_are_noticed(data):
    changing.table(data / "t.parquet")
    settings = Parquet(path="t.parquet").resolved()
    size = (data / "t.parquet").stat().st_size
    changing.table(data / "t.parquet", flipped=3)
    assert (data / "t.parquet").stat().st_size == size
    assert source_state(settings).kind == "changed"


def test_replaced_files_of_cifar_are_noticed_though_their_sizes_are_the_same(data):
    changing.batches(data)
    settings = Cifar10().resolved()
    changing.batches(data, shift=5)
    assert Cifar10().fingerprint() == settings.source
    assert source_state(settings).kind == "changed" and Cifar10().resolved().source != settings.source
    with pytest.raises(DataChanged, match="6 changed"):
        load_dataset(settings)


def test_a_case_says_everywhere_that_its_images_changed_and_keeps_the_old_ones(begun, data, caplog):
    old = np.array(begun.dataset.value.train.images)
    changing.edit(data / "noise")
    p = plan(begun.experiment, runs.open_store())
    assert "restore them, or start a new investigation" in beforehand.changed_images(p)
    told = [check for check in doctor._changed_images() if runs.identifier(p.experiment) in check.name]
    assert [check.level for check in told] == ["warning"]
    with caplog.at_level(logging.WARNING):
        runs.run_job({"experiment": p.experiment.model_dump(mode="json"), "options": {"device": "cpu"}})
    assert "images of this case have changed since: 1 changed (b/003.png)" in caplog.text
    assert np.array_equal(plan(begun.experiment, runs.open_store()).dataset.value.train.images, old)
    assert sum(not case.run.shipped for case in cases.all_cases(runs.open_store())) == 1
    caplog.clear()
    asked = Asked(p.experiment.detectors[0], Exact(), 0)
    outcome_jobs.run_job(outcome_jobs.spec(p, asked, 1, device="cpu"))
    assert "images of this case have changed" in caplog.text
    assert (
        investigate(p.experiment, p.dataset.store, picks.Pick(source="test", row=0)).dataset.key
        == p.dataset.key
    )
    assert len(list((runs.open_store().root / "load_dataset").iterdir())) == 1


def test_the_same_experiment_on_changed_images_is_a_new_case_and_says_so(begun, data, caplog):
    changing.add(data / "noise")
    new = plan(runs.resolved(experiment()), runs.open_store())
    with caplog.at_level(logging.WARNING):
        beforehand.begin(new)
    assert (
        f"as case {runs.identifier(begun.experiment)}" in caplog.text and "a new investigation" in caplog.text
    )
    assert new.dataset.key != begun.dataset.key and len(new.dataset.value.train) > len(
        begun.dataset.value.train
    )


def test_other_weights_under_the_same_name_are_a_new_case(data, tmp_path, caplog):
    victim = planned(experiment(training={"epochs": 1}), tmp_path / "s").victim.value
    file = tmp_path / "w.safetensors"
    for factor in (1, 2):
        x = unsound.brought(victim, unsound.surer(factor), file)
        beforehand.begin(plan(runs.resolved(x), runs.open_store()))
    assert "The weights changed since the same experiment was run" in caplog.text


def test_an_uploaded_image_that_was_removed_is_asked_for_again(data, begun):
    file = next((data / "noise/b").iterdir())
    pick = picks.keep_upload(file, 32)
    (picks.uploads() / f"{pick.digest}.png").unlink()
    with pytest.raises(FileNotFoundError, match="upload it again"):
        _ = investigate(begun.experiment, begun.dataset.store, pick).queries.value


class At(progress.Silence):
    """Does something in the middle of the reading."""

    def __init__(self, act):
        self.act = act

    def update(self, phase, done, total):
        if phase == "training images" and done and self.act:
            act, self.act = self.act, None
            act()


@pytest.mark.parametrize("how", ["unlink", "truncate"])
def test_a_table_that_vanishes_or_breaks_while_it_is_read_leaves_nothing_and_is_read_after_its_return(
    data, how
):
    changing.table(data / "t.parquet")
    shutil.copy(data / "t.parquet", data / "kept.parquet")

    def act():
        if how == "unlink":
            (data / "t.parquet").unlink()
        else:
            (data / "t.parquet").write_bytes((data / "t.parquet").read_bytes()[:2000])

    p = plan(runs.resolved(experiment(dataset={"name": "parquet", "path": "t.parquet"})), runs.open_store())
    with (
        progress.reporting(At(act)),
        pytest.raises((DataChanged, ValueError, OSError), match=r"t\.parquet|changed"),
    ):
        _ = p.dataset.value
    assert not list(runs.open_store().root.glob("load_dataset/*/meta.json"))
    shutil.copy(data / "kept.parquet", data / "t.parquet")
    assert len(p.dataset.value.train) == 19


def test_an_unreadable_image_among_many_is_left_out_and_named(data):
    (data / "noise/a/005.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    notes = load_dataset(Folder(path="noise").resolved()).notes
    assert len(notes) == 1 and "1 of 24 images could not be read" in notes[0] and "a/005.png" in notes[0]


def test_a_file_that_is_being_written_while_it_is_read_is_noticed(data):
    done = threading.Event()

    def act():
        changing.edit(data / "noise")
        done.set()

    with progress.reporting(At(act)), pytest.raises(DataChanged, match="1 changed"):
        load_dataset(Folder(path="noise").resolved())
    assert done.is_set()
