"""Are the answers of the engine those of the pipeline, whatever happens to its process?"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch

from core.engine import place
from core.engine.answer import Answer
from core.engine.client import Call, connect
from core.engine.desk import Desk, make_room
from core.engine.questions import Question, about_misread, about_scores, misread
from core.jobs.process import identify, is_alive
from core.picks import Pick
from core.pipeline import investigate, plan
from core.store import Store

ROOT = Path(__file__).parents[3]


def end(root: Path) -> None:
    """End the engine of a results folder."""
    with suppress(ProcessLookupError):
        os.kill(place.published(root).pid, signal.SIGKILL)


def told(call: Call) -> list[dict]:
    return [message.header for message in call.events()]


@pytest.fixture(scope="module")
def calm(tiny, tiny_root, tmp_path_factory):
    """The answer about test image 3, given without any trouble: its plan and how it came."""
    root = tmp_path_factory.mktemp("calm") / "store"
    shutil.copytree(tiny_root, root, ignore=shutil.ignore_patterns("fit_factors", "locks"))
    p = investigate(tiny.experiment, Store(root, computes=False), Pick.parse("test-3"))
    answer = Answer(root, about_scores(p))
    assert answer.wait(60) and answer.state == "done", answer.error
    yield p, answer
    end(root)


def test_an_answer_comes_label_by_label_the_suspected_one_first(calm):
    p, answer = calm
    labels, first = p.poisoned.value.train.labels, int(p.queries.value.labels[0])
    arrived = labels[np.concatenate([part.rows for part in answer.parts])]
    of_it = int((labels == first).sum())
    assert (arrived[:of_it] == first).all() and len(arrived) == len(labels)
    assert len(answer.parts[0].rows) <= of_it
    assert answer.ready and answer.scored == (len(labels), len(labels))
    sent = np.concatenate([part.values for part in answer.parts], axis=1)
    rows = np.concatenate([part.rows for part in answer.parts])
    assert np.array_equal(sent, p.scores.value.values[:, rows])
    assert all(found.done for found in p.detections.values())


def test_an_answer_is_the_pipelines_own_under_the_pipelines_key(calm, about, tmp_path):
    p, _ = calm
    root = p.scores.store.root
    shutil.copytree(root, tmp_path / "again", ignore=shutil.ignore_patterns("score_pairs", "engine", "locks"))
    ours, theirs = p.scores.value, about("test-3", tmp_path / "again", computes=True).scores.value
    assert np.array_equal(ours.parent, theirs.parent) and ours.transforms == theirs.transforms
    assert np.abs(ours.values - theirs.values).max() < 2e-2 * np.abs(theirs.values).max()
    disagree = (ours.delta().max(0) < 0) != (theirs.delta().max(0) < 0)
    assert disagree.mean() < 0.02  # gradients are kept in bf16


def test_what_is_there_already_is_not_made_again(calm):
    p, _ = calm
    before = p.scores.meta
    again = Answer(p.scores.store.root, about_scores(p))
    assert again.wait(20) and again.state == "done"
    assert not again.parts and p.scores.meta == before


def test_a_killed_engine_is_started_again_and_gives_the_same_answer(opened, about, calm):
    p, seen, killed = about("test-3"), [], None
    for message in Call(opened, about_scores(p)).events():
        seen.append(message.header["event"])
        if killed is None and message.header.get("stage") == "fit_factors":
            killed = place.published(opened)
            os.kill(killed.pid, signal.SIGKILL)
    assert seen.count("restarted") == 1 and seen[-1] == "done"
    assert place.published(opened).pid != killed.pid
    assert np.array_equal(p.scores.value.values, calm[0].scores.value.values)


def test_an_engine_that_dies_every_time_is_given_up_with_words(opened, about):
    seen = []

    def kill_all() -> None:
        for message in Call(opened, about_scores(about("test-3"))).events():
            seen.append(message.header["event"])
            if seen[-1] != "restarted":
                os.kill(place.published(opened).pid, signal.SIGKILL)

    with pytest.raises(RuntimeError, match=r"ended 3 times while it worked on this.*engine\.log"):
        kill_all()
    assert seen.count("restarted") == 2


def test_closing_cancels_and_the_next_question_is_answered(opened, about):
    p = about("test-3")
    call = Call(opened, about_scores(p))
    for message in call.events():
        if message.header.get("stage") == "fit_factors":
            call.close()
    pid = place.published(opened).pid
    assert not p.scores.done
    assert told(Call(opened, about_misread(p)))[-1]["event"] == "done"
    assert misread(p).done and not p.scores.done
    assert place.published(opened).pid == pid
    assert "a question was cancelled" in (opened / "engine" / "engine.log").read_text()


def test_a_question_that_fails_says_why_and_the_engine_lives(opened, about):
    answer = Answer(opened, about_scores(about("test-99999")))
    assert answer.wait(60)
    assert answer.state == "failed" and "there is no such image" in answer.error
    with connect(opened) as line:
        assert line.getpeername()


def test_two_dashboards_at_once_use_one_engine(opened):
    lines = []
    both = [Thread(target=lambda: lines.append(connect(opened))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert len({line.getpeername() for line in lines}) == 1 and len(lines) == 2
    for line in lines:
        line.close()


def test_an_engine_of_other_code_is_replaced(opened, about):
    with connect(opened):
        old = place.published(opened).pid
    question = about_scores(about("test-3"))
    other = Call(opened, Question(question.kind, question.experiment, "0" * 32))
    with pytest.raises(RuntimeError, match="ended 3 times"):  # no engine of this code ever makes that key
        told(other)
    assert not Path(f"/proc/{old}").exists() or place.published(opened) != old


@pytest.mark.parametrize("reason", ["parent", "idle", "folder"])
def test_an_engine_that_nobody_needs_ends_by_itself(reason, store_root):
    parent = subprocess.Popen(["sleep", "60"])
    options = [
        "--store",
        str(store_root),
        "--parent",
        str(parent.pid),
        "--idle",
        "1" if reason == "idle" else "600",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "core.engine", *options], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    me = identify(process.pid)
    while place.published(store_root) is None:
        assert process.poll() is None
        time.sleep(0.05)
    if reason == "parent":
        parent.kill()
        parent.wait()
    if reason == "folder":
        (store_root / "engine" / "address.json").unlink()
    assert process.wait(20) == 0 and not is_alive(me)
    assert place.published(store_root) is None
    parent.kill()
    parent.wait()


def test_where_memory_is_too_small_the_scores_come_all_at_once(about, opened, monkeypatch):
    monkeypatch.setattr("core.influence.scores.MEMORY_SHARE", 0)
    p, heard = about("test-3"), []
    Desk(opened).answer(about_scores(p), lambda header, arrays: heard.append(header["event"]))
    assert heard == ["ready"] and p.scores.done


def test_no_more_than_two_cases_stay_open(about, opened, make_experiment, store_root):
    desk = Desk(store_root)
    for seed in (0, 1, 2):
        p = plan(make_experiment(factors={"seed": seed}), Store(store_root))
        desk.answer(about_misread(p), lambda header, arrays: None)
    assert len(desk._opened) == 2


ASK = """
import sys
from pathlib import Path
import tomllib
from core.engine.answer import Answer
from core.engine.questions import about_scores
from core.experiment import Experiment
from core.picks import Pick
from core.pipeline import investigate
from core.store import Store
root, toml = Path(sys.argv[1]), sys.argv[2]
p = investigate(Experiment.from_toml(toml), Store(root, computes=False), Pick.parse("test-3"))
answer = Answer(root, about_scores(p))
answer.wait(60)
print(answer.state, p.scores.value.values.shape[1], [n for n in ("torch", "sklearn", "scipy") if n in sys.modules])
"""


def test_who_asks_needs_no_torch(calm, tiny_toml):
    asked = [sys.executable, "-c", ASK, str(calm[0].scores.store.root), str(tiny_toml)]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.strip() == "done 300 []", done.stderr[-2000:]


def test_gradients_of_other_cases_make_room(store_root, monkeypatch):
    monkeypatch.setattr("core.engine.desk.GRADIENT_BYTES", 20_000)
    for age, name in enumerate(("old", "new", "mine")):
        (folder := store_root / "gradients" / name).mkdir(parents=True)
        (folder / "0.bf16").write_bytes(b"x" * 16_000)
        os.utime(folder, (age, age))
    make_room(store_root / "gradients" / "mine")
    assert {f.name for f in (store_root / "gradients").iterdir()} == {"new", "mine"}


def test_gradients_of_one_fit_are_never_used_with_another_one_of_the_same_key(opened, about, monkeypatch):
    """Fitted again on another device or by another library, eigenvectors come with other signs."""
    desk = Desk(opened)
    desk.answer(about_scores(about("test-3")), lambda *_: None)
    shutil.rmtree(opened / "fit_factors")
    real = torch.linalg.eigh

    def other_signs(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, vectors = real(matrix)
        return values, vectors * (1 - 2 * (torch.arange(len(values)) % 2))

    monkeypatch.setattr(torch.linalg, "eigh", other_signs)
    p = about("test-4")
    Desk(opened).answer(about_scores(p), lambda *_: None)
    shutil.copytree(opened, opened.parent / "pass", ignore=shutil.ignore_patterns("score_pairs", "locks"))
    plain = about("test-4", opened.parent / "pass", computes=True).scores.value
    kept = p.scores.value
    assert np.abs(kept.values - plain.values).max() < 2e-2 * np.abs(plain.values).max()
