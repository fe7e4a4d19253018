"""A result is computed once, kept whole or not at all, and never trusted when it was altered."""

import json
import shutil
import subprocess
import sys
import time
import weakref
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core import runs, stages
from core.device import use
from core.pipeline import plan
from core.store import KEPT_OPEN, ArtifactDamaged, Stage, Store

PROBE = """
import pathlib, sys, time
from dataclasses import dataclass
import numpy as np
from core.store import Stage, Store

@dataclass(frozen=True)
class Number:
    digits: np.ndarray
    label: str

def slow(log, pause):
    with open(log, "a") as file:
        file.write("computed\\n")
    time.sleep(pause)
    return Number(np.arange(3), "three")

def artifact(root, log, pause):
    return Store(pathlib.Path(root)).step(Stage("probe:slow", Number), log, pause)

if __name__ == "__main__":
    root, log, pause = sys.argv[1:]
    sys.modules["probe"] = sys.modules["__main__"]
    print(artifact(root, log, float(pause)).value.label)
"""


@dataclass(frozen=True)
class Doubled:
    values: np.ndarray


def double(x: int) -> Doubled:
    return Doubled(np.arange(x) * 2)


def double_of(earlier: Doubled) -> Doubled:
    return Doubled(earlier.values * 2)


DOUBLE, TWICE = Stage(f"{__name__}:double", Doubled), Stage(f"{__name__}:double_of", Doubled)


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """A slow stage that notes each computation, in a module that other processes can run."""
    (tmp_path / "probe.py").write_text(PROBE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "probe", raising=False)
    log = tmp_path / "log"

    def start(pause: float) -> subprocess.Popen:
        arguments = [str(tmp_path / "results"), str(log), str(pause)]
        command = [sys.executable, "-m", "probe", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])

    def kill_while_computing(pause: float) -> None:
        process, deadline = start(pause), time.monotonic() + 20
        while not log.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
        process.communicate()

    return SimpleNamespace(start=start, kill=kill_while_computing, log=log, root=tmp_path / "results")


@pytest.fixture
def copy(tiny, tiny_root, tmp_path):
    """The tiny investigation in a store of one's own."""
    shutil.copytree(tiny_root, tmp_path / "copy")
    return plan(tiny.experiment, Store(tmp_path / "copy"))


def keys(p) -> dict[str, str]:
    single = {
        a.stage.name: a.key for a in (p.dataset, p.poisoning, p.poisoned, p.victim, p.queries, p.changed)
    }
    return single | {"score_pairs": p.scores.key, "evaluate": p.before.key}


def test_the_same_settings_give_the_same_keys(make_experiment, tmp_path):
    one, other = (plan(make_experiment(), Store(tmp_path / name)) for name in ("one", "other"))
    assert keys(one) == keys(other)
    assert all(len(key) == 32 for key in keys(one).values())


FIRST = {"load_dataset", "choose_poisons", "poison"}


@pytest.mark.parametrize(
    ("change", "unchanged"),
    [
        ({"dataset": {"name": "digits", "train_limit": 299}}, set()),
        ({"training": {"seed": 1}}, FIRST),
        ({"transforms": {"seed": 1}}, FIRST | {"train", "affected_queries", "evaluate"}),
        ({"factors": {"seed": 1}}, FIRST | {"train", "affected_queries", "transform_queries", "evaluate"}),
    ],
)
def test_a_changed_setting_changes_only_what_comes_after_it(make_experiment, tmp_path, change, unchanged):
    before, after = (keys(plan(make_experiment(**c), Store(tmp_path))) for c in ({}, change))
    assert {stage for stage in before if before[stage] == after[stage]} == unchanged


def test_keys_do_not_depend_on_the_title_or_the_device(make_experiment, tmp_path):
    plain = keys(plan(make_experiment(), Store(tmp_path)))
    with use("cpu"):
        assert keys(plan(make_experiment(title="another"), Store(tmp_path))) == plain


