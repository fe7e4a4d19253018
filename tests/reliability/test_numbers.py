"""NaN, infinity, vanished gradients and full memory: each ends in words that help, and nothing unsound is kept."""

import dataclasses
import json
import shutil
import signal

import numpy as np
import pytest
import torch
from reliability import unsound
from reliability.unsound import brought, ends, everywhere, experiment, planned, somewhere, surer

from core import beforehand, device, integrity, memory, runs, soundness
from core.artifacts import TrainedModel
from core.jobs.executors import Ended
from core.jobs.kinds import resolve
from core.jobs.watching import death
from core.store import Store


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path / "data"))
    unsound.folder(tmp_path / "data", "noise")
    return tmp_path / "data"


def test_training_that_explodes_is_not_kept_and_says_what_to_lower(data, tmp_path):
    wild = experiment(training={"learning_rate": 10, "momentum": 0.99, "weight_decay": 1, "epochs": 30})
    p = planned(wild, tmp_path / "s")
    assert ends(lambda: runs.complete(p), "lower training.learning_rate", root=tmp_path / "s") == ""
    assert not p.victim.done


@pytest.mark.parametrize("setting", [{"learning_rate": float("inf")}, {"learning_rate": float("nan")}])
def test_settings_that_are_no_numbers_are_refused(setting):
    with pytest.raises(ValueError, match="learning_rate"):
        experiment(training=setting)
    with pytest.raises(ValueError, match="damping"):
        experiment(scores={"damping": float("inf")})


def test_scores_that_overflow_say_what_to_raise(tiny, tmp_path):
    shutil.copytree(tiny.dataset.store.root, tmp_path / "s")
    x = tiny.experiment.changed(scores={"damping": 1e-45})
    p = runs.plan(x, Store(tmp_path / "s"))
    assert ends(lambda: p.scores.value, "raise scores.damping", root=tmp_path / "s" / "score_pairs") == ""


def test_images_that_are_all_the_same_are_refused(data, tmp_path):
    same = unsound.folder(data, "same", lambda label, number: np.full((32, 32, 3), 9, np.uint8))
    p = planned(experiment(dataset=same), tmp_path / "s")
    assert (
        ends(lambda: runs.complete(p), "images=19", "same pixels", "check the files", root=tmp_path / "s")
        == ""
    )


@pytest.fixture(scope="module")
def victim(tmp_path_factory):
    """A sound victim of the noise."""
    place = tmp_path_factory.mktemp("victim")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_DATA", str(place))
        patch.setenv("INFLUENCE_STORE", str(place / "store"))
        unsound.folder(place, "noise")
        return planned(experiment(training={"epochs": 12}), place / "store").victim.value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_brought_weights_that_are_not_finite_stay_outside(data, tmp_path, victim: TrainedModel, value):
    x = brought(victim, somewhere(value), tmp_path / "w.safetensors")
    told = ends(lambda: runs.resolved(x), "holds NaN, infinity", "an earlier epoch", root=tmp_path)
    assert told == ""


def test_brought_weights_that_are_far_too_large_end_before_any_score(data, tmp_path, victim: TrainedModel):
    p = planned(brought(victim, everywhere(1e30), tmp_path / "w.safetensors"), tmp_path / "s")
    assert ends(lambda: p.scores.value, "NaN or infinite", "earlier epoch", root=tmp_path / "s") == ""


def test_a_victim_without_any_gradient_left_is_told_apart_from_one_without_poisons(data, tmp_path, victim):
    p = planned(brought(victim, surer(1e9), tmp_path / "w.safetensors"), tmp_path / "s")
    assert p.victim.value.train_accuracy == 1
    assert ends(lambda: p.scores.value, "every score of 1 picked images is 0", root=tmp_path / "s") == ""


def test_a_training_set_of_two_images_and_a_batch_of_one_are_no_trouble(data, tmp_path, victim):
    two = brought(victim, surer(1), tmp_path / "w.safetensors", dataset=unsound.folder(data, "two", n=2))
    p = planned(two, tmp_path / "s")
    assert p.scores.value.values.shape[1] == 2 and not unsound.unsound_in(tmp_path / "s")
    with pytest.raises(ValueError, match=r"training\.batch_size"):
        experiment(training={"batch_size": 1})


