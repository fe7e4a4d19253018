"""Which transformation carries the flags: how often each makes influence fall, and what leaving it out changes."""

import streamlit as st

from app import charts, rules, tuning_charts
from app.panels import kinds
from app.state import View
from app.words import transformation
from core import collapse, copies
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast


def transforms(case: Case, view: View, found: Detection) -> None:
    """Falling changes by kind, and the flags with each kind left out."""
    by_contrast = isinstance(rules.in_force(case, view), Contrast)
    if by_contrast:
        st.info(
            "The contrast with controls does not look at copies: leaving a kind out changes none of its flags. Below is "
            f"what Delta-Influence at threshold {view.threshold:.3g} and tolerance {view.tolerance} makes of the copies.",
            icon=":material/info:",
        )
    left, right = st.columns(2, gap="medium")
    with left:
        _falling(case, view, found, fixed=by_contrast)
    with right:
        _left_out(case, view)


def _falling(case: Case, view: View, found: Detection, *, fixed: bool) -> None:
    rule = rules.of_copies(case, view)
    names = copies.kinds(case.plan.scores.value, view.query)
    every = rules.changes(case, rule.model_copy(update={"without": ()}))
    shares = collapse.lost_by_transform(every, found.flagged, rule.level, names)
    st.subheader("Changes that fall")
    st.caption(
        "A useful transformation separates the bars: nearly all flagged images fall, the others about by chance."
        + ("" if fixed else " Click a bar to leave its kind out, or to bring it back.")
    )
    key = f"by-transform-{view.without}"  # a click is used up when it is another chart

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points and (kind := points[0]["customdata"]) in rules.kinds(case, view):
            kinds.toggled(case, view, kind)

    charts.show(
        tuning_charts.by_transform(shares, rule.without),
        key=key,
        alt="share of falling changes by kind of transformation, for flagged images and for the others",
        height=60 + 44 * len(shares),
        on_select="ignore" if fixed else clicked,
    )


def _left_out(case: Case, view: View) -> None:
    """The flags with each kind that still counts left out."""
    rule = rules.of_copies(case, view)
    scores = case.plan.scores.value
    names = tuple(scores.transforms[row] for row in copies.rows(scores, rule.query, rule.without))
    effects = collapse.each_left_out(rules.changes(case, rule) < rule.level, names, rule.tolerance)
    st.subheader("Without it")
    st.caption(
        "What leaving one kind out would do to the flags. A set that hangs on one kind changes much: trust it less."
    )
    rows = [
        {
            "transformation": transformation(kind),
            "copies": names.count(kind),
            "lost": effect and effect.go,
            "gained": effect and effect.come,
            "similarity": effect and effect.similarity,
        }
        for kind, effect in effects.items()
    ]
    number = st.column_config.NumberColumn
    look = {
        "lost": number(help="Images that would no longer be flagged."),
        "gained": number(help="Images that would be flagged only then."),
        "similarity": number(
            format="percent", help="Jaccard similarity of both sets: 100 % means that they are the same."
        ),
    }
    st.dataframe(rows, hide_index=True, column_config=look)
    if lacking := [row["transformation"] for row in rows if row["similarity"] is None]:
        st.caption(f"Too few copies would be left for the tolerance without {', '.join(lacking)}.")
