"""The flagged set as a table: to sort, to search, and to pick an image from."""

from typing import Any

import numpy as np
import streamlit as st

from app import images, results, rules, state
from app.state import View
from app.words import counted
from core import collapse
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast
from core.detectors.relative_collapse import RelativeCollapse
from core.export import Rule

MOST = 5000


def table(case: Case, view: View, found: Detection) -> None:
    """The most suspect of the flagged images, a row each."""
    order = np.argsort(-found.suspicion, kind="stable")
    flagged = order[found.flagged[order]]
    if not len(flagged):
        st.info("Nothing is flagged, so there is nothing to list.", icon=":material/info:")
        return
    shown = flagged[:MOST]
    st.caption(
        f"{len(shown):,} of {counted(len(flagged), 'flagged image')}, most suspect first. A click on a heading sorts; the "
        "box left of a row puts its image into the inspector."
    )
    rule = rules.in_force(case, view)
    key = f"table-{case.id}-{rule.model_dump_json()}"

    def picked() -> None:
        if rows := st.session_state[key].selection.rows:
            state.update(image=int(shown[rows[0]]))

    st.dataframe(
        _columns(case, view, found, shown),
        key=key,
        hide_index=True,
        height=460,
        row_height=40,
        column_config=_look(rule),
        on_select=picked,
        selection_mode="single-row",
    )
    if view.image in shown:
        st.button(
            f"Inspect training image {view.image:,}",
            icon=":material/search:",
            on_click=lambda: state.update(tab="images"),
        )


def _columns(case: Case, view: View, found: Detection, shown: np.ndarray) -> dict[str, Any]:
    data, rule, copies = case.plan.poisoned.value, rules.in_force(case, view), rules.of_copies(case, view)
    labels = np.asarray(data.train.labels)[shown]
    falling = collapse.votes(rules.changes(case, copies)[:, shown], copies.level)
    sign = 1 if isinstance(rule, Contrast | RelativeCollapse) else -1
    return {
        "number": shown,
        "image": [images.address(case.id, "train", int(i)) for i in shown],
        "label": [data.class_names[label] for label in labels],
        "falls": falling,
        "decides": sign * found.suspicion[shown],
        "sure": results.sureness(case, rule)[shown],
    }


def _look(rule: Rule) -> dict[str, Any]:
    title, hint = {
        "contrast": ("above cut-off", "Contrast less the calibrated cut-off, in the image's own deviations."),
        "relative_collapse": ("collapse", "Share of its influence that the image loses, from −1 to 1."),
        "delta_influence": ("deciding change", "The change that has to be below the threshold."),
    }[rule.name]
    config = st.column_config
    return {
        "number": config.NumberColumn("number", format="%d", help="Of the training image."),
        "image": config.ImageColumn("image", width="small"),
        "label": config.TextColumn("label"),
        "falls": config.NumberColumn(
            "copies that fall", format="%d", help="How many of the copies that count."
        ),
        "decides": config.NumberColumn(title, format="%.4g", help=hint),
        "sure": config.ProgressColumn(
            "flagged again",
            format="percent",
            min_value=0,
            max_value=1,
            help="Share of resamples of the same evidence that flag the image again.",
        ),
    }
