"""An artifact read back from its folder is the artifact that was written, and nothing of it was pickled."""

import dataclasses
import inspect
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import artifacts, runs, serial

EXAMPLES = (
    "dataset",
    "poisoning",
    "victim",
    "queries",
    "changed",
    "scores",
    "before",
    "factors",
    "detection",
    "features",
    "logits",
    "layers",
    "forgotten",
)


def example(tiny: Any, name: str) -> Any:
    if name == "factors":
        return next(a for a in runs.kept(tiny) if a.stage.name == "fit_factors").value
    if name == "logits":
        values = np.arange(12, dtype=np.float32)
        return artifacts.LogitScores(values.reshape(2, 3, 2), values.reshape(4, 3)[:2], label=1)
    if name == "layers":
        return artifacts.LayerScores(np.arange(6, dtype=np.float32).reshape(2, 3), ("0.0", "8"), 1.5)
    if name == "forgotten":
        return artifacts.Forgotten(np.array([1, 4, 1]), deletion_change=2 / 3)
    if name == "features":
        return tiny.evidence["features"].value
    return tiny.detections["delta_influence"].value if name == "detection" else getattr(tiny, name).value


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other) or isinstance(one, np.ndarray)
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and np.array_equal(one, other)
    elif isinstance(one, Path):
        assert {p.name: p.read_bytes() for p in one.iterdir()} == {
            p.name: p.read_bytes() for p in other.iterdir()
        }
    else:
        assert one == other


def arrays(value: Any) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return [a for item in value.values() for a in arrays(item)] if isinstance(value, dict) else []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_artifact_comes_back_as_it_was_written(tiny, tmp_path, name):
    written = example(tiny, name)
    (tmp_path / "folder").mkdir()
    given = written
    if name == "factors":  # writing takes the files over
        given = dataclasses.replace(written, directory=shutil.copytree(written.directory, tmp_path / "given"))
    plain = serial.write(given, tmp_path / "folder")
    assert_same(serial.read(type(written), tmp_path / "folder", plain), written)


def test_the_examples_are_all_the_artifacts_there_are(tiny):
    defined = {
        kind
        for _, kind in inspect.getmembers(artifacts, dataclasses.is_dataclass)
        if kind.__module__ == artifacts.__name__
    }
    assert {type(example(tiny, name)) for name in EXAMPLES} == defined - {artifacts.Split}


@pytest.mark.parametrize("name", ["dataset", "poisoning", "victim", "queries", "scores", "before"])
def test_arrays_come_back_read_only(tiny, name):
    found = arrays(example(tiny, name))
    assert found and not any(array.flags.writeable for array in found)


def test_nothing_in_a_store_is_pickled(tiny, tiny_root):
    files = [p for p in tiny_root.rglob("*") if p.is_file() and p.parent.name != "locks"]
    assert {p.suffix for p in files} == {".npy", ".json", ".safetensors"}
    for file in files:
        if file.suffix == ".npy":
            assert np.load(file, allow_pickle=False).dtype != object


def test_an_array_of_python_objects_is_refused(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Odd:
        things: np.ndarray

    with pytest.raises(ValueError, match="allow_pickle"):
        serial.write(Odd(np.array([{}, []], dtype=object)), tmp_path)


@pytest.mark.parametrize("array", [np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64), np.array(True)])
def test_empty_and_scalar_arrays_keep_their_shape_and_type(tmp_path, array):
    @dataclasses.dataclass(frozen=True)
    class Holder:
        values: np.ndarray

    again = serial.read(Holder, tmp_path, serial.write(Holder(array), tmp_path)).values
    assert again.shape == array.shape and again.dtype == array.dtype


def test_artifacts_refuse_arrays_of_the_wrong_shape_or_type():
    images = np.zeros((2, 3, 8, 8), np.uint8)
    with pytest.raises(Exception, match="labels"):
        artifacts.Split(images, np.zeros(3, np.int64))
    with pytest.raises(Exception, match="images"):
        artifacts.Split(images.astype(np.float32), np.zeros(2, np.int64))


@pytest.mark.parametrize(("mapped_from", "kind"), [(0, np.memmap), (10**9, np.ndarray)])
def test_small_arrays_are_copied_and_large_ones_mapped_and_neither_can_be_changed(
    tmp_path, monkeypatch, mapped_from, kind
):
    @dataclasses.dataclass(frozen=True)
    class Holder:
        values: np.ndarray

    monkeypatch.setattr(serial, "MAPPED", mapped_from)
    again = serial.read(Holder, tmp_path, serial.write(Holder(np.arange(5)), tmp_path)).values
    assert type(again) is kind and again.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 7


def test_the_size_of_a_result_is_that_of_its_files_without_their_headers(tiny, tmp_path):
    plain = serial.write(tiny.scores.value, tmp_path)
    files = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert plain and 0 <= files - serial.size(tiny.scores.value) < 4096
