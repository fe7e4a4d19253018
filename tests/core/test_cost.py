"""The forecast grows with what is asked, counts every part of the memory, and names the setting that fits."""

import time
from dataclasses import replace

import numpy as np
import pytest

from core import cost, room
from core.influence import forecast, probe
from core.models.resnet9 import ResNet9
from core.pipeline import plan
from core.room import Asked, Room
from core.runs import kept

RATES = probe.Rates(train=1e10, covariance=2e10, eigenvalues=3e10, scores=4e10, eigen=1e-9)
PLENTY = Room(memory=1e12, disk=1e12, workers=2)


@pytest.fixture(scope="module")
def asked() -> Asked:
    """CIFAR-10-sized questions to a ResNet-9 of width 16."""
    parts = forecast.layers(ResNet9(width=16), (3, 32, 32), 10)
    return Asked(parts, [1200] * 10, 12_000 * 3072, picks=4, per_pick=51, controls=24, fitted=12_000)


def seconds(a: Asked, r: Room = PLENTY) -> dict[str, float]:
    return cost.influence_seconds(a, RATES, r)


def test_operations_are_those_of_the_specification(asked):
    each = forecast.operations(asked.layers, queries=51)
    assert each["train"] == pytest.approx(
        0.144e9, rel=0.01
    )  # engine table: GF of a training step of this network
    assert each["eigenvalues"] == pytest.approx(0.30e9, rel=0.01)
    assert each["scores"] == pytest.approx(0.186e9, rel=0.01)
    assert each["covariance"] < 0.40e9  # what the same takes with patches
    assert forecast.parameters(asked.layers) == 411_824


def test_seconds_grow_linearly_with_the_images(asked):
    once, twice = seconds(asked), seconds(replace(asked, class_sizes=[2400] * 10, fitted=24_000))
    eigen = forecast.eigen_cubes(asked.layers) * RATES.eigen
    assert twice["fit_factors"] - eigen == pytest.approx(2 * (once["fit_factors"] - eigen))
    of_queries = forecast.query_operations(asked.layers) * asked.queries / RATES.scores
    assert twice["score_pairs"] - of_queries == pytest.approx(2 * (once["score_pairs"] - of_queries))


def test_seconds_grow_linearly_with_the_queries(asked):
    a, b, c = (seconds(replace(asked, picks=n))["score_pairs"] for n in (1, 2, 3))
    assert c - b == pytest.approx(b - a) and b > a
    assert seconds(replace(asked, picks=3))["fit_factors"] == seconds(asked)["fit_factors"]


def test_factors_of_another_kind_or_on_fewer_images_cost_less(asked):
    of = {
        k: cost.influence_seconds(asked, RATES, PLENTY, k)["fit_factors"]
        for k in ("ekfac", "kfac", "identity")
    }
    assert of["ekfac"] > of["kfac"] > of["identity"] == 0
    assert seconds(replace(asked, fitted=3000))["fit_factors"] < 0.3 * of["ekfac"]


def test_memory_counts_queries_workers_scores_and_images(asked):
    p, more = forecast.parameters(asked.layers), replace(asked, picks=5)
    grown = more.score_memory(PLENTY) - asked.score_memory(PLENTY)
    assert grown == pytest.approx(51 * (2 * 4 * p + 2 * 4 * 12_000))
    larger = replace(asked, image_bytes=asked.image_bytes + 1e9)
    for memory in (Asked.score_memory, Asked.factor_memory):
        assert memory(larger, PLENTY) - memory(asked, PLENTY) == pytest.approx(1e9)
        third = memory(asked, replace(PLENTY, workers=3)) - memory(asked, PLENTY)
        assert third >= forecast.worker_bytes(asked.layers, on_gpu=False)


def test_disk_is_that_of_the_files(asked, tiny):
    fit = next(a for a in kept(tiny) if a.stage.name == "fit_factors").value
    parts = forecast.layers(tiny.experiment.model, (3, 32, 32), 10)
    files = sum(file.stat().st_size for file in fit.directory.glob("*.safetensors"))
    assert forecast.factor_bytes(parts) == pytest.approx(files, rel=0.02)
    assert forecast.gradient_bytes(asked.layers, 12_000) == pytest.approx(9.9e9, rel=0.01)


def test_too_many_test_images_are_refused_with_a_number_that_fits(asked):
    many = replace(asked, picks=256)
    little = replace(PLENTY, memory=1.5e9)
    words = many.scores_refused(little)
    assert words.startswith("queries.count=256: 13080 queries on 12,000 images need ")
    assert "1.5 GB are free" in words
    fits = int(words.split("queries.count=")[2].split()[0])
    assert not replace(asked, picks=fits).scores_refused(little) and 1 < fits < 256


def test_too_many_workers_are_refused_with_a_number_that_fits(asked):
    crowd = Room(memory=1.2e9, disk=1e12, workers=64)
    words = asked.factors_refused(crowd)
    assert words.startswith("64 workers: fitting needs ") and "1.2 GB are free" in words
    fits = int(words.split("OMP_NUM_THREADS=")[1].split()[0])
    assert not asked.factors_refused(replace(crowd, workers=fits)) and 1 <= fits < 64
    assert asked.factors_refused(replace(crowd, memory=1e8)).endswith("lower model.width")


def test_a_full_disk_is_refused(asked):
    assert not room.disk_refused(1e9, PLENTY)
    assert room.disk_refused(3e9, replace(PLENTY, disk=2e9)) == (
        "results need 3.0 GB of disk, 2.0 GB are free; make room, or choose another folder with --store"
    )


def test_what_fits_but_could_be_cheaper_comes_with_the_setting(asked):
    assert not asked.fitting_advice(60)
    assert "factors.max_examples=6000 takes half as long" in asked.fitting_advice(7200)
    little = replace(PLENTY, memory=1e9)
    fits = int(asked.scoring_advice(little).split("queries.count=")[2].split()[0])
    assert asked.score_passes(little) > 1 == replace(asked, picks=fits).score_passes(little)
    assert "those of 4 of 10 labels are kept" in asked.keeping_advice(PLENTY, budget=4.1e9)
    assert not asked.keeping_advice(PLENTY, budget=1e10)


def test_a_probe_measures_every_pass_and_is_remembered(tiny, tmp_path):
    x, data = tiny.experiment, tiny.dataset.value
    parts = forecast.layers(x.model, data.train.images.shape[1:], 10)
    found = probe.rates(x.model, data, parts, tmp_path, "fp32")
    assert min(vars(found).values()) > 0
    started = time.perf_counter()
    assert probe.rates(x.model, data, parts, tmp_path, "fp32") == found
    assert time.perf_counter() - started < 0.1


def test_a_plan_says_what_does_not_fit(tiny):
    free = Room(memory=5e8, disk=1e3)
    changed = tiny.experiment.changed(factors={"seed": 1})
    steps = {s.stage: s for s in cost.forecast(plan(changed, tiny.dataset.store), free) if not s.done}
    assert not steps["score_pairs"].fits and steps["score_pairs"].remark.startswith("queries.count=2: ")
    assert not steps["fit_factors"].fits and "fitting needs" in steps["fit_factors"].remark
    assert any("of disk" in s.remark and not s.fits for s in steps.values())
    assert all(s.seconds > 0 and np.isfinite(s.memory_mb) for s in steps.values())