def test_a_raised_version_gives_a_new_key(tmp_path):
    store = Store(tmp_path)
    newer = Stage(DOUBLE.source, Doubled, version=2)
    assert store.step(DOUBLE, 3).key != store.step(newer, 3).key


def test_a_result_is_kept_and_found_by_another_store_object(tmp_path):
    assert Store(tmp_path).step(DOUBLE, 3).value.values.tolist() == [0, 2, 4]
    found = Store(tmp_path).step(DOUBLE, 3)
    assert found.done
    assert found.meta["stage"] == "double" and found.meta["seconds"] >= 0


def test_what_nobody_holds_leaves_memory_once_enough_else_was_read(tmp_path):
    store = Store(tmp_path)
    held, left = store.step(DOUBLE, 1), store.step(DOUBLE, 2)
    values = [weakref.ref(held.value.values), weakref.ref(left.value.values)]
    del left
    assert store.step(DOUBLE, 2).value.values is values[1]()
    for x in range(KEPT_OPEN):
        assert store.step(DOUBLE, 100 + x).value is not None
    assert values[1]() is None
    assert store.step(DOUBLE, 1).value.values is values[0]()
    assert np.array_equal(store.step(DOUBLE, 2).value.values, [0, 2])


def test_a_stage_that_is_not_kept_writes_nothing(tmp_path):
    cheap = Stage(DOUBLE.source, Doubled, keep=False)
    artifact = Store(tmp_path).step(cheap, 3)
    assert artifact.done and artifact.value.values.tolist() == [0, 2, 4]
    assert not list(tmp_path.rglob("*.npy"))


def test_asking_for_a_result_computes_what_it_needs(tmp_path):
    store = Store(tmp_path)
    first = store.step(DOUBLE, 3)
    assert store.step(TWICE, first).value.values.tolist() == [0, 4, 8]
    assert first.done


def test_a_folder_left_half_written_is_not_mistaken_for_finished(tmp_path):
    artifact = Store(tmp_path).step(DOUBLE, 3)
    part = tmp_path / "double" / f"{artifact.key}.part"
    part.mkdir(parents=True)
    (part / "values.npy").write_bytes(b"half an array")
    assert not artifact.done
    assert artifact.value.values.tolist() == [0, 2, 4]
    assert not part.exists()


def test_a_process_killed_while_computing_leaves_nothing_that_looks_finished(probe):
    probe.kill(pause=1.5)
    assert not list(probe.root.rglob("meta.json"))
    artifact = import_module("probe").artifact(str(probe.root), str(probe.log), 1.5)
    assert not artifact.done
    assert artifact.value.label == "three"  # the dead process's lock holds nobody up
    assert probe.log.read_text() == "computed\n" * 2


def test_two_processes_that_want_the_same_result_compute_it_once(probe):
    running = [probe.start(pause=1) for _ in range(2)]
    assert [process.communicate(timeout=30)[0] for process in running] == ["three\n"] * 2
    assert probe.log.read_text() == "computed\n"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, remove])
def test_a_damaged_file_in_the_own_store_is_computed_again(tmp_path, damage, caplog):
    healthy = Store(tmp_path).step(DOUBLE, 3)
    assert healthy.value.values.tolist() == [0, 2, 4]
    damage(tmp_path / "double" / healthy.key / "values.npy")
    assert Store(tmp_path).step(DOUBLE, 3).value.values.tolist() == [0, 2, 4]
    assert "values.npy" in caplog.text and "computing it again" in caplog.text


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, remove])
def test_a_damaged_file_among_shipped_results_is_refused_and_named_by_a_store_that_reads(tmp_path, damage):
    shipped = Store(tmp_path / "shipped").step(DOUBLE, 3)
    assert shipped.value.values.size == 3
    damage(tmp_path / "shipped" / "double" / shipped.key / "values.npy")
    with pytest.raises(ArtifactDamaged, match=r"values\.npy"):
        _ = Store(tmp_path / "own", shipped=(tmp_path / "shipped",), computes=False).step(DOUBLE, 3).value
    assert not (tmp_path / "own").exists()


