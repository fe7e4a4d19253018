"""Does a report say what was found and where that comes from, in one file that loads and runs nothing else?"""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import standing_in
from strict_html import assert_self_contained, parsed

from core import sets, truth
from core.artifacts import Detection
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.influence_threshold import InfluenceThreshold
from core.reporting import report, report_html
from core.reporting.report import LIMITS, Signature, signed
from core.reporting.report_html_figures import bars, histogram, scatter
from core.reporting.report_parts import (
    Bar,
    Bars,
    Code,
    Document,
    Dot,
    Fact,
    Facts,
    Gallery,
    Histogram,
    Picture,
    Points,
    Scatter,
    Section,
    Table,
    Text,
)
from core.reporting.report_reviews import Reviews, reviews_of
from core.review.verdict_rows import ledger

EVIL = "</style></title><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>\"'&"


def written(case, rule=None, known=True, **more):
    rule = rule or Contrast()
    found = verdict(case.plan, rule)
    return report.write(case, rule, found=found, known=truth.of(case.plan) if known else None, **more)


def test_the_file_loads_nothing_runs_nothing_and_forbids_both(case):
    found = assert_self_contained(report_html.page(written(case)))
    [policy] = [a["content"] for t, a in found.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert ("html", {"lang": "en"}) in found.elements


def test_every_image_has_words_and_headings_go_down_by_one(case):
    found = parsed(report_html.page(written(case)))
    assert all(a.get("alt") for t, a in found.elements if t == "img")
    assert all(a.get("aria-label") for t, a in found.elements if t == "svg")
    levels = [int(t[1]) for t, _ in found.elements if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_it_says_who_is_flagged_and_what_that_does_not_prove(case):
    text = " ".join(parsed(report_html.page(written(case))).text)
    flagged = np.flatnonzero(verdict(case.plan, Contrast()).flagged)
    assert f"{len(flagged)} of 300 training images" in text
    assert sets.digest_of(flagged) in text
    assert all(re.search(rf"\b{number}\b", text) for number in flagged)
    assert all(sentence in text for sentence in LIMITS)


def test_every_footnote_leads_to_a_stored_result(case):
    content = report_html.page(written(case)).decode()
    asked = set(re.findall(r'href="#(source-\d+)"', content))
    assert asked == set(re.findall(r'id="(source-\d+)"', content))
    for artifact in (case.plan.scores, case.plan.victim, case.plan.before, case.plan.poisoning):
        assert artifact.key in content


def test_every_figure_with_a_number_has_a_source(case):
    facts = {
        f.name: f for s in written(case).sections for b in s.blocks if isinstance(b, Facts) for f in b.rows
    }
    for name in ("Flagged", "Test accuracy", "Precision", "Sure flags", "Training images"):
        assert facts[name].sources, name


def test_outcomes_are_those_of_exactly_this_set(case):
    rule = case.run.experiment.detectors[0]
    [table] = [
        b
        for s in written(case, rule).sections
        if s.name == "outcomes"
        for b in s.blocks
        if isinstance(b, Table)
    ]
    assert [row[0] for row in table.rows] == [
        "the classifier as it was",
        "Exact retraining (EU)",
        "Catastrophic forgetting (CF)",
    ]
    other = written(case, rule.model_copy(update={"threshold": -3.0}))
    [text] = next(s.blocks for s in other.sections if s.name == "outcomes")
    assert isinstance(text, Text) and "exactly this set" in text.text


@pytest.mark.parametrize("sealed", [False, True], ids=["hidden", "sealed"])
def test_a_report_without_the_truth_does_not_depend_on_it(case, sealed):
    if sealed:
        case = replace(
            case, sealed=True, run=replace(case.run, experiment=case.run.experiment.changed(title="Exercise"))
        )
    content = report_html.page(
        written(case, known=sealed)
    ).decode()  # a sealed case ignores a truth that is handed in
    keys = [a.key for a in (case.plan.poisoning, case.plan.victim, case.plan.scores, case.plan.before)]
    words = [
        "BadNet",
        "badnet",
        "oison success",
        "ruth: what",
        "python -m core",
        case.plan.experiment.title + "<",
    ]
    assert not [word for word in (*words, *keys) if word in content]
    assert {s.name for s in written(case, known=sealed).sections}.isdisjoint({"truth"})


def test_another_truth_gives_the_same_hidden_report(case, make_experiment):
    own = report_html.page(written(case, known=False))
    poisoning = case.plan.poisoning.value
    other = replace(poisoning, indices=poisoning.indices[::-1], victim_classes=(3,), target_classes=(4,))
    standing_in.put(case.plan.poisoning, other)
    try:
        assert report_html.page(written(case, known=False)) == own
    finally:
        standing_in.put(case.plan.poisoning, poisoning)


def test_hostile_words_stay_words():
    blocks = (
        Text(EVIL),
        Points((EVIL,)),
        Code(EVIL, EVIL),
        Facts((Fact(EVIL, EVIL, ("s",), EVIL),)),
        Table(EVIL, (EVIL, EVIL), ((EVIL, EVIL),), (("s",),)),
        Gallery(EVIL, (Picture(np.zeros((3, 4, 4), np.uint8), EVIL, (EVIL,)),), ("s",)),
        Histogram(EVIL, (1, 2), (0.0, 1.0, 2.0), 1.0, EVIL),
        Bars(EVIL, (Bar(EVIL, 0.5, EVIL),)),
        Scatter(EVIL, (Dot(EVIL, 0.5, 0.5),), (EVIL, EVIL)),
    )
    document = Document(EVIL, EVIL, EVIL, (Section(EVIL, EVIL, blocks),), {"s": EVIL}, EVIL, EVIL)
    found = assert_self_contained(report_html.page(document))
    assert "".join(found.text).count("alert(1)") >= 20
    dark = report_html.body(document, report_html.as_images(dark=True), level=2)
    assert_self_contained(dark.encode())


def test_the_author_adds_words_and_leaves_sections_out(case):
    document = signed(
        written(case), Signature("2026-01-02", " My title ", "Ann", "one\n\ntwo", frozenset({"rule"}))
    )
    text = " ".join(parsed(report_html.page(document)).text)
    assert all(word in text for word in ("My title", "Ann · 2026-01-02", "one", "two"))
    assert "The rule" not in {s.title for s in document.sections}
    assert signed(written(case), Signature("d")).title == "tiny"


def test_an_empty_set_is_a_report_too(case):
    text = " ".join(parsed(report_html.page(written(case, Contrast(margin=1e6)))).text)
    assert "Nothing is flagged" in text and "0 of 300" in text


@pytest.mark.parametrize("rule", [DeltaInfluence(tolerance=1), InfluenceThreshold()], ids=lambda r: r.name)
def test_other_rules_are_reported_too(case, rule):
    assert_self_contained(report_html.page(written(case, rule)))


def test_the_latest_word_on_an_image_counts(case):
    said = [
        ("a", 3, "poison", "x"),
        ("b", 3, "keep", "no"),
        ("a", 4, "unsure", ""),
        ("a", 5, "poison", ""),
        ("a", 5, "auto", ""),
    ]
    rows = [
        {"id": n, "image": i, "reviewer": who, "verdict": v, "reason": why, "undoes": None, "at": float(n)}
        for n, (who, i, v, why) in enumerate(said, 1)
    ]
    found = Detection(np.zeros(10, np.float32), np.arange(10) < 5)
    reviews = reviews_of(ledger(rows, 10), found)
    assert reviews.told == {3: ("keep", "b", "no"), 4: ("unsure", "a", "")}
    assert reviews.reviewed == {0, 1, 2, 4}
    assert reviews_of(ledger([], 10), found) is None
    names = {s.name for s in written(case, reviews=reviews).sections}
    assert "review" in names and Reviews({}).blocks() == ()


def test_a_histogram_tells_how_many_are_beyond_the_cut_off():
    drawn = histogram(Histogram("t", (5, 0, 2), (0.0, 1.0, 2.0, 3.0), 2.0, "axis"))
    assert "2 of 7 are beyond the cut-off 2" in drawn
    assert drawn.count("<rect") == 2


def test_figures_without_anything_to_draw_are_drawn():
    for drawn in (
        histogram(Histogram("t", (), (0.0, 1.0), None, "a")),
        bars(Bars("t", ())),
        scatter(Scatter("t", (), ("x", "y"))),
    ):
        parsed(drawn.encode())
