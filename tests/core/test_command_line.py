"""The command line: one JSON object where asked for, figures that agree, errors in one line."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core import paths, registry, runs, sets
from core.__main__ import main
from core.artifacts import CONTROL
from core.experiment import Experiment
from core.picks import uploads
from core.pipeline import plan
from core.store import Store

ROOT = Path(__file__).parents[2]
GRADES = {
    "flagged", "true_positives", "true_positive_rate", "precision", "false_positive_rate", "f1",
    "precision_in_target_label", "average_precision", "average_precision_in_target_label", "base_rate",
    "base_rate_in_target_label",
}  # fmt: skip


@pytest.fixture
def command(capsys):
    """Runs a command in this process: its exit code, standard output and standard error."""

    def run(*arguments: object) -> SimpleNamespace:
        capsys.readouterr()
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


@pytest.fixture
def finished(tiny_toml, tiny_root) -> list[object]:
    """Arguments that name the finished tiny case and its store."""
    return [tiny_toml, "--store", tiny_root]


def test_a_named_store_holds_everything_that_the_dashboard_keeps_beside_the_results(command, tmp_path):
    assert command("list", "runs", "--store", tmp_path / "another").code == 0
    places = sets.folder(), uploads(), paths.store_root()
    assert places == tuple(tmp_path / "another" / part for part in ("sets", "uploads", ""))


def test_run_prints_one_json_object_and_nothing_else(command, finished, tiny):
    result = command("run", *finished, "--json")
    figures = json.loads(result.out)
    assert result.code == 0 and result.out.count("\n") == 1
    assert list(figures) == ["victim", "detections", "unlearning", "seconds", "provenance"]
    assert set(figures["victim"]) == {"test_accuracy", "poison_success_rate", "train_loss"}
    assert set(figures["detections"]) == {"delta_influence", "influence_threshold"}
    assert all(set(graded) == GRADES for graded in figures["detections"].values())
    assert set(figures["unlearning"]) == {"delta_influence/exact", "delta_influence/catastrophic_forgetting"}
    after = figures["unlearning"]["delta_influence/exact"]
    assert set(after) == {"test_accuracy", "poison_success_rate", "seconds"}
    assert {"train", "fit_factors", "score_pairs"} <= set(figures["seconds"])
    assert figures == runs.summary(tiny)


def test_a_second_run_says_that_there_is_nothing_to_do(command, finished):
    result = command("run", *finished)
    assert result.code == 0 and "everything was computed before; nothing to do" in result.err
    assert "true positive rate" in " ".join(result.out.split()) and "victim" in result.out


def test_a_real_process_computes_records_and_prints_json(make_experiment, tmp_path):
    file = tmp_path / "quick.toml"
    file.write_text(make_experiment(unlearners=[], transforms={"n_transforms": 2}).to_toml())
    arguments = ["run", file, "--set", "queries.count=1", "--device", "cpu", "--json"]
    environment = os.environ | {"INFLUENCE_STORE": str(tmp_path / "store")}
    result = subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["detections"]["delta_influence"]["flagged"] > 0
    told = result.stderr.splitlines()
    assert told[-1] == "computed 11 results" and all(line.startswith("· ") for line in told[:-1])
    assert len(runs.all_runs(Store(tmp_path / "store"))) == 1


def test_plan_names_every_step_and_what_is_done(command, finished, tiny):
    steps = json.loads(command("plan", *finished, "--json").out)
    assert {(s["stage"], s["key"]) for s in steps} == {(a.stage.name, a.key) for a in runs.kept(tiny)}
    assert all(step["done"] for step in steps)


def test_plan_forecasts_the_cost_of_what_is_left_without_computing_it(command, finished, tiny_root):
    steps = json.loads(command("plan", *finished, "--set", "training.epochs=40", "--json").out)
    left = {step["stage"]: step for step in steps if not step["done"]}
    assert {"train", "fit_factors", "score_pairs"} <= set(left)
    assert all(
        step["seconds"] > 0 and step["memory_mb"] > 0 and step["disk_mb"] > 0 for step in left.values()
    )
    assert not (tiny_root / "train" / left["train"]["key"]).exists()


def test_plan_of_an_empty_store_knows_no_cost(command, tiny_toml, store_root):
    steps = json.loads(command("plan", tiny_toml, "--json").out)
    assert not any(step["done"] or step["seconds"] for step in steps)
    assert not store_root.exists()


@pytest.mark.parametrize("family", ["datasets", "models", "attacks", "transforms", "detectors", "unlearners"])
def test_list_shows_every_method_with_its_settings(command, family):
    shown = command("list", family).out
    for name, method in registry.members(family).items():
        assert name in shown and method.title in shown
        assert all(f"    {setting} = " in shown for setting in method.model_fields)


def test_list_runs_shows_state_and_title(command, tiny, tiny_root, tmp_path):
    shutil.copytree(tiny_root, tmp_path / "copy")
    recorded = runs.record(tiny.experiment, Store(tmp_path / "copy"))
    shown = command("list", "runs", "--store", tmp_path / "copy").out
    assert f"{recorded.id}  complete" in shown and "tiny" in shown


def test_detect_writes_the_flagged_rows_and_grades_them(command, finished, tiny, tmp_path):
    rule = ["--threshold", "-2.5", "--tolerance", "3", "--query", "1"]
    figures = json.loads(command("detect", *finished, *rule, "--out", tmp_path / "rows.npy", "--json").out)
    rows = np.load(tmp_path / "rows.npy", allow_pickle=False)
    votes = (tiny.scores.value.delta(1) < -2.5).sum(0)
    assert np.array_equal(rows, np.flatnonzero(votes >= 8 - 3))
    assert figures["flagged"] == len(rows) and set(figures) == GRADES


def test_grade_needs_only_two_files(command, tmp_path):
    np.save(tmp_path / "flagged.npy", np.array([1, 2, 3, 9]))
    np.save(tmp_path / "truth.npy", np.array([2, 3, 4]))
    arguments = [tmp_path / "flagged.npy", "--truth", tmp_path / "truth.npy", "--train-size", 10]
    figures = json.loads(command("grade", *arguments, "--json").out)
    assert (figures["true_positive_rate"], figures["precision"]) == pytest.approx((2 / 3, 0.5))
    assert "precision" in command("grade", *arguments).out


@pytest.fixture(scope="module")
def threshold(tiny) -> float:
    """A change of influence that six digits cannot express: rounded up it would flag one image more."""
    changes = np.sort(tiny.scores.value.delta(), axis=0)[5].tolist()
    return next(c for c in sorted(changes) if c < 0 and np.float32(f"{c:.6g}") > c)


@pytest.fixture
def exported(command, finished, tmp_path, threshold) -> Path:
    """An export of the tiny case."""
    folder = tmp_path / "exports" / "one"
    result = command("export", *finished, "--out", folder, "--threshold", repr(threshold), "--tolerance", 2)
    assert result.code == 0, result.err
    assert {Path(line).name for line in result.out.split()} == {p.name for p in folder.iterdir()}
    return folder


def test_an_export_holds_the_flags_in_every_form(exported, tiny, threshold):
    flagged = (tiny.scores.value.delta() < threshold).sum(0) >= 6
    assert np.array_equal(np.load(exported / "flagged_indices.npy"), np.flatnonzero(flagged))
    assert np.array_equal(np.load(exported / "keep_mask.npy"), ~flagged)
    lines = (exported / "flags.csv").read_text().splitlines()
    assert lines[0] == "index,label,class_name,votes,transforms,deciding_change,confidence,influence"
    about = json.loads((exported / "flags.json").read_text())
    assert [int(line.split(",")[0]) for line in lines[1:]] == [flag["index"] for flag in about["flags"]]
    assert {flag["index"] for flag in about["flags"]} == set(np.flatnonzero(flagged))
    assert all(flag["votes"] >= 6 and flag["deciding_change"] < threshold for flag in about["flags"])
    assert about["train_size"] == 300 and "provenance" in about


def test_exported_scores_can_be_judged_by_other_tools(exported, tiny):
    scores = np.load(exported / "scores.npz", allow_pickle=False)
    assert set(scores) == {
        "values", "query_ids", "query_labels", "query_parent", "transform", "train_labels", "poison_indices",
    }  # fmt: skip
    assert np.array_equal(scores["values"], tiny.scores.value.values)
    assert len(scores["query_ids"]) == len(scores["transform"]) == len(scores["values"])
    assert (scores["query_parent"] >= CONTROL).all() and (scores["query_parent"] == CONTROL).sum() == len(
        tiny.controls.value
    )
    assert np.array_equal(scores["poison_indices"], tiny.poisoning.value.indices)
    assert np.array_equal(scores["train_labels"], tiny.poisoned.value.train.labels)


def test_the_exported_command_finds_the_same_set_again(exported, command, tiny_root, monkeypatch):
    monkeypatch.chdir(exported)
    text = json.loads(Path("flags.json").read_text())["command"]
    assert text.startswith("python -m core detect experiment.toml ")
    assert command(*shlex.split(text)[3:], "--store", tiny_root, "--out", "again.npy").code == 0
    assert Path("again.npy").read_bytes() == Path("flagged_indices.npy").read_bytes()


def test_the_exported_experiment_is_the_same_run(exported, tiny, tiny_root):
    again = Experiment.from_toml(exported / "experiment.toml")
    assert runs.state(plan(again, Store(tiny_root))) == "complete"
    assert runs.identifier(again) == runs.identifier(tiny.experiment)


def test_a_class_named_like_a_formula_is_harmless_in_a_spreadsheet():
    from core.export import safe_cell

    assert [safe_cell(t) for t in ("=1+1", "+x", "-x", "@x", "dog")] == ["'=1+1", "'+x", "'-x", "'@x", "dog"]


def test_doctor_examines_the_machine(command):
    result = command("doctor", "--json")
    found = {check["name"]: check for check in json.loads(result.out)}
    assert {"torch", "imports", "device", "store", "disk", "dataset digits"} <= set(found)
    assert all(check["remedy"] for check in found.values() if check["level"] == "error")
    assert result.code == (1 if any(check["level"] == "error" for check in found.values()) else 0)


def test_doctor_says_what_to_do_about_a_store_that_cannot_be_written(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INFLUENCE_STORE", str(tmp_path / "file" / "store"))
    result = command("doctor", "--json")
    store = next(check for check in json.loads(result.out) if check["name"] == "store")
    assert result.code == 1 and store["level"] == "error" and "INFLUENCE_STORE" in store["remedy"]


BAD = {
    "text.npy": b"hello",
    "empty.npy": b"",
    "floats.npy": np.array([0.5]),
    "twice.npy": np.array([1, 1]),
    "beyond.npy": np.array([10]),
    "objects.npy": np.array([{}], dtype=object),
}


@pytest.mark.parametrize("name", [*BAD, "nosuch.npy", "folder"])
def test_rows_that_cannot_be_read_are_one_clear_message(command, tmp_path, name):
    for file, content in BAD.items():
        if isinstance(content, bytes):
            (tmp_path / file).write_bytes(content)
        else:
            np.save(tmp_path / file, content, allow_pickle=True)
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "truth.npy", np.array([1]))
    result = command("grade", tmp_path / name, "--truth", tmp_path / "truth.npy", "--train-size", 10)
    assert result.code == 1 and result.out == ""
    assert result.err.startswith("error: ") and result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nosuch"], "no such file, and no preset of that name"),
        (["run", "digits-badnet", "--set", "training.epochs=0"], "training.epochs=0: expected greater"),
        (["run", "digits-badnet", "--set", "attack.n_poisons=9999"], "class '7' has"),
        (["plan", "digits-badnet", "--set", "epochs"], "expected key=value"),
        (["list", "things"], "unknown list 'things'; choose from"),
        (["detect", "TINY", "--tolerance", "8"], "tolerance=8: expected 0 to 7 of 8 changes"),
        (
            ["detect", "TINY", "--tolerance", "-1"],
            "error: tolerance=-1: expected greater than or equal to 0\n",
        ),
        (
            ["detect", "TINY", "--threshold", "nan"],
            "error: threshold=nan: expected a number of at most 3.4e+38; correct it\n",
        ),
        (["detect", "TINY", "--query", "2"], "query=2: expected a picked test image from 0 to 1"),
        (["detect", "TINY", "--out", "/nosuch/folder/rows.npy"], "/nosuch/folder/rows.npy"),
    ],
)
def test_a_mistake_is_one_clear_message_and_exit_code_one(command, finished, arguments, message):
    given = [part for a in arguments for part in (finished if a == "TINY" else [a])]
    result = command(*given)
    assert result.code == 1 and message in result.err
    assert "error: " in result.err and "Traceback" not in result.err and result.out == ""


def test_a_damaged_shipped_result_is_named_and_computed_again_beside_it(
    command, tiny_toml, tiny_root, tmp_path, monkeypatch, tiny, caplog
):
    shipped = shutil.copytree(tiny_root, tmp_path / "shipped")
    (shipped / "evaluate" / tiny.before.key / "confusion.npy").write_bytes(b"")
    monkeypatch.setattr("core.paths.SHIPPED", shipped)
    result = command("run", tiny_toml)
    assert result.code == 0 and "confusion.npy" in caplog.text and "Traceback" not in result.err
    assert not (shipped / "evaluate" / tiny.before.key / "confusion.npy").read_bytes()


def test_a_real_process_ends_a_mistake_without_a_traceback():
    command = [sys.executable, "-m", "core", "run", "nosuch"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: nosuch: no such file") and len(result.stderr.splitlines()) == 1