def test_a_damaged_shipped_result_stays_and_a_new_one_in_the_own_folder_goes_before_it(tmp_path, caplog):
    shipped = Store(tmp_path / "shipped").step(DOUBLE, 3)
    assert shipped.value.values.size == 3
    file = tmp_path / "shipped" / "double" / shipped.key / "values.npy"
    flip_a_bit(file)
    damaged, roots = file.read_bytes(), {"root": tmp_path / "own", "shipped": (tmp_path / "shipped",)}
    assert Store(**roots).step(DOUBLE, 3).value.values.tolist() == [0, 2, 4]
    assert file.read_bytes() == damaged and "computing it again" in caplog.text
    assert Store(**roots, computes=False).step(DOUBLE, 3).value.values.tolist() == [0, 2, 4]


@pytest.mark.parametrize("stage", ["load_dataset", "train", "fit_factors", "score_pairs", "evaluate"])
def test_an_edited_record_is_noticed(copy, stage, tmp_path):
    artifact = next(a for a in runs.kept(copy) if a.stage.name == stage)
    file = artifact.store.folder(artifact) / "meta.json"
    meta = json.loads(file.read_text())
    file.write_text(json.dumps(meta | {"seconds": meta["seconds"] + 1}))
    shipped = Store(tmp_path / "empty", shipped=(copy.dataset.store.root,), computes=False)
    with pytest.raises(ArtifactDamaged, match=r"meta\.json: was altered"):
        shipped.get(artifact)


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "{}", "null"])
def test_a_record_that_is_not_a_record_is_computed_again(tmp_path, text):
    artifact = Store(tmp_path).step(DOUBLE, 3)
    assert artifact.value.values.size == 3
    (tmp_path / "double" / artifact.key / "meta.json").write_text(text)
    assert Store(tmp_path).step(DOUBLE, 3).value.values.tolist() == [0, 2, 4]


def test_a_result_that_lost_its_record_is_not_finished_and_is_computed_again(tmp_path):
    artifact = Store(tmp_path).step(DOUBLE, 3)
    assert artifact.value.values.size == 3
    (tmp_path / "double" / artifact.key / "meta.json").unlink()
    again = Store(tmp_path).step(DOUBLE, 3)
    assert not again.done
    assert again.value.values.tolist() == [0, 2, 4] and again.done


def test_a_damaged_factor_file_deep_in_its_folder_is_noticed(copy, tmp_path):
    factors = next(a for a in runs.kept(copy) if a.stage is stages.fit_factors)
    deep = sorted((factors.store.folder(factors) / "directory").rglob("lambda_matrix*"))[0]
    flip_a_bit(deep)
    shipped = Store(tmp_path / "empty", shipped=(copy.dataset.store.root,), computes=False)
    with pytest.raises(ArtifactDamaged, match=deep.name):
        shipped.get(factors)


def test_shipped_results_are_found_without_computing_or_writing(tiny, tiny_root, tmp_path):
    p = plan(tiny.experiment, Store(tmp_path / "own", shipped=(tiny_root,)))
    assert runs.missing(p) == []
    assert np.array_equal(p.scores.value.values, tiny.scores.value.values)
    assert not (tmp_path / "own").exists()


def test_a_store_that_only_reads_never_computes_nor_moves_anything(tmp_path):
    reading = Store(tmp_path, computes=False)
    with pytest.raises(FileNotFoundError, match=r"double .* has not been computed yet"):
        _ = reading.step(DOUBLE, 3).value
    written = Store(tmp_path).step(DOUBLE, 3)
    assert written.value.values.size == 3
    assert reading.step(DOUBLE, 3).value.values.tolist() == [0, 2, 4]
    truncate(tmp_path / "double" / written.key / "values.npy")
    with pytest.raises(ArtifactDamaged, match=r"values\.npy"):
        _ = Store(tmp_path, computes=False).step(DOUBLE, 3).value
    assert [folder.name for folder in (tmp_path / "double").iterdir()] == [written.key]
