"""The evidence behind the flags, one view at a time."""

import numpy as np
import streamlit as st

from app import charts, images, results, rules
from app.components.gallery import gallery
from app.panels.inspect import training_images
from app.panels.tabs.composite import composite
from app.panels.tabs.evidence_classes import classes
from app.panels.tabs.evidence_kinds import transforms
from app.panels.tabs.evidence_surface import settings
from app.panels.tabs.evidence_table import table
from app.state import View
from app.words import listed, transformation
from core import copies as transformed
from core.artifacts import Detection
from core.cases import Case

MOST_COLUMNS = 300


def copies(case: Case, view: View, found: Detection) -> None:
    """The transformed and relabelled copies of the picked test image."""
    changed, names = case.plan.changed.value, list(case.plan.dataset.value.class_names)
    rows = np.flatnonzero(changed.parent == view.query)
    items = [
        {
            "id": int(row),
            "src": images.address(case.id, "copy", int(row)),
            "title": transformation(changed.transforms[row]),
            "lines": [
                f"asked: {names[changed.labels[row]]}",
                f"read as {names[changed.probabilities[row].argmax()]}",
            ],
        }
        for row in rows
    ]
    st.caption(
        "Each copy is asked about under a new random label: which training images support reading *this* picture as "
        "*that* class? “read as” is what the classifier sees in the copy."
    )
    gallery(items, key=f"copies-{case.id}-{view.query}", label="transformed copies", size=84)


def matrix(case: Case, view: View, found: Detection) -> None:
    """Changes of influence of the most suspect images under every copy."""
    without = rules.left_out(case, view)
    changes = results.changes(case, view.query, without)
    rows = np.argsort(-found.suspicion)[: min(MOST_COLUMNS, max(60, int(found.flagged.sum()) * 2))]
    names = _kinds(case, view, without)
    figure = charts.change_matrix(changes.delta, names, rows, changes.typical)
    inside = int(found.flagged[rows].sum())
    st.caption(
        f"The {len(rows)} most suspect of {len(found.flagged):,} training images; the first {inside} are flagged. "
        "Orange: influence fell. Blue: it rose. The scale is compressed, because changes are heavy-tailed."
    )
    charts.show(
        figure, key="matrix", alt="changes of influence by training image and transformation", height=420
    )


def detectors(case: Case, view: View, found: Detection) -> None:
    """Every detector of the experiment at its own setting."""
    p = case.plan
    known = {d.name: d for d in case.run.experiment.detectors}
    ready = {name: found.value for name, found in p.detections.items() if found.done}
    rows = [{"detector": type(known[name]).title} | _figures(case, view, ready[name]) for name in ready]
    words = (
        "Each at the setting of the experiment; those that need test images start from the first picked one."
    )
    if "relative_collapse" in ready:
        words += (
            " *Relative collapse* divides an image's fall by the size of its own scores, so that badly fitted clean "
            "images no longer pass."
        )
    st.caption(words)
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(rows, hide_index=True, column_config=dict.fromkeys(GRADES.values(), percent))
    if lacking := [type(d).title for d in known.values() if d.name not in ready]:
        st.caption(f"Not computed yet: {listed(lacking, most=9)}.")


GRADES = {
    "true_positive_rate": "true positive rate",
    "precision": "precision",
    "precision_in_target_label": "precision in label",
    "average_precision": "average precision",
    "average_precision_in_target_label": "average precision in label",
}


def _figures(case: Case, view: View, found: Detection) -> dict:
    """Size of a flagged set, and how right it is where the truth is shown."""
    flagged = {"flagged": int(found.flagged.sum())}
    truth = results.truth(case, view)
    grade = truth.grade(found) if truth else None
    return flagged | ({words: grade[name] for name, words in GRADES.items()} if grade else {})


def training(case: Case, view: View, found: Detection) -> None:
    """How the classifier was trained, and whether its scores can be trusted."""
    victim, report = case.plan.victim.value, case.plan.before.value
    names = list(case.plan.dataset.value.class_names)
    st.caption(
        f"Loss on the un-augmented training set: {victim.train_loss:.4f} nats. A classifier trained to zero loss has "
        "vanishing gradients: its influence scores are noise and nothing collapses."
    )
    left, right = st.columns(2)
    with left:
        charts.show(
            charts.curves(victim.loss, victim.accuracy), key="curves", alt="training curves", height=340
        )
    with right:
        charts.show(
            charts.confusion(names, report.confusion), key="confusion", alt="confusion matrix", height=340
        )


def _kinds(case: Case, view: View, without: tuple[str, ...]) -> list[str]:
    """Kind of each transformed copy of the picked image that counts, in the order of the changes."""
    scores = case.plan.scores.value
    rows = transformed.rows(scores, view.query, without)
    return [transformation(scores.transforms[row]) for row in rows]


EVIDENCE = {
    "images": training_images,
    "table": table,
    "composite": composite,
    "copies": copies,
    "matrix": matrix,
    "transforms": transforms,
    "surface": settings,
    "classes": classes,
    "detectors": detectors,
    "training": training,
}
