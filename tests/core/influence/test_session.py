"""A kept victim answers what a pass would answer, from stored gradients, whatever the question."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from core import progress, runs, stages
from core.experiment import ScoreSettings
from core.influence import relabel
from core.influence.scores import score_layers, score_logits
from core.influence.session import Session

QUESTION = ScoreSettings()


@pytest.fixture(scope="module")
def case(tiny) -> SimpleNamespace:
    """What a session needs, and one picked image with its copies."""
    factors = next(a for a in runs.kept(tiny) if a.stage is stages.fit_factors).value
    pair = [tiny.queries.value, tiny.changed.value, tiny.controls.value]
    return SimpleNamespace(
        opened=(tiny.experiment.model, tiny.victim.value, tiny.poisoned.value, factors),
        images=np.concatenate([q.images for q in pair]),
        labels=np.concatenate([q.labels for q in pair]),
        scores=tiny.scores.value.values,
        training=tiny.poisoned.value.train.labels,
    )


def whole(session: Session, case: SimpleNamespace, question: ScoreSettings = QUESTION) -> np.ndarray:
    values = np.full_like(case.scores, np.nan)
    for rows, scores in session.score(case.images, case.labels, question, int(case.labels[0])):
        values[:, rows] = scores
    return values


def close(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(one - other).max() < tolerance * np.abs(other).max())


@pytest.fixture
def session(case, tmp_path) -> Session:
    return Session(*case.opened, tmp_path / "gradients", 10**9)


def test_a_session_scores_as_the_pipeline_does(case, session):
    assert close(whole(Session(*case.opened, None, 0), case), case.scores, 1e-4)
    first, again = whole(session, case), whole(session, case)
    assert close(first, case.scores, 5e-3) and close(again, first, 1e-5)
    assert session.stored_labels == tuple(range(10))


def test_the_suspected_label_comes_first(case, session):
    wanted = int(case.labels[0])
    rows = np.concatenate([r for r, _ in session.score(case.images, case.labels, QUESTION, wanted)])
    n = int((case.training == wanted).sum())
    assert (case.training[rows[:n]] == wanted).all()
    assert sorted(rows) == list(range(len(case.training)))


def test_an_interrupted_label_goes_on_where_it_stopped(case, session, monkeypatch):
    monkeypatch.setattr("core.influence.sweep.CPU_BATCH", 4)

    class Sink(progress.Silence):
        def update(self, phase: str, done: int, total: int | None) -> None:
            if phase == "gradients" and done >= 8:
                raise progress.Cancelled

    with pytest.raises(progress.Cancelled), progress.reporting(Sink()):
        whole(session, case)
    wanted = int(case.labels[0])
    assert json.loads((session.store.folder / f"{wanted}.json").read_text())["done"] == 8
    assert close(whole(session, case), case.scores, 5e-3)


def test_gradients_that_do_not_fit_are_not_stored_and_the_answer_is_the_same(case, tmp_path):
    small = Session(*case.opened, tmp_path / "gradients", 10)
    assert close(whole(small, case), case.scores, 1e-4)
    assert small.stored_labels == () and not (tmp_path / "gradients").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"damping": "heuristic"},
        {"damping": 1e-3},
        {"strategy": "identity"},
        {"damping": 1e-4, "strategy": "kfac"},
    ],
)
def test_damping_and_strategy_are_part_of_the_question(case, session, settings):
    question = ScoreSettings(**settings)
    whole(session, case)
    assert close(whole(session, case, question), whole(Session(*case.opened, None, 0), case, question), 5e-3)


def test_layers_add_up_to_the_whole(case, session):
    question, names = ScoreSettings(damping="heuristic"), [name for name, _ in session.layers]
    parts = session.by_layer(case.images, case.labels, np.arange(5), question)
    assert parts.shape == (len(names), len(case.labels), 5)
    everything = whole(Session(*case.opened, None, 0), case, question)
    assert close(parts.sum(0), everything[:, :5], 1e-3)
    only = whole(session, case, question.model_copy(update={"layers": (names[3],)}))
    assert close(only[:, :5], parts[3], 1e-2)
    with pytest.raises(ValueError, match=r"layers=\['neck'\]: the network has no such layer"):
        whole(session, case, question.model_copy(update={"layers": ("neck",)}))


def test_every_label_follows_from_the_logits_without_another_pass(case, session):
    logits, parts = session.score_logits(case.images, QUESTION)
    scores = np.zeros((*logits.shape, len(case.training)), np.float32)
    for rows, values in parts:
        scores[:, :, rows] = values
    assert close(relabel.relabelled(scores, logits, case.labels), case.scores, 5e-3)
    other = (case.labels + 3) % 10
    direct = whole(session, SimpleNamespace(**{**vars(case), "labels": other}))
    assert close(relabel.relabelled(scores, logits, other), direct, 5e-3)


def test_the_kept_scores_of_logits_give_the_changes_of_the_pipeline(tiny, case):
    evidence = (*case.opened, tiny.queries.value, tiny.changed.value)
    found = score_logits(tiny.experiment.scores, 1, *evidence)
    labels = tiny.changed.value.labels[tiny.changed.value.parent == 1]
    changes = relabel.changes(found.values, found.logits, found.label, labels)
    assert close(changes, tiny.scores.value.delta(1), 1e-3)


def test_the_kept_scores_of_layers_add_up_to_the_image_s_own(tiny, case):
    settings, evidence = (
        ScoreSettings(damping="heuristic"),
        (*case.opened, tiny.queries.value, tiny.changed.value),
    )
    found = score_layers(settings, (1, 7), *evidence)
    session = Session(*case.opened, None, 0)
    rows = [1, *np.flatnonzero(np.concatenate([tiny.queries.value.parent, tiny.changed.value.parent]) == 1)]
    assert close(found.values.sum(0), whole(session, case, settings)[rows, 7], 1e-3)
    assert len(found.layers) == len(found.values) and found.self_influence > 0


@pytest.mark.parametrize("measurement", ["margin", "cross_entropy", "logit"])
def test_weights_are_the_derivatives_of_the_measurement(measurement):
    logits, label = np.array([[1.0, -2.0, 0.5]]), np.array([2])

    def value(z: np.ndarray) -> float:
        others = np.log(np.exp(z[:2]).sum() if measurement == "margin" else np.exp(z).sum())
        return float((0 if measurement == "logit" else others) - z[2])

    steps = [(value(logits[0] + e) - value(logits[0] - e)) / 2e-5 for e in np.eye(3) * 1e-5]
    assert np.allclose(relabel.weights(logits, label, measurement)[0], steps, atol=1e-4)


def test_self_influence_is_positive_and_what_a_score_against_oneself_is(case, session):
    rows = np.arange(0, len(case.training), 50)
    own = session.self_influence(rows, QUESTION)
    assert (own > 0).all() and close(session.self_influence(rows[:2], QUESTION), own[:2], 1e-5)


@pytest.mark.parametrize("damage", ["gone", "cut off", "altered", "record cut off"])
def test_kept_gradients_that_are_not_as_they_were_written_are_never_used(case, session, damage):
    first = whole(session, case)
    for label in (1, 4):
        file = session.store.folder / f"{label}.bf16"
        if damage == "gone":
            file.unlink()
        elif damage == "cut off":
            os.truncate(file, file.stat().st_size // 2)
        elif damage == "altered":
            data = np.fromfile(file, np.uint16)
            data[::1000] ^= 0x4000  # a bit of the exponent
            data.tofile(file)
        else:
            file.with_suffix(".json").write_text('{"done": 3')
    again = Session(*case.opened, session.store.folder, 10**9)
    assert close(whole(again, case), first, 1e-5)
    assert Session(*case.opened, session.store.folder, 10**9).stored_labels == tuple(range(10))
