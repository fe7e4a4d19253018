"""Influence means what it says: the sign, the formula and the numbers, checked against independent ways."""

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression

from core import partial, runs, stages
from core.artifacts import Dataset, Factors, Split, TrainedModel
from core.experiment import FactorSettings, ScoreSettings
from core.influence import scores as scoring
from core.influence import sweep
from core.influence.factors import fit_factors
from core.influence.scores import ScoresNotFinite, pairwise, queries_at_a_time, score_pairs
from core.influence.task import Images, MarginTask, drawn_labels, negative_margin
from core.models.base import Model
from core.networks import restore
from core.pipeline import plan
from core.store import Store

N, CLASSES, PENALTY = 90, 3, 0.02


class Softmax(Model):
    """Softmax regression on the pixels: the one model whose curvature is known exactly."""

    name: ClassVar[str] = "softmax"
    title: ClassVar[str] = "Softmax regression"

    def build(self, n_classes: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, n_classes))


def fit(victim: TrainedModel, data: Dataset, folder: Path, seed: int = 0) -> Factors:
    """Factors in a folder of the test's own."""
    fitted = fit_factors(FactorSettings(seed=seed), Softmax(), victim, data)
    return replace(fitted, directory=Path(shutil.move(fitted.directory, folder / "factors")))


