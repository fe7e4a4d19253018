"""The whole method on a small case: it ends, it is not repeated, and naming its results is quick."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import progress, runs, stages
from core.pipeline import plan
from core.store import Store

HEAVY = ("torch", "torchvision", "kronfluence", "sklearn", "streamlit", "plotly")
PLAN_EVERY_PRESET = """
import json, sys, time
import core.pipeline, core.runs, core.collapse, core.metrics, core.experiment, core.jobs, core.export, core.store
import core.cases
from core import paths
seconds = {}
for preset in sorted(paths.EXPERIMENTS.glob("*.toml")):
    started = time.process_time()
    p = core.pipeline.plan(core.experiment.Experiment.from_toml(preset), core.runs.open_store())
    keys = [a.key for a in core.runs.missing(p)]
    seconds[preset.stem] = time.process_time() - started
print(json.dumps({"seconds": seconds, "modules": [m for m in sys.modules if "." not in m]}))
"""


class Stages(progress.Silence):
    """Notes which stages begin."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def stage(self, name: str) -> None:
        self.begun.append(name)


@pytest.fixture
def copy(tiny, tiny_root, tmp_path):
    """The tiny investigation in a store of one's own."""
    shutil.copytree(tiny_root, tmp_path / "copy")
    return plan(tiny.experiment, Store(tmp_path / "copy"))


def test_an_investigation_takes_seconds(tiny):
    assert sum(runs.seconds(tiny).values()) < 30


def test_a_finished_investigation_has_every_result_and_its_figures(tiny):
    assert runs.missing(tiny) == [] and runs.state(tiny) == "complete"
    assert set(tiny.after) == {"delta_influence/exact", "delta_influence/catastrophic_forgetting"}
    figures = runs.summary(tiny)
    assert figures["victim"]["test_accuracy"] > 0.6 and figures["victim"]["poison_success_rate"] > 0.8
    assert json.loads(json.dumps(figures)) == figures


def test_the_second_run_computes_nothing(copy):
    listener = Stages()
    with progress.reporting(listener):
        assert runs.complete(copy) == []
    assert listener.begun == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"detectors": [{"name": "delta_influence", "threshold": -3.0}], "unlearners": []}, ["detect"]),
        ({"unlearners": [{"name": "catastrophic_forgetting", "epochs": 1}]}, ["unlearn", "evaluate"]),
        ({"scores": {"damping": "heuristic"}, "unlearners": []}, ["score_pairs", "detect", "detect"]),
        (
            {"transforms": {"n_transforms": 2}, "unlearners": []},
            ["transform_queries", "score_pairs", "detect", "detect"],
        ),
    ],
)
def test_a_changed_setting_computes_only_what_depends_on_it(copy, make_experiment, change, expected):
    listener = Stages()
    with progress.reporting(listener):
        runs.complete(plan(make_experiment(**change), copy.dataset.store))
    assert listener.begun == expected


def test_a_lost_result_is_the_only_one_computed_again_and_comes_out_the_same(copy, tiny):
    shutil.rmtree(copy.scores.store.folder(copy.scores))
    assert [a.stage for a in runs.complete(copy)] == [stages.score_pairs]
    one, other = copy.scores.value.values, tiny.scores.value.values
    assert np.abs(one - other).max() < 0.01 * np.abs(other).max()


def test_every_unlearner_follows_every_detector_asked_for(make_experiment, tmp_path):
    both = make_experiment(unlearn_after=["influence_threshold", "delta_influence"])
    names = [f"{d}/{u}" for d in both.unlearn_after for u in ("exact", "catastrophic_forgetting")]
    assert list(plan(both, Store(tmp_path)).after) == names
    assert plan(make_experiment(unlearn_after=[]), Store(tmp_path)).after == {}
    assert plan(make_experiment(unlearners=[]), Store(tmp_path)).cleaned == {}


def test_only_the_attacker_and_the_examiner_know_the_truth(tiny):
    informed = {
        a.stage
        for a in (*runs.kept(tiny), tiny.poisoned, *tiny.detections.values())
        if tiny.poisoning in a.inputs
    }
    assert informed == {stages.poison, stages.affected_queries, stages.evaluate}


def test_the_progress_of_a_run_reaches_its_total(make_experiment, tmp_path):
    seen: dict[str, tuple[int, int | None]] = {}

    class Last(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            seen[phase] = (done, total)

    quick = make_experiment(
        training={"epochs": 4, "learning_rate": 0.05}, transforms={"n_transforms": 1}, unlearners=[]
    )
    p = plan(quick, Store(tmp_path))
    with progress.reporting(Last()):
        _ = p.victim.value
    assert seen["training step"] == (40, 40)
    assert all(done == total for done, total in seen.values())


@pytest.fixture(scope="module")
def planned() -> dict:
    """What a fresh process says after planning every preset."""
    result = subprocess.run(
        [sys.executable, "-c", PLAN_EVERY_PRESET],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return json.loads(result.stdout)


def test_planning_needs_no_heavy_library(planned):
    assert not set(HEAVY) & set(planned["modules"])


def test_planning_a_preset_takes_less_than_half_a_second(planned):
    assert len(planned["seconds"]) >= 4
    assert max(planned["seconds"].values()) < 0.5
