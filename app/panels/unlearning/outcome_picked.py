"""The picked test images before and after unlearning, one by one and all together."""

from typing import Any

import numpy as np
import streamlit as st

from app import charts, images
from app.panels.unlearning.outcome_compare import Sides
from app.panels.unlearning.outcomes import Shown
from app.shell import escaped
from app.state import View
from core.cases import Case

MOST_IMAGES, MOST_MODELS = 64, 12


def picked_image(case: Case, view: View, both: Sides) -> None:
    """What the victim and the two models that are compared say about the picked image."""
    names, queries = list(case.plan.dataset.value.class_names), case.plan.queries.value
    true, wrong = int(queries.true_labels[view.query]), int(queries.labels[view.query])
    told = {"victim": np.asarray(queries.probabilities[view.query])}
    told |= {
        name: np.asarray(report.query_probabilities[view.query])
        for name, report in zip(both.names, both.reports, strict=True)
    }
    st.subheader("The picked test image, before and after")
    for number, (column, (title, values)) in enumerate(zip(st.columns(len(told)), told.items(), strict=True)):
        with column:
            said = names[int(values.argmax())]
            st.markdown(f"**{escaped(title)}** says {escaped(said)}")
            figure = charts.probabilities(names, values, true, wrong)
            charts.show(figure, key=f"after-{number}", alt=f"{title} says {said}", height=200)


def picked_images(what: Shown) -> None:
    """What every model says about every picked image."""
    case, queries = what.case, what.case.plan.queries.value
    if len(queries) < 2:
        return
    mine = [r for r in what.results if r.about(what.digest)] or what.results
    models = {what.names[r.id]: r.first.report for r in mine[:MOST_MODELS]}
    rows = [_row(case, i, models) for i in range(min(len(queries), MOST_IMAGES))]
    more = f" The first {MOST_IMAGES} of {len(queries)}." if len(queries) > MOST_IMAGES else ""
    st.caption(f"All picked images: what each model says, and how sure it is.{more}")
    st.dataframe(
        rows,
        hide_index=True,
        key="picked-images",
        row_height=44,
        column_config={"image": st.column_config.ImageColumn(width="small")},
        alt="what every model says about every picked image",
    )


def _row(case: Case, i: int, models: dict[str, Any]) -> dict[str, str]:
    names, queries = case.plan.dataset.value.class_names, case.plan.queries.value
    true = int(queries.true_labels[i])
    row = {
        "image": images.address(case.id, "query", i),
        "shows": names[true] if true >= 0 else "not known",
        "victim": _said(names, np.asarray(queries.probabilities[i])),
    }
    return row | {
        name: _said(names, np.asarray(report.query_probabilities[i])) for name, report in models.items()
    }


def _said(names: tuple[str, ...], values: np.ndarray) -> str:
    return f"{names[int(values.argmax())]} ({values.max():.0%})"
