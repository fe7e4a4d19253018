"""Does the guided case ask before it tells, keep guesses to the tab, and stay silent where the truth is sealed?"""

import shutil
from dataclasses import replace

import pytest

from app import results
from app.panels.lesson import guided
from core import truth
from core.cases import Case
from core.learn import lessons
from core.learn.lessons_verdict import Committed


def button(at, label):
    return next(b for b in at.button if b.label.startswith(label))


def key(case: Case, name: str) -> str:
    return f"guided-{name}-{case.id}-0"


def said(at) -> str:
    """What is revealed, and whether the guess was right."""
    return "\n".join(e.value for kind in (at.success, at.warning, at.info) for e in kind)


@pytest.fixture
def evidence(case):
    return lessons.evidence(case, 0)


@pytest.mark.parametrize("step", range(1, 8))
def test_every_step_opens_by_its_address_and_asks_before_it_tells(step, visit, case_id, case, evidence):
    at = visit("guided", case=case_id, lesson=str(step))
    assert not at.exception and not at.error
    assert lessons.STEPS[step - 1] in at.get("progress")[0].proto.text
    assert not said(at)
    assert not at.dataframe and not at.metric


def test_without_a_case_in_the_address_the_first_one_with_a_known_truth_is_taken(visit, case_id, view_of):
    at = visit("guided", lesson="5")
    assert (view_of(at).case, view_of(at).lesson) == (case_id, 5)


@pytest.mark.parametrize("step", ["0", "-3", "99"])
def test_a_step_that_there_is_not_leads_to_the_nearest(step, visit, case_id):
    at = visit("guided", case=case_id, lesson=step)
    assert not at.exception
    assert at.get("progress")[0].proto.text.startswith(f"Step {7 if step == '99' else 1} of 7")


def test_a_guess_is_compared_with_the_fact(visit, case_id, case, evidence):
    question = lessons.why(evidence)
    for guess, verdict in ((question.right, "Right."), (0, "Not quite.")):
        at = visit("guided", case=case_id)
        at = at.radio(key=key(case, "choice-1")).set_value(guess).run()
        assert not said(at)
        at = button(at, "This is my guess").click().run()
        assert verdict in said(at)
        assert at.get("plotly_chart")


def test_skipping_tells_nothing_and_going_back_finds_the_guess(visit, case_id, case, view_of):
    at = visit("guided", case=case_id)
    at = at.radio(key=key(case, "choice-1")).set_value(1).run()
    at = button(at, "This is my guess").click().run()
    at = button(at, "Next").click().run()
    assert view_of(at).lesson == 2
    at = button(at, "Skip").click().run()
    at = button(at, "Back").click().run()
    assert not said(at)
    at = button(at, "Back").click().run()
    assert said(at)


def test_guesses_are_in_the_tab_and_nowhere_else(visit, case_id, case, view_of):
    at = visit("guided", case=case_id)
    before = view_of(at)
    at = button(at, "Just show me").click().run()
    assert at.session_state[guided.GUESSES] == {(case_id, 0): {1: guided.SHOWN}}
    assert view_of(at) == before
    assert not said(visit("guided", case=case_id))


def test_three_images_have_to_be_picked(visit, commit, case_id, case, evidence):
    right = sorted(lessons.supporters(evidence).right)
    at = visit("guided", case=case_id, lesson="2")
    at = commit(at, key(case, "pick-2"), right[:2])
    assert button(at, "This is my guess").disabled
    at = commit(at, key(case, "pick-2"), right)
    at = button(at, "This is my guess").click().run()
    assert "Right." in said(at)
    assert "You picked 3, of which 3 are right" in said(at)


