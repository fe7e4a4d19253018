"""The benchmark of the influence engine measures what it says, keeps what it measured, and fails where engines differ."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from core import device, progress, runs
from core.__main__ import app
from core.bench_influence import gates, measure, table
from core.bench_influence.jobs import ENGINES, Job, jobs
from core.documents import docs_influence
from core.experiment import Experiment


def run(place: SimpleNamespace) -> SimpleNamespace:
    told = ["--experiment", place.toml, "--store", place.store, "--out", place.out]
    options = ["--device", "cpu", "--repeats", "1", "--passes", "3", "--no-bf16"]
    done = CliRunner().invoke(app, ["bench", "influence", *options, *map(str, told)])
    file = place.out / "influence-cpu-300.json"
    return SimpleNamespace(code=done.exit_code, out=done.output, record=json.loads(file.read_text()))


@pytest.fixture(scope="module")
def place(make_experiment, tiny_root, tmp_path_factory) -> SimpleNamespace:
    """The tiny case, with a damping that rounding does not show in."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(tiny_root, folder / "store")
    (folder / "case.toml").write_text(make_experiment(scores={"damping": 1e-2}).to_toml())
    return SimpleNamespace(toml=folder / "case.toml", store=folder / "store", out=folder / "out")


@pytest.fixture(scope="module")
def measured(place) -> SimpleNamespace:
    """The whole command, run once."""
    return run(place)


def test_engines_agree_and_the_record_says_so(measured):
    assert measured.code == 0, measured.out
    assert measured.record["broken"] == [] and len(measured.record["gates"]) == 7
    assert all(gate["passed"] for gate in measured.record["gates"])


def test_passes_over_the_images_are_counted(measured):
    assert measured.record["passes"] == {
        "factors": {"published": 2, "best": 2, "ours": 2},
        "first image": {"published": 9, "best": 1, "ours": 1},
        "second image": {"published": 9, "best": 1, "ours": 0},
    }


def test_seconds_come_with_their_number_and_range_and_extrapolated_ones_are_marked(measured):
    seconds = measured.record["seconds"]
    assert set(table.ROWS) < set(seconds)
    assert all(
        told["n"] == 1 and 0 < told["min"] <= told["median"] <= told["max"]
        for row in seconds.values()
        for told in row.values()
    )
    parts = sum(seconds[phase]["ours"]["median"] for phase in ("covariance", "eigenvectors", "eigenvalues"))
    assert parts < seconds["factors"]["ours"]["median"] < seconds["in all"]["ours"]["median"]
    assert measured.record["extrapolated"] == ["3 of 9 queries"]
    assert "†" in next(line for line in measured.out.splitlines() if line.startswith("| **in all** |"))


def test_memory_is_a_peak_of_a_process_of_its_own(measured):
    for group in ("factors", "scores"):
        for engine in ("published", "best", "ours"):
            peak = measured.record["memory"][group][engine]["median"]
            above = measured.record["memory"][f"{group}, above the start"][engine]["median"]
            assert 0 < above < peak < 2e9


def test_flags_are_judged_beside_the_base_rate(measured):
    rows = measured.record["detection"]
    assert [(r["engine"], r["scores"]) for r in rows] == [
        ("best", "scores"), ("ours", "scores"), ("ours", "same_factors"), ("ours", "session"),
    ]  # fmt: skip
    assert all(r["base_rate"] == pytest.approx(25 / 300) and r["base_rate_in_target_label"] for r in rows)
    assert len({r["true_positive_rate"] for r in rows}) == 1


def test_a_readme_table_comes_from_the_record(measured, place):
    lines = docs_influence.influence(place.out)
    assert lines[0].startswith("**300 images of digits, resnet9 of width 4, 9 queries an image**")
    assert sum(line.endswith("| holds |") for line in lines) == 7
    assert docs_influence.influence(place.out / "nothing") == ["Nothing has been measured yet."]


def test_a_finished_job_is_kept_and_scores_that_differ_break_the_benchmark(measured, place, tmp_path):
    broken = SimpleNamespace(toml=place.toml, store=tmp_path / "store", out=tmp_path / "out")
    shutil.copytree(place.store, broken.store)
    kept = next((place.store / "bench-influence").iterdir())
    again = run(place)
    assert again.code == 0 and again.record["seconds"] == measured.record["seconds"]
    scores = kept / "ours-same_factors-0" / "scores.npy"
    values = np.load(scores)
    np.save(scores, values + np.random.default_rng(0).normal(0, values.std(), values.shape).astype("f4"))
    failed = run(place)
    assert failed.code == 1
    assert failed.record["broken"] == [
        "same factors: error of the changes, 99 of 100 images", "same factors: overlap of flags",
    ]  # fmt: skip
    assert all(f"BROKEN: {name}" in failed.out for name in failed.record["broken"])


class Impatient(progress.Silence):
    """Cancels at the first step of a plain pass."""

    def update(self, phase: str, done: int, total: int | None) -> None:
        if phase == "plain pass":
            raise progress.Cancelled


def test_cancelling_stops_the_process_and_leaves_no_half_result(measured, place):
    x = Experiment.from_toml(place.toml)
    wanted = measure.Wanted(runs.resolved(x), place.store, repeats=2, published=1, passes=3, bf16=False)
    with device.use("cpu"), progress.reporting(Impatient()), pytest.raises(progress.Cancelled):
        list(measure.measure(wanted))
    assert (wanted.folder / "ours-session-0" / "result.json").exists()  # kept from before
    assert "stopped" in (wanted.folder / "plain-yardstick-1" / "log").read_text()
    assert not (wanted.folder / "plain-yardstick-1" / "result.json").exists()


def drawn(seed: int, shift: float = 0.0) -> np.ndarray:
    """Scores whose flags are the first 20 of 100 images; `shift` of these are not."""
    values = np.random.default_rng(seed).normal(5, 1, (9, 100)).astype(np.float32)
    values[1:] += 20
    values[1:, round(shift * 20) : 20] -= 40
    return values


def test_a_changed_score_a_lost_flag_and_a_wrong_layer_each_break_a_gate():
    right = drawn(0)
    assert all(gate.passed for gate in gates.same_factors(right, right * (1 + 1e-5), right))
    wrong = [g.passed for g in gates.same_factors(right, right + 0.5 * drawn(1) / 5, drawn(0, 0.05))]
    assert wrong == [False, True, False]
    assert [g.passed for g in gates.same_labels({"eigenvalues": [1e-5, 1e-5, 0.5]})] == [True, False]
    assert not gates.Gate("not a number", float("nan"), 1, True).passed


def test_own_factors_have_to_agree_as_well_as_kronfluence_with_itself():
    kronfluence = {0: drawn(0), 1: drawn(0, 0.5)}
    assert gates.own_factors(kronfluence, kronfluence, "ours").passed
    assert not gates.own_factors(kronfluence, {0: drawn(0), 1: drawn(0, 0.9)}, "ours").passed
    assert gates.own_factors({0: drawn(0)}, {0: drawn(0)}, "ours") is None


def test_engines_take_turns_and_each_repeat_has_its_own_seed():
    order = [(job.engine, job.seed) for job in jobs(3, 1, 5, bf16=False) if job.group == "factors"]
    assert order == [("published", 0), *((e, s) for s in range(3) for e in ("best", "ours"))]
    assert Job("ours", "scores", 2).factors == "ours-factors-2"
    assert Job("ours", "session", 2).factors == Job("published", "scores", 2).factors == "best-factors-2"
    assert set(ENGINES) == {"published", "best", "best_bf16", "ours", "ours_bf16"}