def regression(features: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    """The minimum of mean cross-entropy over N images plus PENALTY/2 times the squared weights."""
    return LogisticRegression(C=1 / (PENALTY * N), tol=1e-10, max_iter=2000).fit(features, labels)


def measurement(fitted: LogisticRegression, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    logits = fitted.decision_function(features)
    own = np.eye(CLASSES, dtype=bool)[labels]
    return logsumexp(np.where(own, -np.inf, logits), axis=1) - logits[own]


@pytest.fixture(scope="module")
def problem(tmp_path_factory) -> SimpleNamespace:
    """Threes, fives and eights at 4×4 pixels, a fitted softmax regression, its factors and its scores."""
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    rows = np.flatnonzero(np.isin(labels, (3, 5, 8)))[: N + 12]
    small = values[rows].reshape(-1, 4, 2, 4, 2).mean((2, 4)) * 15  # n 4 4, in [0, 240]
    images, labels = small.astype(np.uint8)[:, None], np.searchsorted((3, 5, 8), labels[rows])
    mean, std = float(images.mean() / 255), float(images.std() / 255)
    data = Dataset(
        Split(images[:N], labels[:N]), Split(images[N:], labels[N:]), ("3", "5", "8"), (mean,), (std,)
    )
    features = ((images.reshape(-1, 16) / 255) - mean) / std
    fitted = regression(features[:N], labels[:N])
    weights = {"1.weight": fitted.coef_.astype(np.float32), "1.bias": fitted.intercept_.astype(np.float32)}
    curves = np.zeros(1, np.float32)
    victim = TrainedModel(weights, curves, curves, train_loss=0.0, seconds=0.0)
    factors = fit(victim, data, tmp_path_factory.mktemp("factors"))
    queries = Images(images.astype(np.float32) / 255, labels)
    found = SimpleNamespace(data=data, features=features, labels=labels, fitted=fitted, victim=victim)
    found.images, found.weights = images.astype(np.float32) / 255, weights
    found.score = lambda damping: pairwise(
        ScoreSettings(damping=damping), restore(Softmax(), weights, data), data, factors, queries
    )
    found.scores, found.factors = (
        found.score(PENALTY),
        factors,
    )  # q n: all training images, then all test images
    return found


def test_scores_predict_what_leaving_an_image_out_does_to_a_prediction(problem):
    test, labels = problem.features[N:], problem.labels[N:]
    before = measurement(problem.fitted, test, labels)
    changes = []
    for i in range(N):
        rest = np.delete(np.arange(N), i)
        refitted = regression(problem.features[rest], problem.labels[rest])
        changes.append(measurement(refitted, test, labels) - before)
    left_out = np.array(changes).T  # q n
    correlation = [np.corrcoef(s / N, c)[0, 1] for s, c in zip(problem.scores[N:], left_out, strict=True)]
    assert min(correlation) > 0.5 and np.median(correlation) > 0.8
    strongest = problem.scores[N:].argmax(1)
    assert (left_out[np.arange(len(test)), strongest] > 0).all()


def test_a_training_image_supports_itself(problem):
    assert (np.diag(problem.scores[:N]) > 0).all()


def test_scores_follow_the_published_formula(problem):
    """⟨Q_S [(Q_Sᵀ G_q Q_A) / (Λ + λ)] Q_Aᵀ, G_i⟩ with G_q of the negative margin and G_i of the cross-entropy."""
    part = {
        name: next(iter(load_file(problem.factors.directory / f"{name}.safetensors").values())).astype(float)
        for name in (
            "activation_eigenvectors",
            "gradient_eigenvectors",
            "lambda_matrix",
            "num_lambda_processed",
        )
    }
    q_a, q_s = part["activation_eigenvectors"], part["gradient_eigenvectors"]
    curvature = part["lambda_matrix"] / part["num_lambda_processed"] + PENALTY
    inputs = np.hstack([problem.features, np.ones((len(problem.features), 1))])
    logits, own = problem.fitted.decision_function(problem.features), np.eye(CLASSES)[problem.labels]
    of_loss = softmax(logits, axis=1) - own
    of_margin = softmax(np.where(own > 0, -np.inf, logits), axis=1) - own
    g_train = np.einsum("nk,nd->nkd", of_loss, inputs)[:N]
    g_query = np.einsum("nk,nd->nkd", of_margin, inputs)
    preconditioned = q_s @ ((q_s.T @ g_query @ q_a) / curvature) @ q_a.T
    expected = np.einsum("qkd,nkd->qn", preconditioned, g_train)
    assert np.allclose(problem.scores, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_heuristic_damping_is_a_tenth_of_the_mean_curvature(problem):
    directory = problem.factors.directory
    total = next(iter(load_file(directory / "lambda_matrix.safetensors").values()))
    count = next(iter(load_file(directory / "num_lambda_processed.safetensors").values()))
    by_hand = problem.score(float(0.1 * (total / count).mean()))
    assert np.allclose(problem.score("heuristic"), by_hand, rtol=1e-3, atol=1e-4 * np.abs(by_hand).max())


def test_the_measurement_is_the_negative_margin():
    logits, labels = torch.tensor([[2.0, 1.0, -1.0], [0.0, 3.0, 3.0]]), torch.tensor([0, 2])
    by_hand = [-(2 - np.log(np.exp(1) + np.exp(-1))), -(3 - np.log(np.exp(0) + np.exp(3)))]
    assert np.allclose(negative_margin(logits, labels).numpy(), by_hand)


def test_the_measurement_and_the_loss_are_the_same_evidence():
    """CE = log(1 + e^m), the identity behind "a training image supports itself"."""
    logits, labels = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 7
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(loss, negative_margin(logits, labels).exp().log1p(), atol=1e-5)


def test_labels_for_the_fisher_follow_the_seed(problem):
    network = restore(Softmax(), problem.victim.weights, problem.data)
    batch = torch.from_numpy(np.array(problem.data.train.images)), torch.zeros(N, dtype=torch.int64)

    def loss(seed: int) -> float:
        task = MarginTask(problem.data, np.random.default_rng(seed))
        return task.compute_train_loss(batch=batch, model=network, sample=True).item()

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


def test_labels_for_the_fisher_are_drawn_as_often_as_the_model_expects_them():
    logits, draws = torch.tensor([[0.0, 1.0, -2.0]]).repeat(20_000, 1), torch.rand(20_000)
    shares = drawn_labels(logits, draws).bincount(minlength=3) / 20_000
    assert torch.allclose(shares, logits[0].softmax(0), atol=0.02)
    assert drawn_labels(logits[:1], torch.tensor([1.0])).item() == 2  # rounding never leaves the classes


def test_factors_are_reproduced_by_their_seed_whatever_else_draws_numbers(problem, tmp_path):
    def lambdas(draw: int, seed: int) -> np.ndarray:
        torch.manual_seed(draw)
        folder = tmp_path / f"{draw}-{seed}"
        folder.mkdir()
        factors = fit(problem.victim, problem.data, folder, seed)
        return next(iter(load_file(factors.directory / "lambda_matrix.safetensors").values()))

    assert np.array_equal(lambdas(draw=1, seed=5), lambdas(draw=2, seed=5))
    assert not np.array_equal(lambdas(draw=3, seed=5), lambdas(draw=3, seed=6))


def test_fitting_leaves_no_files_outside_the_store(make_experiment, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    p = plan(make_experiment(training={"epochs": 1}), Store(tmp_path / "store"))
    fit = next(a for a in runs.missing(p) if a.stage is stages.fit_factors)
    assert list(fit.value.directory.iterdir())
    assert not list((tmp_path / "temporary").iterdir())


@pytest.fixture(scope="module")
def score_tiny(tiny) -> Any:
    """Scores some queries of the tiny case."""
    factors = next(a for a in runs.kept(tiny) if a.stage is stages.fit_factors).value

    def score(rows: slice = slice(0, 3)) -> np.ndarray:
        x, data = tiny.experiment, tiny.poisoned.value
        network = restore(x.model, tiny.victim.value.weights, data)
        both = [tiny.queries.value, tiny.changed.value, tiny.controls.value]
        images = Images(
            np.concatenate([q.images for q in both])[rows], np.concatenate([q.labels for q in both])[rows]
        )
        return pairwise(x.scores, network, data, factors, images)

    return score


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for rounding, which a damping of 1e-8 magnifies."""
    return (
        np.abs(one - other).max() < 0.01 * np.abs(other).max()
        and np.corrcoef(one.flat, other.flat)[0, 1] > 0.99999
    )


def test_scores_do_not_depend_on_the_training_batch(score_tiny, monkeypatch):
    small = score_tiny()
    monkeypatch.setattr(sweep, "CPU_BATCH", 300)
    assert same(score_tiny(), small)


def test_one_pass_for_all_queries_equals_one_pass_for_each(tiny, score_tiny, monkeypatch):
    together = tiny.scores.value.values[:3]
    assert queries_at_a_time(3, parameters=1000) == [slice(0, 3)]
    assert same(np.concatenate([score_tiny(slice(q, q + 1)) for q in range(3)]), together)
    monkeypatch.setattr(scoring, "MEMORY_SHARE", 0.0)  # no memory: one query at a time
    assert queries_at_a_time(3, parameters=1000) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert same(score_tiny(), together)


def test_poisons_support_the_wrong_prediction(tiny):
    scores, poisons = tiny.scores.value, tiny.poisoning.value.indices
    assert (scores.original(0)[poisons] > 0).mean() > 0.9
    assert (np.delete(scores.original(0), poisons) > 0).mean() < 0.8


def test_weights_that_are_not_numbers_end_in_a_message_not_in_scores(tiny):
    factors = next(a for a in runs.kept(tiny) if a.stage is stages.fit_factors).value
    weights = {name: np.array(w) for name, w in tiny.victim.value.weights.items()}
    weights["8.weight"][:] = np.nan
    broken, x = replace(tiny.victim.value, weights=weights), tiny.experiment
    with pytest.raises(ScoresNotFinite, match=r"(\d+) of \1 queries .* raise scores.damping"):
        asked = (tiny.queries.value, tiny.changed.value, tiny.controls.value)
        score_pairs(x.scores, x.model, broken, tiny.poisoned.value, factors, *asked)


def test_scoring_does_not_alter_the_stored_weights_or_factors(tiny, score_tiny):
    factors = next(a for a in runs.kept(tiny) if a.stage is stages.fit_factors)
    before = {p: p.stat().st_mtime_ns for p in Path(factors.value.directory).iterdir()}
    score_tiny()
    assert {p: p.stat().st_mtime_ns for p in Path(factors.value.directory).iterdir()} == before


def test_a_killed_run_that_cuts_its_queries_anew_takes_up_no_scores_of_other_queries(
    problem, tmp_path, monkeypatch
):
    """Three pieces of 3, 3 and 1 queries; with less memory afterwards every piece has 1."""
    queries = Images(problem.images[:7], problem.labels[:7])

    def score(size: int) -> np.ndarray:
        cut = [slice(i, min(i + size, 7)) for i in range(0, 7, size)]
        monkeypatch.setattr(scoring, "queries_at_a_time", lambda *_: cut)
        network = restore(Softmax(), problem.weights, problem.data)
        return pairwise(ScoreSettings(damping=PENALTY), network, problem.data, problem.factors, queries)

    monkeypatch.setattr(partial, "SECONDS", 0)
    monkeypatch.setattr(partial, "SHARE", 1e9)
    with suppress(KeyboardInterrupt), partial.kept(tmp_path, "key"):
        score(3)
        raise KeyboardInterrupt  # before the result was written
    with partial.kept(tmp_path, "key"):
        assert np.allclose(score(1), problem.scores[:7], atol=1e-4 * np.abs(problem.scores[:7]).max())
