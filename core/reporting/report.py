"""The report on a flagged set as data: what was asked, by which rule, whom it flags, what came of it, and its limits.

Everything is counted here, nothing is drawn. Without the truth (hidden, sealed, or unknown to anybody) nothing in a
report depends on it.
"""

from dataclasses import dataclass, replace

import numpy as np
from pydantic.fields import FieldInfo

from core import truth, wording
from core.artifacts import Detection
from core.cases import Case
from core.detectors.base import Detector
from core.export import command
from core.picks import UNKNOWN
from core.reporting import report_flags, report_outcomes, report_sources
from core.reporting.report_parts import (
    Bar,
    Bars,
    Block,
    Code,
    Document,
    Fact,
    Facts,
    Gallery,
    Picture,
    Points,
    Section,
    Text,
)
from core.reporting.report_reviews import Reviews
from core.runs import identifier
from core.truth import Truth

MOST_PICKED = 8
"""Picked test images that are shown."""
LIMITS = (
    "A flag says that a training image supports the wrong answer in a way in which clean images hardly ever do. It does "
    "not prove that somebody altered the image, and it says nothing about intent.",
    "The expected share of false flags is calibrated under the assumption that clean images of the label treat the "
    "picked image no better than other images of their class; a clean image that truly resembles it can be flagged, and "
    "surely so.",
    "Images that are not flagged are not thereby clean: another attack, or another picked image, may find others.",
    "Influence is an approximation around one trained classifier. Trained again with other random numbers, scores near "
    "the cut-off may fall on the other side; how sure each flag is says how many resamples agree, no more.",
    "Low figures after unlearning are figures of this test set; a trigger that the test set does not contain is not "
    "measured.",
)
SECTIONS = {
    "asked": "What was asked",
    "rule": "The rule",
    "flagged": "The flagged set",
    "images": "The flagged images",
    "review": "What reviewers said",
    "outcomes": "After unlearning",
    "truth": "Against the truth",
    "limits": "What this does not prove",
    "again": "Doing it again",
}
"""Every section by the name under which it can be left out."""


def discreet(case: Case, known: Truth | None) -> bool:
    """Whether a truth exists that must not show: not in attacks, settings, keys or commands."""
    return case.sealed or (known is None and truth.known(case.plan))


def write(
    case: Case,
    rule: Detector,
    *,
    found: Detection,
    known: Truth | None = None,
    reviews: Reviews | None = None,
) -> Document:
    """The whole report. `known` is the truth where the reader may see it. The caller adds date and author."""
    known = None if case.sealed else known
    hidden = discreet(case, known)
    sources = report_sources.of_plan(case.plan, discreet=hidden)
    outcomes, more = report_outcomes.section_of(case, found, known=known, hidden=hidden)
    flagged = report_flags.Flagged(case, rule, found)
    blocks: dict[str, tuple[Block, ...]] = {
        "asked": _asked(case, rule, known),
        "rule": _rule(rule),
        "flagged": flagged.figures(),
        "images": flagged.images(),
        "review": reviews.blocks() if reviews else (),
        "outcomes": outcomes,
        "truth": _against(case, found, known) if known else (),
        "limits": (Points(LIMITS),),
        "again": _again(case, rule, hidden),
    }
    sections = tuple(Section(name, SECTIONS[name], told) for name, told in blocks.items() if told)
    if known:
        more["truth"] = report_sources.of_artifact(case.plan.poisoning, discreet=False)
    return Document(_title(case, hidden), case.id, "", sections, sources | more)


@dataclass(frozen=True)
class Signature:
    """What the author of a report adds, and what he leaves out."""

    made: str
    title: str = ""
    author: str = ""
    notes: str = ""
    without: frozenset[str] = frozenset()
    """Names of sections."""


def signed(document: Document, by: Signature) -> Document:
    """The report with the words of its author, and without the sections that he leaves out."""
    kept = tuple(section for section in document.sections if section.name not in by.without)
    words = {"title": by.title.strip() or document.title, "author": by.author.strip()}
    return replace(document, made=by.made, sections=kept, notes=by.notes.strip(), **words)


def _title(case: Case, hidden: bool) -> str:
    """The case's title, unless it may name the attack; that of a blind case was chosen by a teacher."""
    images = type(case.run.experiment.dataset).title
    return f"Suspect training images · {images}" if hidden and not case.sealed else case.run.title


