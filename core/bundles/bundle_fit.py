"""Whether the results of a bundle fit each other: one size of images, classes and rows that there are, one list of copies.

Pages count on it; where it does not hold they would break on a case that came from outside.
"""

import numpy as np

from core.artifacts import CONTROL, ORIGINAL
from core.bundles.bundle_layout import BundleRefused
from core.pipeline import Plan
from core.runs import Run
from core.unlearned import outcomes


def check(run: Run, p: Plan) -> None:
    """Raise BundleRefused for results that do not fit each other."""
    n, k = len(p.dataset.value.train), len(p.dataset.value.class_names)
    _check_queries(run, p, k)
    _check_poisoning(run, p, n, k)
    _check_reports(run, p, k)


def _require(fits: bool, name: str, part: str) -> None:
    if not fits:
        raise BundleRefused(f"{name}: its {part} do not fit the other results; make the bundle again")


def _check_queries(run: Run, p: Plan, k: int) -> None:
    """The picked images, their copies and the controls: of the case's size and classes, and those that were scored."""
    data, (q, copies, controls) = p.dataset.value, (a.value for a in (p.queries, p.changed, p.controls))
    for one in (q, copies, controls):
        _require(one.images.shape[1:] == data.train.images.shape[1:], f"run {run.id}", "size of test images")
        _require(one.probabilities.shape == (len(one), k), f"run {run.id}", "answers of the classifier")
        _require(_within(one.labels, 0, k) and _within(one.true_labels, -1, k), f"run {run.id}", "labels")
        _require(_within(one.test_rows, -1, len(data.test)), f"run {run.id}", "rows of test images")
    parents = np.repeat(np.arange(len(q)), len(copies) // max(len(q), 1))
    fits = len(q) > 0 and np.array_equal(copies.parent, parents) and len(copies) > 0
    fits = fits and bool((q.parent == ORIGINAL).all() and (controls.parent == CONTROL).all())
    scores = p.scores.value
    for name in ("parent", "labels", "transforms"):
        asked = [value for one in (q, copies, controls) for value in getattr(one, name)]
        fits = fits and list(getattr(scores, name)) == asked
    _require(fits, f"run {run.id}", "list of scored images")


def _check_poisoning(run: Run, p: Plan, n: int, k: int) -> None:
    data, told = p.dataset.value, p.poisoning.value
    tests, where = len(data.test), f"run {run.id}"
    _require(
        len(np.unique(told.indices)) == len(told.indices) and _within(told.indices, 0, n), where, "poisons"
    )
    _require(bool(told.target_classes) or not len(told.triggered), where, "labels of altered images")
    for images in (told.images, told.triggered.images):
        _require(images.shape[1:] == data.train.images.shape[1:], where, "size of altered images")
    for labels in (told.labels, told.triggered.labels, told.wanted, told.victim_classes, told.target_classes):
        _require(_within(np.asarray(labels, np.int64), 0, k), where, "labels of altered images")
    for rows in (told.triggered_rows, told.affected_rows):
        _require(_within(rows, 0, tests), where, "rows of altered test images")


def _check_reports(run: Run, p: Plan, k: int) -> None:
    """What models do: on every test image and every picked one, and on triggered ones where there are any."""
    tests, picked, where = len(p.dataset.value.test), len(p.queries.value), f"run {run.id}"
    made = [steps.report for a in outcomes.of_plan(p) if (steps := outcomes.steps(p, a)).exists]
    for report in (r.value for r in (p.before, *made)):
        _require(
            len(report.test_predictions) == tests and len(report.class_accuracy) == k, where, "predictions"
        )
        _require(report.query_probabilities.shape == (picked, k), where, "answers of the classifier")
        known = report.poison_success_rate is not None
        _require(known == (p.before.value.poison_success_rate is not None), where, "figures")
        _require(known or not len(p.poisoning.value.triggered), where, "figures")


def _within(values: np.ndarray, least: int, end: int) -> bool:
    return bool(((values >= least) & (values < end)).all())
