"""Everything that is known of one training image, on a page of its own."""

from dataclasses import replace

import numpy as np
import streamlit as st

from app import charts, closeup_charts, closeups, image_facts, rules, words
from app.panels import dossier_copies, inspector
from app.panels import listing as lists
from app.panels.layers import layers
from app.state import View
from core import closeup
from core.artifacts import Detection
from core.cases import Case
from core.detectors.contrast import Contrast

TIMES, WIDEST = 8, 400


def dossier(case: Case, view: View, found: Detection, i: int) -> None:
    """All of it, the pictures first."""
    listed = lists.listing(case, view, found)
    st.page_link(
        "views/investigate.py",
        label="Back to Investigate",
        icon=":material/arrow_back:",
        query_params=inspector.address(replace(view, image=i)),
    )
    lists.steps(listed, i, "dossier")
    left, right = st.columns([5, 4], gap="large")
    with left:
        _pictures(case, i)
    with right:
        told = [(f"{i:,}", image_facts.facts(case, view, found, i))]
        if 0 <= view.pinned != i:
            told.append((f"pinned {view.pinned:,}", image_facts.facts(case, view, found, view.pinned)))
        st.markdown(image_facts.side_by_side(told))
        inspector.decisions(case, view, i)
    _contrast(case, view, i)
    dossier_copies.copies(case, view, i)
    st.header("In the training set")
    left, right = st.columns(2, gap="large")
    with left:
        inspector.neighbours(case, found, listed, i)
    with right:
        _places(case, view, found, i)
    layers(case, view, i)
    st.caption(f"Where this comes from: {image_facts.provenance(case)}.")


def _pictures(case: Case, i: int) -> None:
    """The image eight times as large, what is beyond the mean of its label, and that mean."""
    side = case.plan.poisoned.value.train.images.shape[-1]
    large = min(TIMES * side, WIDEST)
    with st.container(horizontal=True, vertical_alignment="top", key="dossier-pictures"):
        for number, (pixels, told, alt) in enumerate(inspector.views(case, i)):
            inspector.picture(pixels, told, alt, large if number == 0 else large * 2 // 5)


def _contrast(case: Case, view: View, i: int) -> None:
    """Its support of the picked image against its support of each control."""
    st.header("What the contrast looks at")
    rule = rules.contrast(view, margin=view.margin)
    if reason := rules.why_not(case, view):
        st.info(f"There is no contrast here. {words.escaped(reason)}.", icon=":material/info:")
        return
    seen = closeup.support(closeups.contrasted(case, rule), rule.margin, i)
    if seen is None:
        st.caption(
            "Nothing: no picked test image was read as the label of this image, so it cannot have taught that answer."
        )
        return
    n = len(seen.picked)
    picked = "picked image" if n == 1 else f"{n} picked images"
    mean = "its support" if n == 1 else "the mean support"
    side = "beyond" if seen.picked.mean() > seen.cut_off else "short of"
    st.caption(
        f"Each circle is how much this image supports one of {len(seen.controls)} clean test images of its label. It is "
        f"flagged when {mean} of the {picked} is right of the cut-off: it is {side} it, "
        f"{seen.contrast:.2f} deviations from the controls' mean where {seen.level:.2f} are needed."
    )
    alt = f"support of training image {i} for {len(seen.controls)} controls and {picked}; it is {side} the cut-off"
    charts.show(closeup_charts.support(seen, picked), key="support", alt=alt, height=240)


def _places(case: Case, view: View, found: Detection, i: int) -> None:
    """Where every detector puts it."""
    st.markdown("**Where each detector puts it**")
    known = {d.name: d for d in case.run.experiment.detectors}
    rule, n = rules.in_force(case, view), len(found.flagged)
    own = {"detector": f"{type(rule).title}, as set now"} | _place(found, i)
    if not image_facts.compared(case, rule, i):
        own |= {"place": None}
    ready = {name: artifact.value for name, artifact in case.plan.detections.items() if artifact.done}
    rows = [own, *({"detector": type(known[name]).title} | _place(ready[name], i) for name in ready)]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"place": st.column_config.NumberColumn(f"place of {n:,}", format="localized")},
    )
    if isinstance(rule, Contrast) and rows[0]["place"] is None:
        st.caption("The contrast gives no place to images whose label no picked image was read as.")


def _place(found: Detection, i: int) -> dict:
    return {
        "place": closeup.place(np.asarray(found.suspicion), i),
        "flagged": "yes" if found.flagged[i] else "no",
    }


def chosen(case: Case, view: View, found: Detection) -> int:
    """The image of the address, or else the first in the order."""
    return inspector.shown(view, found, lists.listing(case, view, found))


def title(case: Case, i: int) -> str:
    """What the page is called, in Markdown."""
    data = case.plan.poisoned.value
    return f"Training image {i:,}, labelled {words.quoted(data.class_names[data.train.labels[i]])}"
