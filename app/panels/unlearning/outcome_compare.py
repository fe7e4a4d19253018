"""Two models side by side: what one puts right and the other breaks, class by class, and whether that is chance."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from app import charts, moved, outcome_charts, state
from app.outcome_charts import confusion, difference
from app.panels.unlearning.outcome_names import VICTIM
from app.panels.unlearning.outcomes import Shown
from app.shell import escaped
from app.state import View
from app.words import counted
from core.artifacts import Report
from core.cases import Case
from core.unlearned import comparing
from core.unlearned.comparing import Comparison
from core.unlearned.outcomes import Outcome

KINDS = {"all": "All", "fixed": "Fixed", "broken": "Broken", "other": "Other"}


@dataclass(frozen=True)
class After:
    """What `View.after` holds: `second.first.seed.kind.row`, each part empty for its default."""

    second: str = ""
    """Id of the result; empty for the best of the set in use."""
    first: str = ""
    """Id of the result that it is compared with; empty for the victim."""
    seed: str = ""
    kind: str = "all"
    row: int = -1
    """Test image that is shown large, or −1."""

    @classmethod
    def of(cls, text: str) -> "After":
        """From the address, which may hold anything."""
        parts = (text.split(".") + [""] * 5)[:5]
        row = int(parts[4]) if parts[4].isascii() and parts[4].isdigit() else -1
        first = "" if parts[1] == VICTIM else parts[1]
        return cls(parts[0], first, parts[2], kind=parts[3] if parts[3] in KINDS else "all", row=row)

    @property
    def text(self) -> str:
        """For the address."""
        kind, row = "" if self.kind == "all" else self.kind, "" if self.row < 0 else str(self.row)
        first = "" if self.first == VICTIM else self.first
        return ".".join((self.second, first, self.seed, kind, row)).rstrip(".")


@dataclass(frozen=True)
class Sides:
    """Two models to compare."""

    after: After
    names: tuple[str, str]
    reports: tuple[Report, Report]
    outcome: Outcome
    """The second one."""

    def compared(self, case: Case) -> Comparison:
        """What the second model reads differently on the clean test images."""
        before, after = (np.asarray(r.test_predictions) for r in self.reports)
        return comparing.compare(case.plan.dataset.value.test.labels, before, after)


def move(**parts: Any) -> None:
    """Change parts of the comparison as it stands by now."""
    state.update(after=replace(After.of(state.latest().after), **parts).text)


def sides(what: Shown, view: View) -> Sides:
    """Two select boxes, at first the victim and the best outcome of the set in use."""
    after, names = After.of(view.after), what.names
    known = {r.id: r for r in what.results}
    second = after.second if after.second in known else what.results[0].id
    first = after.first if after.first in known and after.first != second else VICTIM
    left, right, third = st.columns([2, 2, 1], vertical_alignment="bottom")
    with left:
        titles = {VICTIM: VICTIM} | {i: name for i, name in names.items() if i != second}
        _box("Compare", "first", titles=titles, value=first)
    with right:
        _box("with", "second", titles=names, value=second)
    seeds = {str(o.asked.seed): o for o in known[second].outcomes}
    seed = after.seed if after.seed in seeds else next(iter(seeds))
    if len(seeds) > 1:
        with third:
            _box("Seed", "seed", titles={s: s for s in seeds}, value=seed)
    return Sides(
        replace(after, second=second, first=first, seed=seed),
        (names.get(first, VICTIM), names[second]),
        (what.case.plan.before.value if first == VICTIM else known[first].first.report, seeds[seed].report),
        seeds[seed],
    )


def _box(label: str, part: str, *, titles: dict[str, str], value: str) -> None:
    def choose(name: str) -> None:
        move(**{part: "" if name == VICTIM else name}, row=-1)

    key, options = f"compare-{part}", list(titles)
    moved.placed(st.selectbox, label, options, key=key, value=value, on_move=choose, format_func=titles.get)


def verdict(case: Case, both: Sides, found: Comparison) -> None:
    """How many test images were put right and broken, and whether that is chance."""
    fixed, broken = len(found.fixed), len(found.broken)
    first, second = (r.test_accuracy for r in both.reports)
    with st.container(horizontal=True, gap="large"):
        change = f"{100 * (second - first):+.2f} points"
        st.metric("Test accuracy", f"{second:.1%}", change if second != first else None, width="content")
        st.metric(
            "Fixed", f"{fixed:,}", help="Wrong in the first model, right in the second.", width="content"
        )
        st.metric(
            "Broken", f"{broken:,}", help="Right in the first model, wrong in the second.", width="content"
        )
        hint = "McNemar's exact test, two-sided: how often chance alone would part fixed from broken so unevenly."
        st.metric("p", f"{found.p_value:.3g}", help=hint, width="content")
    st.caption(_in_words(both, found))


def _in_words(both: Sides, found: Comparison) -> str:
    n, changed = len(both.reports[0].test_predictions), len(found.changed)
    told = f"{changed:,} of {counted(n, 'clean test image')} are read differently. "
    if not len(found.fixed) + len(found.broken):
        return told + "Neither model is right where the other is wrong."
    if found.p_value >= 0.05:
        return told + "The difference in accuracy may well be chance."
    better = both.names[1 if len(found.fixed) > len(found.broken) else 0]
    return (
        told
        + f"Chance hardly explains the difference in accuracy: {escaped(better)} is better on clean images."
    )


def matrices(case: Case, both: Sides) -> None:
    """Both confusion matrices on one scale, and where they differ."""
    names = list(case.plan.dataset.value.class_names)
    counts = [np.asarray(r.confusion) for r in both.reports]
    shares = [comparing.shares(c) for c in counts]
    shown = [
        (both.names[0], confusion(names, counts[0], shares[0])),
        (both.names[1], confusion(names, counts[1], shares[1])),
        ("difference", difference(names, counts[1] - counts[0], shares[1] - shares[0])),
    ]
    st.subheader("Confusion")
    for number, (column, (title, figure)) in enumerate(zip(st.columns(3, gap="small"), shown, strict=True)):
        with column:
            st.markdown(f"**{escaped(title)}**")
            charts.show(figure, key=f"confusion-{number}", alt=f"confusion matrix, {title}", height=360)
    st.caption("Of the difference, blue: more test images than before; orange: fewer.")


def classes(case: Case, both: Sides) -> None:
    """Accuracy of both models on every class."""
    names = list(case.plan.dataset.value.class_names)
    first, second = (np.asarray(r.class_accuracy) for r in both.reports)
    st.subheader("Accuracy per class")
    figure = outcome_charts.by_class(names, (both.names[0], first), (both.names[1], second))
    charts.show(figure, key="classes", alt="accuracy per class of both models", height=300)