def spoiled(value):
    """Every way to make one number of a result NaN."""
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if isinstance(item, np.ndarray) and item.dtype.kind == "f" and item.size:
            yield dataclasses.replace(value, **{field.name: with_nan(item)})
        elif isinstance(item, dict):
            bad = {name: with_nan(w) if w.dtype.kind == "f" and w.size else w for name, w in item.items()}
            yield dataclasses.replace(value, **{field.name: bad})
        elif isinstance(item, float) and field.name != "seconds":
            yield dataclasses.replace(value, **{field.name: float("nan")})


def with_nan(array: np.ndarray) -> np.ndarray:
    found = np.array(array)
    found.flat[found.size // 2] = np.nan
    return found


def test_every_kind_of_result_is_refused_with_one_nan_in_it(tiny):
    tried = 0
    for artifact in runs.kept(tiny):
        for bad in spoiled(artifact.value):
            with pytest.raises(soundness.Unsound, match="nothing was kept"):
                soundness.check(bad, artifact.stage.name)
            tried += 1
    assert tried > 20


def test_every_stage_says_what_a_sound_result_is():
    assert {stage.returns for stage in unsound.STAGES.values()} <= set(soundness.RULES)


def test_where_memory_is_short_prediction_goes_on_in_smaller_batches_and_training_stops():
    done = unsound.child(unsound.TIGHT)
    assert done.returncode == 0, done.stderr
    assert "memory ran out with 512 images at a time; going on with 256" in done.stderr
    assert "refused: train: memory ran out" in done.stdout and "Lower training.batch_size" in done.stdout
    assert float(done.stdout.split()[-1]) < 1e-6


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("could not create a primitive"),
        RuntimeError("could not create a memory object"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("std::bad_alloc"),
        OSError(12, "Cannot allocate memory"),
        ImportError("libgomp.so.1: failed to map segment from shared object"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_every_library_s_words_for_no_memory_end_in_the_setting_to_lower(error):
    def work() -> None:
        raise error

    with pytest.raises(memory.OutOfMemory, match=r"score_pairs: memory ran out .* Lower queries\.count"):
        soundness.made("score_pairs", work)
    with pytest.raises(ValueError, match="no memory error"):
        soundness.made("score_pairs", lambda: (_ for _ in ()).throw(ValueError("no memory error")).send(None))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT])
def test_a_worker_that_a_library_ended_for_want_of_memory_is_told_with_what_to_lower(number):
    told = death(Ended(-number))
    assert f"signal {int(number)}: often memory ran out" in told and "lower queries.count" in told


def test_pieces_are_halved_down_to_one_and_other_errors_go_through():
    seen = []

    def work(rows: slice) -> int:
        seen.append(rows.stop - rows.start)
        if rows.stop - rows.start > 2:
            raise MemoryError
        return rows.stop

    assert list(memory.Pieces(16, "things").each(7, work)) == [1, 2, 3, 4, 5, 6, 7]
    assert seen == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    with pytest.raises(MemoryError):
        list(memory.Pieces(4, "things").each(1, lambda rows: (_ for _ in ()).throw(MemoryError)))
    with pytest.raises(KeyError):
        list(memory.Pieces(4, "things").each(4, lambda rows: {}[rows.stop]))


def test_a_job_for_a_gpu_that_is_not_there_names_the_way_out(data):
    x = experiment()
    with pytest.raises(device.NoCuda, match="use --device auto or cpu") as raised:
        resolve("run")({"experiment": x.model_dump(mode="json"), "options": {"device": "cuda"}})
    assert beforehand.way_out(f"NoCuda: {raised.value}") == ("Run it on the CPU", {"device": "cpu"})
    assert not list(runs.open_store().root.glob("load_dataset/*"))


def test_a_case_begun_on_a_gpu_is_continued_on_the_cpu_only_with_a_word(data, tmp_path):
    p = planned(experiment(), tmp_path / "s")
    with device.use("cpu"):
        _ = p.dataset.value
    record = p.dataset.store.find(p.dataset) / integrity.RECORD
    told = {k: v for k, v in integrity.record(record.parent).items() if k != "seal"}
    record.write_text(json.dumps(integrity.sealed(told | {"hardware": "NVIDIA H100 80GB HBM3"})))
    with device.use("auto"):
        assert "begun on NVIDIA H100" in "".join(beforehand.remarks(p))
    with device.use("cpu"):
        assert beforehand.remarks(p) == []