def test_the_collapse_is_watched_copy_by_copy_and_judged_at_the_end(visit, case_id, case, evidence):
    question, left = lessons.lasting(evidence), lessons.survivors(evidence)
    at = visit("guided", case=case_id, lesson="4")
    at = at.number_input(key=key(case, "number-4")).set_value(int(question.value)).run()
    at = button(at, "This is my guess").click().run()
    so_far = at.slider(key=key(case, "copies-so-far"))
    assert not said(at)
    assert any(f"**{left[0]:,}** of 300" in c.value for c in at.caption)
    at = so_far.set_value(len(left)).run()
    assert "Right." in said(at)


def test_a_set_is_committed_to_and_graded(visit, commit, case_id, case, evidence, view_of):
    at = visit("guided", case=case_id, lesson="5", th="-0.5", tol="1")
    at = commit(at, key(case, "threshold"), -0.25)
    assert view_of(at).threshold == -0.25
    mine = Committed(-0.25, 1).flagged(evidence)
    at = button(at, "Commit to these").click().run()
    assert f"You committed to {mine.sum()} images" in said(at)
    at = button(at, "Next").click().run()
    assert "True positive" not in said(at) and not at.dataframe
    at = button(at, "Just show me").click().run()
    hits = (mine & truth.of(case.plan).poisoned).sum()
    assert f"Your set holds {hits} poisons among {mine.sum()} images" in said(at).replace("\\", "")
    assert len(at.dataframe[0].value) == 3


def test_a_teachers_link_to_the_sixth_step_grades_the_line_in_it(visit, case_id, evidence):
    at = visit("guided", case=case_id, lesson="6", th="-0.5", tol="1")
    at = button(at, "Just show me").click().run()
    assert f"among {Committed(-0.5, 1).flagged(evidence).sum()} images" in said(at).replace("\\", "")
    assert any("counts as yours" in c.value for c in at.caption)


def test_the_truth_is_shown_at_the_end_though_it_is_hidden_elsewhere(visit, case_id):
    at = visit("guided", case=case_id, lesson="6", truth="hide")
    at = button(at, "Just show me").click().run()
    assert "poisons among" in said(at)


def test_hiding_the_truth_changes_nothing_before_the_sixth_step(visit, case_id, words):
    for step in "12345":
        shown, hidden = (visit("guided", case=case_id, lesson=step, truth=t) for t in ("show", "hide"))
        assert words(shown) == words(hidden)


def test_unlearning_is_guessed_revealed_and_summed_up(visit, case_id, case):
    at = visit("guided", case=case_id, lesson="7", tol="1")
    at = at.number_input(key=key(case, "number-7")).set_value(0).run()
    at = button(at, "This is my guess").click().run()
    assert "You said 0, it is" in said(at).replace("\\", "")
    assert at.subheader[0].value == "How you did"
    assert any("of 1" in m.value and "You guessed right in" in m.value for m in at.markdown)
    at = button(at, "Start again").click().run()
    assert at.get("progress")[0].proto.text.startswith("Step 1")
    assert not said(at)


def test_a_case_without_outcomes_offers_to_make_them(visit, case_id, store_root):
    shutil.rmtree(store_root / "unlearn")
    at = visit("guided", case=case_id, lesson="7", tol="1")
    assert not at.exception
    assert "No unlearning has been computed" in said(at)
    assert button(at, "Unlearn your own")
    assert at.subheader[0].value == "How you did"


def test_an_empty_set_has_nothing_to_unlearn(visit, case_id):
    at = visit("guided", case=case_id, lesson="7", th="-1e30")
    assert not at.exception
    assert any("nothing of yours to unlearn" in c.value for c in at.caption)


def test_a_sealed_case_has_no_lesson_and_tells_nothing(visit, case_id, case, words, monkeypatch):
    sealed = replace(case, sealed=True)
    monkeypatch.setattr(results, "case", lambda _: sealed)
    for step in "16":
        at = visit("guided", case=case_id, lesson=step)
        assert "needs the truth" in at.info[0].value
        assert "badnet" not in words(at).lower()
        assert not at.get("progress")


def test_an_empty_store_leads_to_the_cases(visit):
    at = visit("guided")
    assert "Choose an investigation first" in at.info[0].value