def _asked(case: Case, rule: Detector, known: Truth | None) -> tuple[Block, ...]:
    x, p = case.run.experiment, case.plan
    data, report = p.dataset.value, p.before.value
    height, width = data.train.images.shape[2:]
    facts = [
        Fact("Images", f"{type(x.dataset).title}, {len(data.class_names)} classes", ("images",)),
        Fact("Training images", f"{len(data.train):,} of {height} × {width} pixels", ("images",)),
        Fact("Classifier", f"{type(x.model).title}, {x.recipe.epochs} epochs", ("classifier",)),
        _figure("test_accuracy", report.test_accuracy, "examination"),
    ]
    if known:
        facts.append(_figure("poison_success_rate", report.poison_success_rate, "examination"))
    question = (
        "The classifier misreads the test images below. Which training images taught it to? Their influence on the wrong "
        "answer is measured, and the rule decides whose influence is not that of a clean image."
    )
    return (Text(question), Facts(tuple(facts)), *_picked(case, rule))


def _picked(case: Case, rule: Detector) -> tuple[Block, ...]:
    """The picked images that the rule looks at, and what the classifier says about the first."""
    queries, names = case.plan.queries.value, case.plan.dataset.value.class_names
    first = getattr(rule, "query", 0)
    last = first + getattr(rule, "most_queries", getattr(rule, "n_queries", 1))
    rows = range(first, min(last, len(queries)))
    said = queries.probabilities[first]
    top = np.argsort(-said, kind="stable")[:5]
    bars = tuple(
        Bar(names[k], float(said[k]), f"{said[k]:.1%}", marked=k == queries.labels[first]) for k in top
    )
    pictures = tuple(_picture(case, row) for row in rows[:MOST_PICKED])
    caption = f"{len(rows)} picked test image{'s' if len(rows) != 1 else ''} that the rule looks at"
    return (
        Gallery(caption, pictures, ("picked",)),
        Bars("What the classifier says about the first of them", bars, ("picked",)),
    )


def _picture(case: Case, row: int) -> Picture:
    queries, names = case.plan.queries.value, case.plan.dataset.value.class_names
    read, true = names[queries.labels[row]], int(queries.true_labels[row])
    sure = queries.probabilities[row, queries.labels[row]]
    lines = (f"read as {read} ({sure:.0%})", "" if true == UNKNOWN else f"shows {names[true]}")
    return Picture(queries.images[row], f"picked test image, {lines[0]}", tuple(x for x in lines if x))


def _rule(rule: Detector) -> tuple[Block, ...]:
    paragraphs = (type(rule).__doc__ or "").split("\n\n")
    facts = tuple(
        Fact(_setting(name, info), _told(getattr(rule, name)), meaning=info.description or "")
        for name, info in type(rule).model_fields.items()
        if name in rule.model_dump()
    )
    words = tuple(Text(" ".join(part.split())) for part in paragraphs)
    return (Facts((Fact("Rule", type(rule).title),)), *words, Facts(facts))


def _setting(name: str, info: FieldInfo) -> str:
    return "First picked image" if name == "query" else info.title or name.replace("_", " ").capitalize()


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _against(case: Case, found: Detection, known: Truth) -> tuple[Block, ...]:
    grades, attack = known.grade(found), case.run.experiment.attack
    shown = (
        "true_positive_rate",
        "precision",
        "precision_in_target_label",
        "average_precision",
        "average_precision_in_target_label",
    )
    facts = [
        Fact("Attack", f"{type(attack).title}, {len(known):,} poisons", ("truth",)),
        Fact("Poisons among the flags", f"{grades['true_positives']:,} of {len(known):,}", ("truth", "rule")),
        *(_figure(name, grades[name], "truth", "rule") for name in shown),
    ]
    words = (
        "In this case the attack was carried out on purpose, so the truth is known. No rule sees it; this section only "
        "grades the result."
    )
    return Text(words), Facts(tuple(facts))


def _again(case: Case, rule: Detector, hidden: bool) -> tuple[Block, ...]:
    versions = Fact("Computed with", report_sources.versions(case.plan))
    if hidden:
        words = (
            "The command that finds this set again needs the experiment's file, which names the attack; it is part of the "
            "report only when the truth is shown."
        )
        return Text(words), Facts((versions,))
    words = (
        "Export experiment.toml, and run this beside it; results that exist are read, others are computed. On another "
        "machine open the case's bundle first (python -m core open)."
    )
    if case.order is not None:
        words += " It writes rows of the data; this exercise numbers its images anew."
    return (
        Text(words),
        Code(command(case.plan, rule), "prints the number of flags; --out rows.npy writes the set"),
        Facts((Fact("Run", identifier(case.plan.experiment)), versions)),
    )


def _figure(name: str, value: float | None, *sources: str) -> Fact:
    title, meaning = wording.FIGURES[name]
    return Fact(title.capitalize(), report_outcomes.in_figures(name, value), sources, meaning)
