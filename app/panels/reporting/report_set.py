"""Which set a report is about, and the report itself, made once for as long as nothing about it changes."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st

from app import results, rules, shell, state
from app.panels.review import review_book
from app.state import View
from core import cases
from core.artifacts import Detection
from core.cases import Case
from core.detection import verdict
from core.detectors.base import Detector
from core.detectors.reviewed import Reviewed
from core.export import Looking
from core.reporting import report
from core.reporting.report_flags import Flagged
from core.reporting.report_parts import Document
from core.reporting.report_reviews import Reviews, reviews_of

KEPT_SET = "set-"
"""What comes before the digest of a set in an address."""
KEPT = 4
_lock = Lock()
_documents: OrderedDict[tuple[Any, ...], Document] = OrderedDict()


@dataclass(frozen=True)
class Subject:
    """What is reported on: a set, the rule that gave it, and what people said about it."""

    case: Case
    view: View
    rule: Detector
    found: Detection
    reviews: Reviews | None

    @property
    def hidden(self) -> bool:
        """Whether a truth exists that must not show."""
        return report.discreet(self.case, results.truth(self.case, self.view))

    @property
    def flagged(self) -> Flagged:
        """The set, for contact sheets."""
        return Flagged(self.case, self.rule, self.found)

    @property
    def looking(self) -> Looking:
        """What exports have to know."""
        address = state.parameters_of(self.view) | {"v": state.VERSION}
        said = self.reviews.told if self.reviews else {}
        return Looking(self.case.id, self.hidden, address, said)


def subject(case: Case, view: View) -> Subject:
    """The set of the address: the rule of Investigate, another detector's flags, or a set that people chose."""
    rule, found = _chosen(case, view)
    return Subject(case, view, rule, found, reviews_of(review_book.read_quietly(case), found))


def _chosen(case: Case, view: View) -> tuple[Detector, Detection]:
    live = rules.in_force(case, view)
    if view.flags.startswith(KEPT_SET):
        try:
            kept = Reviewed(digest=view.flags.removeprefix(KEPT_SET))
            return kept, verdict(case.plan, kept)
        except (ValueError, OSError) as error:
            st.warning(f"{shell.escaped(shell.complaint(error))}. The rule of Investigate is taken.")
    others = {d.name: d for d in case.run.experiment.detectors if d.name != live.name}
    made = case.plan.detections.get(view.flags) if view.flags in others else None
    if made is not None and made.store.find(made) is not None:
        return others[view.flags], made.value
    return live, rules.flags(case, live)


def document(of: Subject) -> Document:
    """The report as data, from what is kept where it is the same."""
    truth = results.truth(of.case, of.view)
    made = {(o.asked.id, o.asked.seed) for o in cases.outcomes(of.case, results.store())}
    said = hash(tuple(of.reviews.told.items())) if of.reviews else 0
    _ = of.case.plan.scores.value  # says so where the file was altered since, whatever is kept of it
    rows = np.packbits(of.found.flagged).tobytes()
    key = (
        of.case.id,
        of.case.plan.scores.key,
        of.rule.model_dump_json(),
        rows,
        truth is None,
        of.case.sealed,
    )
    key = (*key, frozenset(made), said, str(results.store().root))
    with _lock:
        if key not in _documents:
            _documents[key] = report.write(of.case, of.rule, found=of.found, known=truth, reviews=of.reviews)
        _documents.move_to_end(key)
        while len(_documents) > KEPT:
            _documents.popitem(last=False)
        return _documents[key]
